"""The self-test in the report: passed, failed, lost, not asked for."""

from pathlib import Path
from typing import Any

import pytest

from repro.config.paths import RunPaths
from repro.report import exit_code
from repro.results import Grid
from repro.results.selftest import CleanTotals, SelftestCounts, SelftestResult
from tests.report.synthetic_run import read_report, write_run

SENTENCE = "2 kinds of fault, planted 4 times in the running code of the two frameworks: 4 seen."


def with_selftest(root: Path, *, passed: bool = True, **profile: Any) -> RunPaths:
    """A complete run with a self-test."""
    run = write_run(root, **{"selftest": {"faults": "all"}, **profile})
    clean = CleanTotals(runs=10, steps=100, steps_not_passed=int(not passed), records=372, records_not_passed=0)
    result = SelftestResult(
        passed=passed,
        sentence=SENTENCE,
        summary=SelftestCounts(faults=2, planted=4, seen=4, missed=(), closest=None, clean=clean),
        table=Grid(columns=("fault", "margin"), rows=(("tf32", "step 1, `x|y`: 2.7 times its bound"),)),
        faults=(),
        clean=(),
    )
    result.write(run.selftest / "selftest.json")
    return run


@pytest.mark.parametrize("passed", [True, False])
def test_the_table_is_carried_and_a_blind_check_ends_the_run_with_1(tmp_path: Path, passed: bool) -> None:
    report, text = read_report(with_selftest(tmp_path / "run", passed=passed))
    assert report.selftest.passed is passed and report.selftest.summary and report.selftest.summary.seen == 4
    assert exit_code(report) == (0 if passed else 1)
    assert "The checks detected 4 of 4 [faults](#detection-power) planted in the running programs, with 0 false" in text
    assert "in 372 comparisons" in text
    assert ("Not everything holds: the checks missed a planted fault" in text) == (not passed)
    assert f"\n{'passed' if passed else 'failed'} — {SENTENCE}" in text
    assert "| tf32 | step 1, `x\\|y`: 2.7 times its bound |" in text


@pytest.mark.parametrize("fault", ["missing", "cut off", "empty", "contradiction", "sum"])
def test_one_that_was_asked_for_and_is_not_there_is_no_pass(tmp_path: Path, fault: str) -> None:
    run = with_selftest(tmp_path / "run")
    path = run.selftest / "selftest.json"
    text = path.read_text()
    faults = {
        "cut off": text[:40],
        "empty": "{}",
        "contradiction": text.replace('"passed": true', '"passed": false'),
        "sum": text.replace('"seen": 4', '"seen": 3'),
    }
    path.unlink() if fault == "missing" else path.write_text(faults[fault])
    report, markdown = read_report(run)
    assert report.selftest.asked and report.selftest.passed is None and exit_code(report) == 1
    assert "selftest/selftest.json is" in report.selftest.reason
    assert "not run: selftest/selftest.json is" in markdown
    assert "Not everything holds: the self-test has no usable result" in markdown


def test_where_it_was_not_asked_for_the_report_says_why(full_run: RunPaths, tmp_path: Path) -> None:
    report, text = read_report(full_run)
    assert not report.selftest.asked and exit_code(report) == 0
    assert "not run: The profile plants no faults" in text and "`repro selftest`" in text
    alone = with_selftest(tmp_path / "alone", backends=("pytorch",))
    assert "With one framework" in read_report(alone)[0].selftest.reason
