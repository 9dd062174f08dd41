"""What a step's comparison hands back; ``repro.steps.compare`` makes the ``StepResult`` of it."""

from __future__ import annotations

from collections.abc import Sequence
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


def verdict_on_all(records: Sequence[Record]) -> str:
    """How many do not pass and what the first of them is; else the weaker of the passes."""
    bad = [record for record in records if not record.passed]
    if bad:
        return f"{len(bad)} of {len(records)}: {bad[0].verdict if bad[0].outcome == 'compared' else bad[0].outcome}"
    if not records:
        return "not measured"
    return next((record.verdict for record in records if record.verdict != "equal"), "equal")
