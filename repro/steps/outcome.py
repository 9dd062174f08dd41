"""What a step's comparison hands back; ``repro.steps.compare`` makes the ``StepResult`` of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from repro.numerics.record import ClaimResult, Record


def number(value: float | None) -> str:
    """Three digits, or a dash for what could not be measured."""
    return "—" if value is None else f"{value:.3g}"


@dataclass(frozen=True)
class Outcome:
    """Records decide the status; the summary says in words what they are about."""

    records: tuple[Record, ...]
    claims: tuple[ClaimResult, ...]
    summary: str
    tables: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
