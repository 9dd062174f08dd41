"""Reproductions of many habits: every planted fault is detected, healthy ones are not accused, every pair is seen."""

from pathlib import Path

import pytest

from repro.audit.findings import KINDS
from tests.audit.habits.faults import FAULTS, MEANINGS
from tests.audit.habits.layouts import HABITS
from tests.audit.habits.planted import Case, run


@pytest.mark.parametrize("number", range(len(HABITS)), ids=lambda number: HABITS[number].name)
def test_a_healthy_reproduction_raises_nothing(number: int, tmp_path: Path) -> None:
    outcome = run(Case(HABITS[number], None, number), tmp_path / "case")
    assert not outcome.alarms and not outcome.unpaired


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=lambda number: list(FAULTS)[number])
def test_a_fault_is_detected_in_a_habit(number: int, tmp_path: Path) -> None:
    """Each fault in one habit that it fits, in turn; ``python -m tests.audit.habits.planted`` tries all of them."""
    fault = list(FAULTS.values())[number]
    fitting = [habit for habit in HABITS if fault.fits(habit)]
    outcome = run(Case(fitting[number % len(fitting)], fault, number), tmp_path / "case")
    assert outcome.detected, outcome.case.habit.name
    assert not outcome.alarms and not outcome.unpaired


def test_every_meaning_is_a_kind_of_finding() -> None:
    assert {kind for kinds in MEANINGS.values() for kind in kinds} <= set(KINDS)
    assert {fault.meaning for fault in FAULTS.values()} == set(MEANINGS)
