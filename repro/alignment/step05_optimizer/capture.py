"""Step 5, capture: several updates of AdamW from seeded gradients.

Evidence: both moments and the movement of the weights after every update; learning rates, gradient norms and clipping
factors; and the first update with weight decay, whatever the protocol's coefficient is.
"""

from dataclasses import replace

import numpy as np

from repro.analysis.seeded_gradients import DECAY, DECAYED, gradients, grouped, optimized, settings_of
from repro.backends import Backend, Model, Trainer, UpdateReport
from repro.config.protocol import Rules
from repro.context.capture import OPTIMIZER_FIELDS, CaptureContext, Dumps
from repro.numerics.arrays import Arrays

FIELDS: tuple[str, ...] = OPTIMIZER_FIELDS

SCALARS = ("learning_rate", "grad_norm", "clip_factor")


def capture(framework: Backend, context: CaptureContext) -> Dumps:
    """Moments and movements in float32 and in float64; ``{group}`` is ``usual`` or ``tiny``, by size of gradients.

    Yields:
        precision and arrays of this dtype: ``{step}.{exp_avg,exp_avg_sq,moved}.{group}`` (elements of the group,), or a
        sketch of it; ``{step}.norms`` (parameters,), of the movements; ``learning_rate`` (float64), ``grad_norm``,
        ``clip_factor`` (steps,); ``decay.moved.{group}``, the first update from the start weights with decay.
    """
    for dtype in ("float32", "float64"):
        yield dtype, _updates(framework, context, dtype) | _decayed(framework, context, dtype)


def _optimizer(framework: Backend, context: CaptureContext, dtype: str, rules: Rules) -> tuple[Model, Arrays, Trainer]:
    """A model, the start weights of the parameters that are updated, and their optimizer."""
    model, start = context.fresh_model(dtype, rules), optimized(context.run)
    settings, steps = settings_of(context.profile.training), 2 * context.profile.alignment.optimizer_steps
    trainer = framework.make_trainer(model, rules=rules, settings=settings, total_steps=steps, names=start)
    return model, start, trainer


def _updates(framework: Backend, context: CaptureContext, dtype: str) -> Arrays:
    model, start, trainer = _optimizer(framework, context, dtype, context.rules)
    arrays: Arrays = {}
    reports: list[UpdateReport] = []
    for step in range(context.profile.alignment.optimizer_steps):
        reports.append(trainer.apply(gradients(start, step, settings_of(context.profile.training))))
        state = trainer.state()
        for quantity in ("exp_avg", "exp_avg_sq"):
            arrays |= grouped({name: state.pop(f"{name}.{quantity}") for name in start}, f"{step}.{quantity}")
        moved = _moved(model, start)
        arrays |= grouped(moved, f"{step}.moved")
        norms = [np.linalg.norm(moved[name].astype(np.float64)) for name in sorted(moved)]
        arrays[f"{step}.norms"] = np.array(norms, dtype=dtype)
        del state, moved
    for key in SCALARS:
        values = [getattr(report, key) for report in reports]
        arrays[key] = np.array(values, dtype=np.float64 if key == "learning_rate" else dtype)
    return arrays


def _decayed(framework: Backend, context: CaptureContext, dtype: str) -> Arrays:
    rules = replace(context.rules, weight_decay=DECAY)
    model, start, trainer = _optimizer(framework, context, dtype, rules)
    trainer.apply(gradients(start, 0, settings_of(context.profile.training)))
    return grouped(_moved(model, start), f"{DECAYED}moved")


def _moved(model: Model, start: Arrays) -> Arrays:
    """How far parameters are from where they started, in the model's dtype, which holds the start exactly."""
    return {name: array - start[name].astype(array.dtype) for name, array in model.parameters(start).items()}
