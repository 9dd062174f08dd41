"""AdamW taken apart: each part held against the formula, and against what a program with this part wrong would give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from repro.backends import Arrays
from repro.numerics.difference import relative_l2
from repro.numerics.record import Record
from repro.numerics.schedule import linear_schedule
from repro.numerics.verdict import judge_exact
from repro.steps.adamw_formula import DECAY, formula, settings_of
from repro.steps.outcome import number, verdict_on_all
from repro.steps.pair import SIDES, CompareContext

DECAYED = "decay."
RATES = "learning_rate"


@dataclass(frozen=True)
class Part:
    """One part of AdamW.

    Attributes:
        wrong: the fault that it is told from.
        quantity: where it shows: records ``formula.{side}.{step}.{quantity}.{group}``.
        fault: arguments of ``formula`` that make it, from the right place of eps.
        elsewhere: further evidence.
    """

    name: str
    wrong: str
    quantity: str
    fault: Callable[[bool], dict[str, Any]]
    elsewhere: str = ""


PARTS = (
    Part("first moment", "beta1 0.95, not 0.9", "exp_avg", lambda before: {"before": before, "beta1": 0.95}),
    Part("second moment", "beta2 0.98, not 0.999", "exp_avg_sq", lambda before: {"before": before, "beta2": 0.98}),
    Part("bias correction", "none", "moved", lambda before: {"before": before, "bias_correction": False}),
    Part("place of eps", "on the other side of the bias correction", "moved", lambda before: {"before": not before}),
    Part(
        "decay, decoupled",
        "added to the gradient",
        f"{DECAYED}moved",
        lambda before: {"before": before, "decay": DECAY, "decoupled": False},
        "step 7: formula.*.effects",
    ),
    Part(
        "clipping",
        "1e-6 not added to the norm",
        "exp_avg",
        lambda before: {"before": before, "clip_eps": 0.0},
        "step 7: formula.*.clip_factor",
    ),
)


def expected_rates(context: CompareContext, steps: int) -> np.ndarray:
    """Learning rates of step 5's updates and of the one after, float64 (steps + 1,)."""
    return linear_schedule(settings_of(context.profile.training).learning_rate, 0.0, 2 * steps)[: steps + 1]


def rate_records(context: CompareContext) -> list[Record]:
    """The rates that the optimizers told against the schedule's formula."""
    found = []
    for side in SIDES:
        told = context.side(side, "float64")[RATES]
        why = "the formula's float64 operations in the scheduler's order: no room for rounding"
        record = judge_exact(f"formula.{side}.{RATES}", told, expected_rates(context, told.size)[:-1], why)
        found.append(context.signed(record))
    return found


def decay_oracle(context: CompareContext, side: str, rates: np.ndarray, **fault: Any) -> Arrays:
    """The update with decay, under the keys of the dump."""
    made = formula(context, side, rates[:1], label=DECAYED.rstrip("."), **{"decay": DECAY, **fault})
    return {name: array for name, array in made.items() if name.startswith(f"{DECAYED}moved")}


def parts_table(context: CompareContext, records: Sequence[Record]) -> dict[str, Any]:
    """One row per part.

    Args:
        records: those against the formula, ``formula.{side}.…``.
    """
    rows = [_row(context, part, records) for part in PARTS]
    told = [record for record in records if record.name.endswith(f".{RATES}")]
    late = min(_late(context, side) for side in SIDES)
    distance = max((record.relative_l2 for record in told if record.relative_l2 is not None), default=None)
    names = f"formula.*.{RATES}; step 6"
    rows.append(["rate", "one step late", distance, 0.0, late, "exact", verdict_on_all(told), names])
    columns = ["part", "told from", "distance to the formula", "tolerance", "distance of the wrong one"]
    columns += ["wrong one / tolerance", "verdict", "evidence"]
    title = "AdamW taken apart: relative L2 in float64, the worse of the two frameworks"
    return {"title": title, "columns": columns, "rows": rows}


def _row(context: CompareContext, part: Part, records: Sequence[Record]) -> list[Any]:
    own = [record for record in records if f".{part.quantity}." in record.name and _has_decay(record, part)]
    arrays = [record for record in own if record.shape]  # single numbers that stand for a large array vary more
    distance = max((record.gap64 for record in arrays if record.gap64 is not None), default=None)
    tolerance = max((record.tolerance for record in arrays if record.tolerance is not None), default=None)
    wrong = min(_wrong(context, side, part) for side in SIDES)
    margin = number(wrong / tolerance) if tolerance else None
    evidence = f"formula.*.{part.quantity}.*" if part.quantity.startswith(DECAYED) else f"formula.*.*.{part.quantity}.*"
    evidence += f"; {part.elsewhere}" if part.elsewhere else ""
    return [part.name, part.wrong, distance, tolerance, wrong, margin, verdict_on_all(own), evidence]


def _has_decay(record: Record, part: Part) -> bool:
    return (f".{DECAYED}" in record.name) == part.quantity.startswith(DECAYED)


def _wrong(context: CompareContext, side: str, part: Part) -> float:
    """Distance of one framework's first update to the wrong formula, in the group of gradients where it shows best."""
    wide = context.side(side, "float64")
    fault = part.fault(context.inputs[side].rules.eps_before_bias_correction)
    if part.quantity.startswith(DECAYED):
        made, prefix = decay_oracle(context, side, wide[RATES], **fault), f"{part.quantity}."
    else:
        made, prefix = formula(context, side, wide[RATES][:1], **fault), f"0.{part.quantity}."
    return max(relative_l2(wide[key], made[key]) for key in made if key.startswith(prefix) and made[key].ndim)


def _late(context: CompareContext, side: str) -> float:
    told = context.side(side, "float64")[RATES]
    return relative_l2(told, expected_rates(context, told.size)[1:])
