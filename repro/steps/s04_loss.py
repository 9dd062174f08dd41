"""Step 4: the loss of fixed logits, and of each framework's own logits of the first training batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from repro.backends import Arrays, Model
from repro.numerics.record import ClaimResult, Record
from repro.steps import answers, rows
from repro.steps.context import CaptureContext, Dumps
from repro.steps.loss_cap import cap_note
from repro.steps.outcome import Outcome, number
from repro.steps.pair import CompareContext, find

TITLE = "Loss function"
CLAIMS = ("4.fake_data", "4.model_output")
MASKED_BELOW = -5000.0
FAKE_SCALE = 3.0
FEW_UNITS = 4.0


def fake_data(batch: int, length: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Logits (B, T) float32 and positions (B,) int64, the last example's end beyond the window, so ignored."""
    generator = np.random.Generator(np.random.PCG64(seed))
    start, end = (generator.normal(0, FAKE_SCALE, (batch, length)).astype(np.float32) for _ in range(2))
    starts, ends = (generator.integers(0, length, batch) for _ in range(2))
    ends[-1] = length
    return start, end, starts, ends


def capture(framework: Any, context: CaptureContext) -> Dumps:
    """``fake_data``, ``model_output`` (loss of the model's logits), ``model_loss`` (the model's own), all 0-d; the
    logits."""
    features, settings = context.profile.features, context.profile.alignment
    start, end, starts, ends = fake_data(settings.batch_size, features.max_seq_length, settings.seed)
    for dtype in ("float32", "float64"):
        fake = framework.loss_from_logits(start.astype(dtype), end.astype(dtype), starts, ends)
        yield dtype, {"fake_data": fake, **_of_model(framework, context.model(dtype), context.first_batch(), dtype)}


def _of_model(framework: Any, model: Model, batch: Arrays, dtype: str) -> Arrays:
    narrow = dtype == "float32"
    logits = model.forward(batch) if narrow else rows.forward(model, batch)
    pair = logits["start_logits"], logits["end_logits"]
    return {
        "model_output": framework.loss_from_logits(*pair, batch["start_positions"], batch["end_positions"]),
        "model_loss": model.loss(batch) if narrow else rows.loss(model, batch, logits),
        "model_logits": np.stack(pair),
    }


def loss_floor(context: CompareContext) -> float:
    """Relative error of the loss that the error of the logits leads to, at most.

    The gradient of a cross entropy is softmax minus one-hot, whose absolute values sum to 2 at most: the loss moves by
    no more than twice the largest error of a logit. A single number may be right by luck, this bound is not.
    """
    worst = 0.0
    for side in ("pytorch", "paddle"):
        narrow, wide = (context.side(side, dtype) for dtype in ("float32", "float64"))
        open_ = wide["model_logits"] > MASKED_BELOW
        error = float(np.abs(narrow["model_logits"].astype(np.float64) - wide["model_logits"])[open_].max())
        worst = max(worst, 2 * error / float(np.abs(wide["model_output"])))
    return worst


def _fake(context: CompareContext, record: Record) -> ClaimResult:
    """The documented number is one unit in the last place of a loss between 4 and 8: units are what can be compared."""
    claim = "4.fake_data"
    if record.outcome != "compared" or record.max_ulp is None:
        return answers.size(context, claim, record, comparable=True, what="")
    units = f"{record.max_ulp:.0f} units in the last place of a loss of {record.scale:.3g}; documented is one"
    if record.passed and record.max_ulp <= FEW_UNITS:
        reason = f"{units}: rounding of the same kind; {record.reason}."
        return ClaimResult(claim, record.mean_abs, "reproduced", reason, record.relative_l2, context.evidence())
    reason = f"{units}; {record.reason}."
    return ClaimResult(claim, record.mean_abs, "differs", reason, record.relative_l2, context.evidence())


def compare(context: CompareContext) -> Outcome:
    """The two losses; the model's own loss must be the loss of its logits."""
    floor = loss_floor(context) if context.has("float64") else 0.0
    records = context.records(floors={"model_output": floor, "model_loss": floor})
    fake, real = find(records, "fake_data"), find(records, "model_output")
    comparable = answers.same_weights(context)
    claims = (
        _fake(context, fake),
        answers.size(
            context, "4.model_output", real, comparable=comparable, what="the weights and the size of the logits"
        ),
    )
    summary = (
        f"Loss of fixed logits differs by {number(fake.mean_abs)} ({number(fake.relative_l2)} relative), loss of each"
        f" framework's own logits by {number(real.mean_abs)} ({number(real.relative_l2)} relative)."
    )
    a, b = context.dumps()
    rows = [[key, float(a[key]), float(b[key])] for key in ("fake_data", "model_output", "model_loss")]
    table = {"title": "Losses", "columns": ["loss", "PyTorch", "Paddle"], "rows": rows}
    if not context.has("float64"):
        return Outcome(tuple(records), claims, summary, (table,))
    notes = (
        f"An error of the logits can move this loss by a relative {floor:.3g} at most (twice the largest error).",
        cap_note(context),
    )
    return Outcome(tuple(records), claims, summary, (table,), notes)
