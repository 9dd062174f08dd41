"""From step results to the table: margins, misses, false alarms. Results are made up; no framework is loaded."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from repro.cli import selftest as command
from repro.cli.main import main
from repro.errors import InputError
from repro.numerics.record import Record, StepResult, judge
from repro.paths import read_json
from repro.profile import BACKENDS
from repro.selftest import SelftestPaths, conclude
from repro.selftest.faults import chosen
from repro.selftest.judge import Sight, margin, sight
from repro.selftest.layout import finish, result

SOUND = Record("x", "compared", gap64=1e-16, tolerance=1e-14, error_a=1e-7, error_b=2e-7, verdict="equal")
WRONG = replace(SOUND, verdict="different semantics", reason="no")


def step(*records: Record, number: int = 1) -> StepResult:
    return StepResult(number, "step", judge(records)[0], "summary", records=records)


def test_margins() -> None:
    assert margin(replace(WRONG, gap64=1e-10)) == pytest.approx(1e4)
    assert margin(replace(WRONG, error_a=4e-3)) == pytest.approx(4e-3 / 2e-7 / 1024)
    assert margin(replace(WRONG, error_b=None, gap64=3e-14)) == pytest.approx(3.0)
    assert margin(replace(WRONG, gap64=None)) is None
    assert margin(replace(WRONG, outcome="not finite")) is None


def test_the_clearest_record_is_told() -> None:
    passed = sight(step(SOUND, SOUND))
    assert (passed.status, passed.records, passed.passed, passed.tensor) == ("passed", 2, 2, "")
    near, far = replace(WRONG, name="near", gap64=1e-12), replace(WRONG, name="far", gap64=1e-3)
    assert sight(step(SOUND, near, far, near)).tensor == "far"
    assert sight(step(far)).extent() == "1e+11 times its bound"
    lost = replace(far, name="lost", outcome="missing key")
    assert sight(step(far, lost)).extent() == "missing key"
    few = replace(WRONG, gap64=None, tolerance=0.0, reason="2 of 9 elements differ")
    assert sight(step(few)).extent() == "2 of 9 elements differ"


def write(paths: SelftestPaths, names: list[str], clean: int) -> None:
    """Results of a self-test in which every fault is seen by the steps that have to, and nothing else is."""
    for seed in range(clean):
        finish(result(paths.clean(seed)), steps=[asdict(Sight(step, "passed", 3, 3)) for step in range(1, 11)])
    for fault in chosen(names):
        for backend in BACKENDS:
            seen = [Sight(s, "failed", 3, 2, "x", "compared", 9.0, "no") for s in fault.steps]
            rest = [Sight(s, "passed", 3, 3) for s in range(1, 11) if s not in fault.steps]
            found = [asdict(item) for item in sorted([*seen, *rest], key=lambda item: item.step)]
            finish(result(paths.fault(fault.name, backend)), steps=found)


def spoil(path: Path, number: int, **changes: Any) -> None:
    steps = read_json(path)["steps"]
    steps[number - 1] |= changes
    finish(path, steps=steps)


@pytest.fixture
def paths(tmp_path: Path) -> SelftestPaths:
    found = SelftestPaths(tmp_path)
    write(found, ["tf32", "beta2"], 2)
    return found


def selftest(paths: SelftestPaths, monkeypatch: pytest.MonkeyPatch) -> int:
    """Exit code of ``repro selftest`` on results that are there."""
    monkeypatch.setattr(command, "_capture_beside", lambda out, arguments: None)
    return main(["selftest", "--out", str(paths.root), "--faults", "tf32,beta2", "--clean", "2"])


def test_all_seen_and_no_false_alarm(
    paths: SelftestPaths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert selftest(paths, monkeypatch) == 0
    printed = capsys.readouterr().out
    assert (
        "2 kinds of fault, planted 4 times" in printed
        and "4 seen. The closest call is tf32 in pytorch, at 9" in printed
        and "| tf32 |" in printed
    )
    found = read_json(paths.json)
    assert found["passed"] and found["summary"]["clean"]["records"] == 60
    told = {"step": 1, "tensor": "x", "margin": 9.0, "extent": "9 times its bound"}
    assert found["faults"][0]["paddle"]["told"] == told
    assert found["sentence"] in paths.markdown.read_text()


@pytest.mark.parametrize("status", ["passed", "undecided"])
def test_a_fault_that_a_step_should_see_and_does_not(
    paths: SelftestPaths, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    spoil(result(paths.fault("beta2", "paddle")), 8, status=status)
    assert selftest(paths, monkeypatch) == 1
    found = read_json(paths.json)
    assert found["summary"]["missed"] == ["beta2 in paddle"] and found["summary"]["seen"] == 3
    assert "5; missed by 8" in paths.markdown.read_text()


@pytest.mark.parametrize("changes", [{"status": "failed", "passed": 2}, {"passed": 2}, {"status": "undecided"}])
def test_a_false_alarm_is_counted(
    paths: SelftestPaths, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    spoil(result(paths.clean(1)), 4, **changes)
    assert selftest(paths, monkeypatch) == 1
    clean = read_json(paths.json)["summary"]["clean"]
    assert clean["records_not_passed"] == ("passed" in changes)
    assert clean["steps_not_passed"] == ("status" in changes)


def test_what_was_not_captured_is_no_result(paths: SelftestPaths) -> None:
    result(paths.fault("beta2", "paddle")).unlink()
    with pytest.raises(InputError):
        conclude(paths.root, ["beta2"], 2)
    assert not paths.json.exists()
