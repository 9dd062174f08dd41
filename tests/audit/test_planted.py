"""Every planted fault is found, at its place, and nothing else is; healthy evidence raises nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.audit.findings import KINDS
from tests.audit.faults import FAULTS, Fault
from tests.audit.planted import alarms, found, run

SEEDS = range(10)


@pytest.fixture(autouse=True)
def _no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here outlives the test: waiting for the disk at every file would take most of the time."""
    monkeypatch.setattr("repro.paths.os.fsync", lambda _: None)


@pytest.mark.parametrize("item", FAULTS.values(), ids=lambda item: item.name)
def test_a_planted_fault_is_found_and_nothing_else(item: Fault, tmp_path: Path) -> None:
    for seed in SEEDS:
        result = run(item.name, seed, tmp_path)
        assert found(item, result), (seed, [f"{f.kind}: {f.where}" for f in result.findings])
        assert not alarms(item, result), seed
    assert not (tmp_path / "EXECUTED").exists() and not Path("EXECUTED").exists()


def test_healthy_evidence_shows_no_planted_fault(tmp_path: Path) -> None:
    """A fault that a clean folder shows too would count as found without being planted."""
    for seed in range(5):
        result = run(None, seed, tmp_path)
        assert not [item.name for item in FAULTS.values() if found(item, result)]


def test_healthy_evidence_raises_nothing(tmp_path: Path) -> None:
    for seed in range(30):
        result = run(None, seed, tmp_path)
        assert not alarms(None, result) and not [f for f in result.findings if f.level == "fault"], seed
        compared = [check for check in result.checks if check.log and check.scripts]
        assert len(compared) == 6 and len(result.checks) == 7  # and the weights


def test_every_kind_of_finding_is_planted() -> None:
    """But for ``out of range``, which needs a manifest that knows what a key holds."""
    assert {kind for item in FAULTS.values() for kind, _ in item.owed} == set(KINDS) - {"out of range"}
