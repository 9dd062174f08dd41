"""Step 11, PyTorch against Paddle: per size the paired difference of F1, file by file, and what it shows."""

import math
from collections.abc import Mapping

from repro.context.trainings import TrainingContext
from repro.numerics.equivalence import ALPHA, DECIMALS, POWER, Difference, holm, paired
from repro.results import Cell, Record, Table

Cells = Mapping[tuple[str, int], list[float]]  # (init, size) -> F1 of PyTorch - F1 of Paddle of each training file


def file_differences(context: TrainingContext) -> Cells:
    """Differences between the frameworks, in points of F1; the mean over the repeats on a file is one difference."""
    cells = {}
    for init, size in dict.fromkeys((key.init, key.size) for key, *_ in context.pairs()):
        a, b = (context.f1(side, init, size) for side in ("pytorch", "paddle"))
        cells[init, size] = [a[seed] - b[seed] for seed in a]
    return cells


def framework_records(cells: Cells, margin: float) -> list[Record]:
    """A verdict on each size. A single training from random weights, which shows no spread, is a yardstick only."""
    judged = {cell: values for cell, values in cells.items() if len(values) > 1 or cell[0] == "pretrained"}
    differences = {cell: paired(values) for cell, values in judged.items()}
    corrected = holm([difference.p_difference for difference in differences.values()])
    return [
        _record(f"f1.{init}.{size}", judged[init, size], difference, margin, p, len(judged))
        for ((init, size), difference), p in zip(differences.items(), corrected, strict=True)
    ]


def _record(name: str, values: list[float], difference: Difference, margin: float, p: float, tests: int) -> Record:
    return Record(
        name=name,
        outcome="compared",
        shape=(len(values),),
        dtype="float64",
        mean_abs=math.fsum(map(abs, values)) / len(values),
        max_abs=max(map(abs, values)),
        tolerance=margin,
        derivation=(
            f"margin of the profile, in points of F1; two one-sided paired t tests at {100 * ALPHA:g} % over"
            f" {len(values)} training files; a difference counts at {100 * ALPHA:g} % over {tests} tests (Holm)"
        ),
        verdict=difference.conclusion(margin, p),
        reason=_reason(difference, margin, p, tests),
    )


def _reason(difference: Difference, margin: float, p: float, tests: int) -> str:
    if difference.count == 1:
        return f"{difference.mean:.2f} points in a single pair, which shows no spread"
    if difference.standard_error == 0.0:
        unseen = 100 * (1 - ALPHA ** (1 / difference.count))
        return (
            f"the difference is {difference.mean:.2f} points in each of {difference.count} pairs: there is no spread to"
            f" estimate; up to {unseen:.0f} % of further pairs may be otherwise ({100 * (1 - ALPHA):g} % confidence)"
        )
    low, high = difference.interval()
    detectable = difference.detectable(tests)
    reach = "within reach" if detectable <= margin else "beyond reach"
    return (
        f"PyTorch - Paddle: {difference.mean:.2f} points of F1, {100 * (1 - ALPHA):g} % interval"
        f" [{low:.2f}, {high:.2f}], p = {p:.2g} corrected; these pairs would have shown equivalence within"
        f" {difference.smallest_margin:.2f}; a true difference of {margin:g} is {reach}: {detectable:.2f} would be"
        f" called different with {100 * POWER:.0f} % power"
    )


def framework_table(cells: Cells, records: list[Record], margin: float) -> Table:
    """One row per size and start weights."""
    verdicts = {record.name: record.verdict for record in records}
    rows = []
    for (init, size), values in cells.items():
        difference, several = paired(values), len(values) > 1
        numbers: list[Cell] = [None] * 4
        if several:
            numbers = [*difference.summary(max(1, len(records)))]
        largest = round(max(map(abs, values)), DECIMALS)
        verdict = verdicts.get(f"f1.{init}.{size}", "not shown")
        rows.append([init, size, len(values), round(difference.mean, DECIMALS), *numbers, largest, verdict])
    columns = ["start weights", "examples", "files", "mean difference", "from", "to", "smallest margin shown"]
    columns += [f"found with {100 * POWER:.0f} % power", "largest", f"verdict, margin {margin:g}"]
    title = f"F1, PyTorch - Paddle, paired by training file (points; {100 * (1 - ALPHA):g} % interval)"
    return Table(title=title, columns=tuple(columns), rows=tuple(map(tuple, rows)))
