"""Step 8, capture: the backward pass and the first training steps, dropout 0.

Evidence: the gradient of every parameter of the first batch; losses and gradient norms of the first training steps, in
float64 as well as far as the profile says, and once more in float32 from start weights that are 1 ulp off. The digests
of the start weights show that both frameworks start from the same ones.
"""

from functools import partial

import numpy as np

from repro.analysis import chunking
from repro.analysis.gradients import dumped
from repro.analysis.noise_floor import set_weights
from repro.backends import Backend
from repro.context.capture import OPTIMIZER_FIELDS, CaptureContext, Dumps
from repro.context.start_weights import iterate_start, start_shapes
from repro.dumps.sketch import digest_array, text_number
from repro.numerics.arrays import Arrays
from repro.numerics.perturb import PREFIX
from repro.progress import track

FIELDS: tuple[str, ...] = OPTIMIZER_FIELDS

SEED = 0  # of the perturbation; both frameworks move the same weight the same way


def capture(framework: Backend, context: CaptureContext) -> Dumps:
    """Gradients and curves in float32, then in float64.

    Yields:
        precision and arrays of this dtype: ``gradient.{name}``, hub shape, or a sketch of it; ``losses`` and
        ``grad_norms`` (steps,) of training in file order; where float64 does fewer steps, these steps in both
        precisions as ``losses.first{steps}``, ``grad_norms.first{steps}``. Only float32: ``start_names`` (P,) and
        ``start_weights`` (P, 32) int64, name and sha256 of every parameter; ``perturbed.losses``,
        ``perturbed.grad_norms``, of the training from weights that are 1 ulp off.
    """
    alignment = context.profile.alignment
    steps64 = min(alignment.float64_training_steps, alignment.training_steps)
    batch = context.first_batch()
    # The trainings first: they need the most memory, and what they leave needs the least.
    curves = _named(_trained(framework, context, "float32", alignment.training_steps), context, steps64)
    steps = (
        alignment.training_steps if alignment.perturbed_training_steps is None else alignment.perturbed_training_steps
    )
    if steps:
        perturbed = _trained(framework, context, "float32", min(steps, alignment.training_steps), perturbed=True)
        curves |= {f"{PREFIX}{name}": values for name, values in perturbed.items()}
    gradients = dict(dumped(context.model("float32").gradients(batch)[1].items()))
    yield "float32", gradients | _identity(context) | curves
    del gradients
    curves = _named(_trained(framework, context, "float64", steps64), context, steps64) if steps64 else {}
    yield "float64", dict(dumped(chunking.gradients(context.model("float64"), batch))) | curves


def _identity(context: CaptureContext) -> Arrays:
    """What the training starts from, one row per parameter."""
    model = context.model("float32")
    names = list(start_shapes(context.run))
    digests = [digest_array(model.parameters([name])[name]) for name in names]
    return {"start_names": np.array([text_number(name) for name in names]), "start_weights": np.stack(digests)}


def _trained(framework: Backend, context: CaptureContext, dtype: str, steps: int, perturbed: bool = False) -> Arrays:
    """``losses`` and ``grad_norms`` (steps,) of the first steps."""
    batches, schedule_steps = context.first_batches(steps)
    arrays = context.features(context.train_split).arrays()
    model = context.fresh_model(dtype)
    if perturbed:
        set_weights(model, partial(iterate_start, context.run), SEED)
    trainer = framework.make_trainer(
        model, rules=context.rules, settings=context.profile.training, total_steps=schedule_steps
    )
    title = f"{steps} training steps in {dtype}" + (", every start weight 1 ulp off" if perturbed else "")
    reports = [trainer.step(batch) for batch in track(framework.batches(arrays, batches), total=steps, title=title)]
    losses = np.array([report.loss for report in reports], dtype=dtype)
    return {"losses": losses, "grad_norms": np.array([report.grad_norm for report in reports], dtype=dtype)}


def _named(curves: Arrays, context: CaptureContext, steps64: int) -> Arrays:
    """The curves if they are complete, and apart from them the steps that both precisions do, unless those are all."""
    steps = context.profile.alignment.training_steps
    named = {name: values for name, values in curves.items() if values.size == steps}
    if 0 < steps64 < steps:
        named |= {f"{name}.first{steps64}": values[:steps64] for name, values in curves.items()}
    return named
