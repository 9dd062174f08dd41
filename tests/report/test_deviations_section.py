"""The deviations in the report: shown where the run holds them, missed where it should, left out where nobody asked."""

from pathlib import Path

import pytest

from repro.report import build_report, exit_code
from repro.report.figures import figures
from repro.results.report import Report
from tests.deviations.synthetic import deviations_result
from tests.report.synthetic_run import read_report, write_run

HEADING = "What each deviation of the published programs is worth"


def test_what_the_run_holds_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repro.report.figures", figures)  # no stand-in
    run = write_run(tmp_path, deviations={"switches": ["order"]})
    deviations_result().write(run.deviations / "deviations.json")
    report, text = read_report(run)
    section = text[text.index(HEADING) :]
    for part in ("Nothing changes.", "figures/deviations.svg", "figures/deviations-loss.svg", "| order | 0.00"):
        assert part in section
    assert (run.root / "figures" / "deviations.svg").is_file() and "Holm" in section
    html = run.report_md.with_suffix(".html").read_text()
    assert HEADING in html and "Effect of each deviation on F1" in html
    assert [figure.name for figure in report.figures if figure.name.startswith("deviations")] == [
        *("deviations", "deviations-loss")
    ]


def test_what_is_asked_for_and_missing_is_no_success(tmp_path: Path) -> None:
    complete = write_run(tmp_path / "complete")
    _, text = read_report(complete)
    assert HEADING not in text, "nobody asked"
    before = exit_code(Report.read(complete.report_json))
    incomplete = write_run(tmp_path / "lost", deviations={"switches": ["order"]})
    build_report(incomplete)
    report = Report.read(incomplete.report_json)
    assert (before, exit_code(report)) == (0, 1)
    assert report.deviations.reason == "deviations/deviations.json is missing."
    assert "deviations/deviations.json is missing" in incomplete.report_md.read_text()
