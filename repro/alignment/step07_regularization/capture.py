"""Step 7, capture: weight decay of every parameter, and gradient clipping.

Evidence: the decay coefficient that the optimizer holds for each parameter and the effect of one update without
gradients, under three sets of rules; the clipping factor and the reported norm for gradients above and below the limit.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from repro.analysis.seeded_gradients import DECAY, settings_of
from repro.backends import Backend
from repro.config.protocol import PUBLISHED_PADDLE, Rules
from repro.context.capture import OPTIMIZER_FIELDS, CaptureContext, Dumps
from repro.context.start_weights import Shapes, iterate_start, kept_shapes, start_shapes
from repro.dumps.sketch import fixed_gradient, text_number
from repro.numerics.adamw import BETA1
from repro.numerics.arrays import Arrays

FIELDS: tuple[str, ...] = OPTIMIZER_FIELDS

TIMES_THE_LIMIT = (4.0, 0.5)  # gradient norms in units of the clipping norm: one above, one below
STEPS = 10  # length of the schedule
TOGETHER = 1 << 23  # elements of the parameters that one optimizer holds, so that its moments need little memory


def capture(framework: Backend, context: CaptureContext) -> Dumps:
    """Decay and clipping in float32 and in float64.

    Yields:
        precision and arrays: ``names`` (parameters,) int64; ``coefficients`` float64 and ``effects`` of this dtype
        (variants, parameters); ``clip_factor`` and ``grad_norm`` (2,) of this dtype.
    """
    for dtype in ("float32", "float64"):
        yield dtype, _measure(framework, context, dtype)


def variants(protocol: Rules) -> dict[str, Rules]:
    """Rules under which decay is measured: the protocol's, the same with decay, the published Paddle program's."""
    published = replace(protocol, weight_decay=DECAY, decay_layer_norms=PUBLISHED_PADDLE.decay_layer_norms)
    return {
        "protocol": protocol,
        "protocol with decay": replace(protocol, weight_decay=DECAY),
        "published Paddle program": published,
    }


def _measure(framework: Backend, context: CaptureContext, dtype: str) -> Arrays:
    decay = [_decay(framework, context, dtype, rules) for rules in variants(context.rules).values()]
    coefficients, effects = zip(*decay, strict=True)
    clipping = [_clip(framework, context, dtype, times) for times in TIMES_THE_LIMIT]
    factors, norms = zip(*clipping, strict=True)
    return {
        "names": np.array([text_number(name) for name in start_shapes(context.run)], dtype=np.int64),
        "coefficients": np.array(coefficients, dtype=np.float64),
        "effects": np.array(effects, dtype=dtype),
        "clip_factor": np.array(factors, dtype=dtype),
        "grad_norm": np.array(norms, dtype=dtype),
    }


def _decay(framework: Backend, context: CaptureContext, dtype: str, rules: Rules) -> tuple[list[float], list[float]]:
    """Coefficient of every parameter as the optimizer holds it, and effect of one update without gradients."""
    model, shapes = context.fresh_model(dtype, rules), start_shapes(context.run)
    coefficients, effects = [], []
    for names in in_groups(shapes):
        trainer = framework.make_trainer(
            model, rules=rules, settings=settings_of(context.profile.training), total_steps=STEPS, names=names
        )
        decay = trainer.weight_decay()
        if sorted(decay) != names:
            raise ValueError(f"the optimizer does not hold {sorted(set(decay) ^ set(names))[:3]} as it was asked to")
        coefficients += [decay[name] for name in names]
        rate = trainer.apply((name, np.zeros(shapes[name], np.float32)) for name in names).learning_rate
        del trainer
        context.release()  # frees its moments, which only the collector reaches
        for name, before in iterate_start(context.run, names=names):
            # a first step without a learning rate shows nothing, and NaN never passes
            effects.append(effect(before, model.parameters([name])[name]) / (rate or np.nan))
    return coefficients, effects


def effect(before: np.ndarray, after: np.ndarray) -> float:
    """Factor by which a tensor shrank, least squares of (after - before) on before; 0 for a tensor of zeros."""
    before = before.astype(np.float64).ravel()
    square = float(np.dot(before, before))
    return float(np.dot(before, after.astype(np.float64, copy=False).ravel() - before)) / square if square else 0.0


def in_groups(shapes: Shapes) -> list[list[str]]:
    """The names in their order, in groups whose gradients and moments are in memory together."""
    groups: list[list[str]] = []
    elements = TOGETHER
    for name, shape in shapes.items():
        elements += math.prod(shape)
        if elements > TOGETHER:
            groups.append([])
            elements = math.prod(shape)
        groups[-1].append(name)
    return groups


def clip_gradients(shapes: Shapes, times: float, limit: float) -> Iterator[tuple[str, np.ndarray]]:
    """Seeded float32 gradients whose global norm is about ``times`` the limit, one at a time."""
    total = sum(int(np.prod(shape)) for shape in shapes.values())
    for name, shape in shapes.items():
        yield name, fixed_gradient(name, shape, 0, times * limit / np.sqrt(total))


def _clip(framework: Backend, context: CaptureContext, dtype: str, times: float) -> tuple[float, float]:
    """(factor, norm): the factor as the first moment shows it, which is 0.1 times the clipped gradient; reported norm.

    The gradients are those of the parameters that step 5's optimizer updates.
    """
    settings, shapes = settings_of(context.profile.training), kept_shapes(context.run)
    model = context.fresh_model(dtype)
    trainer = framework.make_trainer(model, rules=context.rules, settings=settings, total_steps=STEPS, names=shapes)
    norm = trainer.apply(clip_gradients(shapes, times, settings.max_grad_norm)).grad_norm
    above = below = 0.0
    for name, gradient in clip_gradients(shapes, times, settings.max_grad_norm):
        flat, moment = gradient.astype(np.float64).ravel(), trainer.state([name])[f"{name}.exp_avg"]
        above += float(np.dot(moment.astype(np.float64).ravel(), flat))
        below += float(np.dot(flat, flat))
    return above / ((1 - BETA1) * below), norm
