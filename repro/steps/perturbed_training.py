"""Step 8's training repeated from weights one unit in the last place off, and what its growth decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from repro.numerics.growth import Growth, growth, judge_growth
from repro.numerics.record import Record
from repro.numerics.verdict import EPS32
from repro.steps.pair import CompareContext

PREFIX = "perturbed."
SEED = 0  # of the signs; both frameworks move the same weight the same way
QUANTITIES = ("losses", "grad_norms")


def is_perturbed(name: str) -> bool:
    """Keys that show one framework's own growth: not to be compared between the frameworks."""
    return name.startswith(PREFIX)


def found_growth(context: CompareContext, name: str, floor: float = EPS32) -> Growth | None:
    """Growth of one quantity over as many steps as were repeated; None if there are none, or none that is finite."""
    a, b = context.dumps()
    key = f"{PREFIX}{name}"
    if key not in a or key not in b:
        return None
    steps = min(a[key].size, a[name].size)
    lists = (a[name][:steps], b[name][:steps], a[key][:steps], b[key][:steps])
    try:
        return growth(*lists, floor=floor)
    except ValueError:
        return None


def decided(context: CompareContext, records: Sequence[Record], floors: dict[str, float]) -> list[Record]:
    """Losses and gradient norms that float64 does not reach, judged by their growth if every step was repeated."""
    found = []
    for record in records:
        grown = None
        if record.name in QUANTITIES and record.outcome == "compared" and record.gap64 is None:
            grown = found_growth(context, record.name, floors.get(record.name, EPS32))
        if grown is None or record.verdict == "equal":
            found.append(record)
        elif grown.gap.size < record.shape[0]:
            few = f"{record.reason}; only the first {grown.gap.size} steps were repeated from perturbed weights"
            found.append(replace(record, reason=few))
        else:
            found.append(judge_growth(record, grown))
    return found


def _wide(context: CompareContext) -> list[np.ndarray]:
    """Both float64 trainings' losses, as far as they go."""
    if not context.has("float64"):
        return []
    dumps = context.dumps("float64")
    lists = [[dump[key] for key in dump if key.startswith("losses")] for dump in dumps]
    return [own[0] for own in lists] if all(lists) else []


def losses_table(context: CompareContext) -> dict[str, Any]:
    """Loss by loss: how the two float32 trainings part, and how far each is from its own float64 training."""
    a, b = (dump["losses"].astype(np.float64) for dump in context.dumps())
    wide = _wide(context)
    rows: list[list[Any]] = []
    for step in range(len(a)):
        gap = abs(a[step] - b[step])
        row: list[Any] = [step, float(a[step]), float(b[step]), float(gap), float(gap / abs(a[step]))]
        if wide and step < min(map(len, wide)):
            errors = (abs(x[step] - own[step]) / abs(own[step]) for x, own in zip((a, b), wide, strict=True))
            row += [*map(float, errors), float(abs(wide[0][step] - wide[1][step]) / abs(wide[0][step]))]
        else:
            row += [None] * 3
        rows.append(row)
    columns = ["step", "PyTorch", "Paddle", "|diff|", "relative", "error PyTorch", "error Paddle", "float64 gap"]
    title = "Losses of the first training steps, relative to their float64 values"
    return {"title": title, "columns": columns, "rows": rows}


def growth_table(context: CompareContext) -> list[dict[str, Any]]:
    """The gap between the frameworks beside what one unit in every start weight does inside each of them."""
    grown = found_growth(context, "losses")
    if grown is None:
        return []
    rows = [
        [step, float(gap), float(moved_a), float(moved_b), float(ratio), float(limit)]
        for step, (gap, moved_a, moved_b, ratio, limit) in enumerate(
            zip(grown.gap, grown.moved_a, grown.moved_b, grown.ratio, grown.limit, strict=True)
        )
    ]
    columns = [
        "step",
        "gap PyTorch, Paddle",
        "one unit in PyTorch",
        "one unit in Paddle",
        "gap / largest effect so far",
    ]
    columns += ["smallest difference seen"]
    title = "Growth of the losses' gap and of one unit in the last place of every start weight, relative"
    return [{"title": title, "columns": columns, "rows": rows}]


def growth_sentence(context: CompareContext) -> str:
    """How much training amplifies, in words; empty where it was not measured."""
    grown = found_growth(context, "losses")
    if grown is None:
        return ""
    effects = {"PyTorch": grown.moved_a, "Paddle": grown.moved_b}
    told = ", ".join(f"{float(values.max()):.2g} in {side}" for side, values in effects.items())
    return (
        f" One unit in the last place of every start weight moves the losses of {grown.gap.size} steps by up to {told},"
        f" relative; the frameworks part by up to {float(grown.gap.max()):.2g}, at most {float(grown.ratio.max()):.2g}"
        " times the effect so far."
    )
