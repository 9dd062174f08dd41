"""Step 8's training repeated from weights that are 1 ulp off, and what the growth of this perturbation decides."""

import numpy as np

from repro.analysis.perturbation_growth import measured_growth
from repro.context.compare import CompareContext
from repro.numerics.perturbation_growth import judge_growth
from repro.numerics.verdict import EPS32
from repro.results import Cell, Record, Table

QUANTITIES = ("losses", "grad_norms")
GROWTH = "Growth of the losses' gap and of one ulp in every start weight, relative"


def decided(context: CompareContext, record: Record, floor: float = EPS32) -> Record:
    """The record; one that float64 does not reach, judged by its growth if every step was repeated."""
    if record.name not in QUANTITIES or record.outcome != "compared" or record.gap64 is not None:
        return record
    grown = measured_growth(*context.dumps(), record.name, floor)
    if grown is None or record.verdict == "equal":
        return record
    if grown.gap.size < record.shape[0]:
        reason = f"{record.reason}; only the first {grown.gap.size} steps were repeated from perturbed weights"
        return record.replace(reason=reason)
    return judge_growth(record, grown)


def _losses64(context: CompareContext) -> list[np.ndarray]:
    """Both float64 trainings' losses, as far as they go."""
    dumps = context.dumps("float64")
    curves = [[dump[key] for key in dump if key.startswith("losses")] for dump in dumps]
    return [of_side[0] for of_side in curves] if all(curves) else []


def losses_table(context: CompareContext) -> Table:
    """Loss by loss: how the two float32 trainings part, and how far each is from its float64 training."""
    a, b = (dump["losses"].astype(np.float64) for dump in context.dumps())
    exact = _losses64(context)
    reached = min(map(len, exact)) if exact else 0
    rows: list[list[Cell]] = []
    for step in range(len(a)):
        gap = abs(a[step] - b[step])
        row: list[Cell] = [step, float(a[step]), float(b[step]), float(gap), float(gap / abs(a[step]))]
        errors: list[Cell] = [None] * 3
        if step < reached:
            x, y = (losses[step] for losses in exact)
            errors = [float(abs(a[step] - x) / abs(x)), float(abs(b[step] - y) / abs(y)), float(abs(x - y) / abs(x))]
        rows.append(row + errors)
    columns = ["step", "PyTorch", "Paddle", "|diff|", "relative", "error PyTorch", "error Paddle", "float64 gap"]
    title = "Losses of the first training steps, relative to their float64 values"
    return Table(title=title, columns=columns, rows=rows)


def growth_table(context: CompareContext) -> list[Table]:
    """The gap between the frameworks beside what one ulp in every start weight does inside each of them."""
    grown = measured_growth(*context.dumps(), "losses")
    if grown is None:
        return []
    curves = (grown.gap, grown.moved_a, grown.moved_b, grown.ratio, grown.limit)
    rows = [[step, *map(float, values)] for step, values in enumerate(zip(*curves, strict=True))]
    columns = ["step", "gap PyTorch, Paddle", "one ulp in PyTorch", "one ulp in Paddle", "gap / largest effect so far"]
    columns += ["smallest difference seen"]
    return [Table(title=GROWTH, columns=columns, rows=rows)]


def growth_sentence(context: CompareContext) -> str:
    """How much training amplifies, in words; empty where it was not measured."""
    grown = measured_growth(*context.dumps(), "losses")
    if grown is None:
        return ""
    return (
        f" One ulp in every start weight moves the losses of {grown.gap.size} steps by up to"
        f" {float(grown.moved_a.max()):.2g} in PyTorch, {float(grown.moved_b.max()):.2g} in Paddle, relative; the"
        f" frameworks part by up to {float(grown.gap.max()):.2g}, at most {float(grown.ratio.max()):.2g} times the"
        " effect so far."
    )
