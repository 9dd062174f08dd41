"""Every planted fault is detected at its place, and nothing else; healthy evidence raises nothing."""

from pathlib import Path

import pytest

from repro.audit.findings import KINDS
from tests.audit.fault_registry import Fault
from tests.audit.faults import FAULTS
from tests.audit.planted import alarms, detected, run

SEEDS = range(3)  # ``python -m tests.audit.planted 10`` tries more


@pytest.mark.parametrize("item", FAULTS.values(), ids=lambda item: item.name)
def test_a_planted_fault_is_detected_and_nothing_else(item: Fault, tmp_path: Path) -> None:
    for seed in SEEDS:
        report = run(item.name, seed, tmp_path)
        assert detected(item, report), (seed, [f"{f.kind}: {f.where}" for f in report.findings])
        assert not alarms(item, report), seed
    assert not (tmp_path / "EXECUTED").exists() and not Path("EXECUTED").exists()


def test_healthy_evidence_raises_nothing(tmp_path: Path) -> None:
    for seed in range(10):
        report = run(None, seed, tmp_path)
        assert not alarms(None, report) and "fault" not in report.summary.findings, seed
        assert not [item.name for item in FAULTS.values() if detected(item, report)], seed
        compared = [check for check in report.checks if check.log]
        assert len(compared) == 6 and len(report.checks) == 7  # the seventh pair is the weights


def test_every_kind_of_finding_is_planted() -> None:
    """Except ``out of range``, which needs a manifest that knows what a key holds."""
    assert {kind for item in FAULTS.values() for kind, _ in item.required} == set(KINDS) - {"out of range"}
