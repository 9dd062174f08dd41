"""Step 8: gradients of every parameter at the first step, and the losses of the first training steps, dropout 0."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from repro.backends import Arrays
from repro.numerics.difference import relative_l2
from repro.numerics.record import Record
from repro.numerics.verdict import summation_error
from repro.steps import answers, rows
from repro.steps.context import CaptureContext, Dumps
from repro.steps.gradients import (
    GRADIENT,
    backward_order,
    dumped,
    first_divergence,
    masked_note,
    module_table,
    shift_note,
)
from repro.steps.noise import set_weights
from repro.steps.outcome import Outcome, number
from repro.steps.pair import CompareContext, find
from repro.steps.perturbed_training import (
    PREFIX,
    SEED,
    decided,
    growth_sentence,
    growth_table,
    is_perturbed,
    losses_table,
)
from repro.steps.s03_metric import text_number
from repro.steps.start_weights import iterate_start, start_shapes
from repro.steps.thin import digest_array

TITLE = "Backward pass"
CLAIMS = ("8.loss20",)
DOCUMENTED_STEPS = 20


def capture(framework: Any, context: CaptureContext) -> Dumps:
    """``gradient.{name}`` of the first batch; ``losses`` and ``grad_norms`` (steps,) of training in file order.

    Where float64 does fewer steps, its share stands apart as ``losses.first{steps}`` in both precisions. Float32 also
    has ``start_names`` (P,) and ``start_weights`` (P, 32), the sha256 of every parameter's type, shape and bytes, and
    ``perturbed.losses`` and ``perturbed.grad_norms``: the training from weights one unit in the last place off.
    """
    alignment = context.profile.alignment
    wide = min(alignment.float64_training_steps, alignment.training_steps)
    batch = context.first_batch()
    # The trainings first: they need the most memory, and what they leave the least.
    lists = _named(_trained(framework, context, "float32", alignment.training_steps), context, wide)
    lists |= _perturbed(framework, context)
    gradients = dict(dumped(context.model("float32").gradients(batch)[1].items()))
    yield "float32", gradients | _identity(context) | lists
    del gradients
    lists = _named(_trained(framework, context, "float64", wide), context, wide) if wide else {}
    yield "float64", dict(dumped(rows.gradients(context.model("float64"), batch))) | lists


def _identity(context: CaptureContext) -> Arrays:
    """What the training starts from, one row a parameter."""
    model = context.model("float32")
    names = list(start_shapes(context.run))
    digests = [digest_array(model.parameters([name])[name]) for name in names]
    return {"start_names": np.array([text_number(name) for name in names]), "start_weights": np.stack(digests)}


def _trained(framework: Any, context: CaptureContext, dtype: str, steps: int, moved: bool = False) -> Arrays:
    """``losses`` and ``grad_norms`` (steps,) of the first steps, from start weights one unit off if ``moved``."""
    batches, schedule_steps = context.first_batches(steps)
    arrays = context.features(context.train_split).arrays()
    model = context.fresh_model(dtype)
    if moved:
        set_weights(model, partial(iterate_start, context.run), SEED)
    trainer = framework.make_trainer(
        model, rules=context.rules, settings=context.profile.training, total_steps=schedule_steps
    )
    results = [trainer.step(batch) for batch in framework.batches(arrays, batches)]
    losses, norms = (np.array([result[key] for result in results], dtype=dtype) for key in ("loss", "grad_norm"))
    return {"losses": losses, "grad_norms": norms}


def _named(lists: Arrays, context: CaptureContext, wide: int) -> Arrays:
    """The whole lists, and apart from them the steps that both precisions do, unless those are all."""
    steps = context.profile.alignment.training_steps
    found = {name: values for name, values in lists.items() if values.size == steps}
    if 0 < wide < steps:
        found |= {f"{name}.first{wide}": values[:wide] for name, values in lists.items()}
    return found


def _perturbed(framework: Any, context: CaptureContext) -> Arrays:
    alignment = context.profile.alignment
    chosen = alignment.perturbed_training_steps
    steps = min(alignment.training_steps if chosen is None else chosen, alignment.training_steps)
    if not steps:
        return {}
    lists = _trained(framework, context, "float32", steps, moved=True)
    return {f"{PREFIX}{name}": values for name, values in lists.items()}


def _partly(record: Record, records: list[Record]) -> str:
    """What float64 says about the first steps where it does not do them all."""
    first = next((r for r in records if r.name.startswith("losses.first")), None)
    return f" The first {first.shape[0]} steps, repeated in float64: {first.verdict}." if first is not None else ""


def compare(context: CompareContext) -> Outcome:
    """Gradients in backward order, and losses, between the frameworks."""
    floor = summation_error(sum(map(math.prod, start_shapes(context.run).values())))
    floors = {name: floor for name in context.side("pytorch") if name.startswith("grad_norms")}
    records = backward_order(context.records(floors=floors, skip=is_perturbed))
    records = decided(context, records, floors)
    losses = find(records, "losses")
    gradients = [record for record in records if record.name.startswith(GRADIENT)]
    agree = sum(record.passed for record in gradients)
    comparable = answers.same_weights(context) and context.profile.alignment.training_steps == DOCUMENTED_STEPS
    what = "the weights, the loss and the number of steps"
    claim = answers.size(context, CLAIMS[0], losses, comparable=comparable, what=what)
    a, b = (dump["losses"] for dump in context.dumps())
    summary = (
        f"{agree} of {len(gradients)} gradients agree to rounding; first divergence in backward order:"
        f" {first_divergence(records)}. Losses of {a.size} training steps differ by a mean of"
        f" {number(losses.mean_abs)}, {relative_l2(a, b):.3g} relative: {losses.verdict}."
        f"{_partly(losses, records)}{growth_sentence(context)}"
    )
    worst = sorted(gradients, key=lambda record: record.gap64 or 0.0, reverse=True)[:10]
    rows = [[r.name, r.relative_l2, r.error_a, r.error_b, r.gap64, r.tolerance, r.verdict] for r in worst]
    columns = ["gradient", "relative L2", "error PyTorch", "error Paddle", "float64 gap", "tolerance", "verdict"]
    table = {"title": "Gradients with the largest float64 gap", "columns": columns, "rows": rows}
    modules = module_table(context, gradients)
    tables = (losses_table(context), *growth_table(context), modules, table)
    differ = any(r.verdict == "different semantics" for r in records if r.name.startswith("losses"))
    first = "The first loss is that of step 4's batch; step 4 tells where two cross entropies can differ."
    notes = (shift_note(context), masked_note(context), first if differ else "")
    return Outcome(tuple(records), (claim,), summary, tables, tuple(filter(None, notes)))
