"""The table of faults, and from step results to the table of detections; no framework is loaded."""

from pathlib import Path
from typing import Any

import pytest

from repro.config.profile import BACKENDS
from repro.config.profile_file import load_profile
from repro.errors import InputError
from repro.results import Record, StepResult, status_and_counts
from repro.results.selftest import Clue, Detection, Detections, SelftestResult
from repro.selftest import SelftestPaths
from repro.selftest.conclude import conclude, render, summarise
from repro.selftest.detect import compare_runs, detection, margin
from repro.selftest.faults import FAULTS, TABLE
from repro.selftest.file_faults import FILE_FAULTS
from repro.selftest.prepare import profile_of

SOUND = Record(name="x", outcome="compared", gap64=1e-16, tolerance=1e-14, error_a=1e-7, error_b=2e-7, verdict="equal")
WRONG = SOUND.replace(verdict="different semantics", reason="no")
PLANTED = [FAULTS["tf32"], FAULTS["beta2"]]
STEPS = range(1, 11)


def step(*records: Record) -> StepResult:
    status, counts = status_and_counts(records)
    return StepResult(step=1, title="step", status=status, summary="summary", records=records, counts=counts)


def test_margins() -> None:
    assert margin(WRONG.replace(gap64=1e-10)) == pytest.approx(1e4)
    assert margin(WRONG.replace(error_a=4e-3)) == pytest.approx(4e-3 / 2e-7 / 1024)
    assert margin(WRONG.replace(error_b=None, gap64=3e-14)) == pytest.approx(3.0)
    assert margin(WRONG.replace(gap64=None)) is None
    assert margin(WRONG.replace(outcome="not finite")) is None


def test_the_clearest_record_is_shown() -> None:
    passed = detection(step(SOUND, SOUND))
    assert (passed.status, passed.records, passed.passed, passed.tensor) == ("passed", 2, 2, "")
    near, far = WRONG.replace(name="near", gap64=1e-12), WRONG.replace(name="far", gap64=1e-3)
    assert detection(step(SOUND, near, far, near)).tensor == "far"
    assert detection(step(far)).extent == "1e+11 times its bound"
    lost = far.replace(name="lost", outcome="missing key")
    assert detection(step(far, lost)).extent == "missing key"
    few = WRONG.replace(gap64=None, tolerance=0.0, reason="2 of 9 elements differ")
    assert detection(step(few)).extent == "2 of 9 elements differ"


def passes(number: int) -> Detection:
    return Detection(step=number, status="passed", records=3, passed=3)


def sees(number: int) -> Detection:
    return passes(number).replace(status="failed", passed=2, tensor="x", outcome="compared", margin=9.0, reason="no")


def result(*, spoil: tuple[int, int] | None = None, **changes: Any) -> SelftestResult:
    """Two clean seeds and two faults, each seen by every step that has to; in run ``spoil[0]`` one step is changed."""
    runs = [[passes(number) for number in STEPS] for _ in range(2)]
    for fault in PLANTED:
        for _ in BACKENDS:
            runs.append([sees(number) if number in fault.steps else passes(number) for number in STEPS])
    if spoil:
        run, number = spoil
        runs[run][number - 1] = runs[run][number - 1].replace(**changes)
    return summarise(PLANTED, runs[:2], runs[2:])


def test_all_seen_and_no_false_alarm() -> None:
    complete = result()
    assert complete.passed and complete.summary.clean.records == 60
    assert complete.sentence.startswith("2 kinds of fault, planted 4 times")
    assert "4 seen. The closest call is tf32 in pytorch, at 9" in complete.sentence
    expected = Clue(step=1, tensor="x", margin=9.0, extent="9 times its bound")
    assert complete.faults[0].planted["paddle"].clue == expected
    text = render(complete)
    assert complete.sentence in text and "| tf32 |" in text


@pytest.mark.parametrize("status", ["passed", "undecided"])
def test_a_fault_that_a_step_should_see_and_does_not(status: str) -> None:
    blind = result(spoil=(5, 8), status=status)
    assert not blind.passed and blind.summary.missed == ("beta2 in paddle",) and blind.summary.seen == 3
    assert "5; missed by 8" in render(blind)


@pytest.mark.parametrize("changes", [{"status": "failed", "passed": 2}, {"passed": 2}, {"status": "undecided"}])
def test_a_false_alarm_is_counted(changes: dict[str, Any]) -> None:
    alarmed = result(spoil=(1, 4), **changes)
    clean = alarmed.summary.clean
    assert not alarmed.passed and not alarmed.summary.missed
    assert clean.records_not_passed == ("passed" in changes) and clean.steps_not_passed == ("status" in changes)
    assert "- seed 1, step 4 " in render(alarmed)


def test_what_was_not_captured_is_no_result(tmp_path: Path) -> None:
    paths = SelftestPaths(tmp_path)
    with pytest.raises(InputError, match="was not captured"):
        compare_runs(paths, "clean", [paths.clean(0)])
    with pytest.raises(InputError, match="clean"):
        conclude(paths, ["beta2"], 1)
    assert not paths.json.exists()


def test_a_fault_is_as_the_clean_run_where_it_left_it_alone(tmp_path: Path) -> None:
    paths, clean = SelftestPaths(tmp_path), tuple(map(passes, STEPS))
    Detections(runs={"clean/0": clean}).write(paths.detections("clean"))
    for backend in BACKENDS:
        Detections(runs={f"faults/{backend}/beta2": (sees(5), sees(8))}).write(paths.detections(f"{backend}-others"))
        Detections(runs={}).write(paths.detections(f"{backend}-forward"))
    (row,) = conclude(paths, ["beta2"], 1).faults
    for planted in row.planted.values():
        assert planted.compared == tuple(STEPS) and planted.seen == (5, 8)


def test_every_step_that_has_to_see_a_fault_is_within_its_reach() -> None:
    for fault in TABLE:
        if fault.name not in FILE_FAULTS:
            assert set(fault.steps) <= set(fault.reach), fault.name
        else:
            assert not fault.reach


def test_every_step_has_to_see_some_fault() -> None:
    assert len(FAULTS) == len(TABLE), "two of one name"
    assert {step for fault in TABLE for step in fault.steps} == set(STEPS)


def test_profiles_plant_all_of_them() -> None:
    assert {load_profile(name).selftest.faults for name in ("mini", "base", "paper")} == {"all"}
    assert profile_of(0).selftest.faults == "none", "not within itself"
