"""Step 8: gradients of every parameter at the first step, and the losses of the first training steps, dropout 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from repro.backends import Arrays
from repro.numerics.difference import relative_l2
from repro.numerics.record import Record
from repro.numerics.verdict import summation_error
from repro.steps import answers
from repro.steps.context import CaptureContext, Dumps
from repro.steps.outcome import Outcome, number
from repro.steps.pair import CompareContext, find
from repro.steps.start_weights import start_arrays
from repro.steps.thin import thin

TITLE = "Backward pass"
CLAIMS = ("8.loss20",)
DOCUMENTED_STEPS = 20
GRADIENT = "gradient."


def capture(framework: Any, context: CaptureContext) -> Dumps:
    """``gradient.{name}`` of the first batch; ``losses`` and ``grad_norms`` (steps,) of training in file order.

    Where float64 does fewer steps, its share stands apart as ``losses.first{steps}`` in both precisions.
    """
    alignment = context.profile.alignment
    wide = min(alignment.float64_training_steps, alignment.training_steps)
    found: Dumps = {}
    for dtype in ("float32", "float64") if wide else ("float32",):
        _, gradients = context.model(dtype).gradients(context.first_batch())
        found[dtype] = thin({f"{GRADIENT}{name}": gradient for name, gradient in gradients.items()})
        del gradients
        context.release()
        steps = alignment.training_steps if dtype == "float32" else wide
        found[dtype] |= _trained(framework, context, dtype, steps, wide)
    return found


def _trained(framework: Any, context: CaptureContext, dtype: str, steps: int, wide: int) -> Arrays:
    batches, schedule_steps = context.first_batches(steps)
    arrays = context.features(context.train_split).arrays()
    trainer = framework.make_trainer(
        context.fresh_model(dtype), rules=context.rules, settings=context.profile.training, total_steps=schedule_steps
    )
    results = [trainer.step(batch) for batch in framework.batches(arrays, batches)]
    losses, norms = (np.array([result[key] for result in results], dtype=dtype) for key in ("loss", "grad_norm"))
    found: Arrays = {}
    if dtype == "float32" or len(losses) == context.profile.alignment.training_steps:
        found |= {"losses": losses, "grad_norms": norms}
    if 0 < wide < context.profile.alignment.training_steps:
        found |= {f"losses.first{wide}": losses[:wide], f"grad_norms.first{wide}": norms[:wide]}
    return found


def _growth(context: CompareContext) -> dict[str, Any]:
    """Loss by loss: how the two float32 trainings part, and how far each is from its own float64 training."""
    a, b = (dump["losses"].astype(np.float64) for dump in context.dumps())
    wide: list[np.ndarray] = []
    if context.has("float64"):
        for side in ("pytorch", "paddle"):
            dump = context.side(side, "float64")
            wide.append(next(dump[key] for key in dump if key.startswith("losses")))
    rows: list[list[Any]] = []
    for step in range(len(a)):
        row: list[Any] = [
            step,
            float(a[step]),
            float(b[step]),
            abs(a[step] - b[step]),
            abs(a[step] - b[step]) / abs(a[step]),
        ]
        known = len(wide) == 2 and step < min(map(len, wide))
        for narrow, own in zip((a, b), wide, strict=False):
            row.append(abs(narrow[step] - own[step]) / abs(own[step]) if known else None)
        row += [None] * (7 - len(row))
        row.append(abs(wide[0][step] - wide[1][step]) / abs(wide[0][step]) if known else None)
        rows.append([value if value is None or isinstance(value, int) else float(value) for value in row])
    columns = ["step", "PyTorch", "Paddle", "|diff|", "relative", "error PyTorch", "error Paddle", "float64 gap"]
    return {
        "title": "Losses of the first training steps, relative to their float64 values",
        "columns": columns,
        "rows": rows,
    }


def _partly(record: Record, records: list[Record]) -> str:
    """Why the whole list of losses stays open although its first steps do not."""
    first = next((r for r in records if r.name.startswith("losses.first")), None)
    return f" The first {first.shape[0]} steps, repeated in float64: {first.verdict}." if first is not None else ""


def compare(context: CompareContext) -> Outcome:
    """Gradients and losses between the frameworks."""
    floor = summation_error(sum(array.size for array in start_arrays(context.run).values()))
    norms = [name for name in context.side("pytorch") if name.startswith("grad_norms")]
    records = context.records(floors=dict.fromkeys(norms, floor))
    losses = find(records, "losses")
    gradients = [record for record in records if record.name.startswith(GRADIENT)]
    agree = sum(record.passed for record in gradients)
    comparable = answers.same_weights(context) and context.profile.alignment.training_steps == DOCUMENTED_STEPS
    what = "the weights, the loss and the number of steps"
    claim = answers.size(context, CLAIMS[0], losses, comparable=comparable, what=what)
    a, b = (dump["losses"] for dump in context.dumps())
    summary = (
        f"{agree} of {len(gradients)} gradients agree to rounding. Losses of {a.size} training steps differ by a mean"
        f" of {number(losses.mean_abs)}, {relative_l2(a, b):.3g} relative: {losses.verdict}.{_partly(losses, records)}"
    )
    worst = sorted(gradients, key=lambda record: record.gap64 or 0.0, reverse=True)[:10]
    rows = [[r.name, r.relative_l2, r.error_a, r.error_b, r.gap64, r.tolerance, r.verdict] for r in worst]
    columns = ["gradient", "relative L2", "error PyTorch", "error Paddle", "float64 gap", "tolerance", "verdict"]
    table = {"title": "Gradients with the largest float64 gap", "columns": columns, "rows": rows}
    return Outcome(tuple(records), (claim,), summary, (_growth(context), table))
