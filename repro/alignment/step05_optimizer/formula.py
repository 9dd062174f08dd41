"""What AdamW's float64 formula gives for step 5's gradients, under the keys of the dump."""

from typing import Any

import numpy as np

from repro.analysis.seeded_gradients import DECAY, DECAYED, gradients, grouped, optimized, settings_of
from repro.context.compare import CompareContext
from repro.numerics.adamw import CLIP_EPS, AdamW, clip_factor, decays
from repro.numerics.arrays import Arrays
from repro.numerics.schedule import linear_schedule


def formula(
    context: CompareContext,
    side: str,
    rates: np.ndarray,
    *,
    before: bool,
    decay: float | None = None,
    label: str | None = None,
    clip_eps: float = CLIP_EPS,
    **fault: Any,
) -> Arrays:
    """Moments and movements of one side after every update.

    Args:
        rates: (updates,) learning rates.
        before: eps is added before the bias correction.
        decay: instead of the protocol's coefficient.
        label: prefix of the keys instead of the number of the update; for a single update.
        clip_eps: added to the norm when clipping.
        fault: fields of ``AdamW`` with other values, for what a wrong program would give.
    """
    settings, start = settings_of(context.profile.training), optimized(context.run)
    rules = context.data[side].rules
    coefficient = rules.weight_decay if decay is None else decay
    decayed = {n: coefficient if decays(n, rules.decay_layer_norms) else 0.0 for n in start}
    states = {n: AdamW(array, settings.adam_epsilon, decayed[n], before, **fault) for n, array in start.items()}
    arrays: Arrays = {}
    for step, rate in enumerate(rates):
        of_step = dict(gradients(start, step, settings))
        square = sum(float(np.sum(gradient.astype(np.float64) ** 2)) for gradient in of_step.values())
        factor = clip_factor(float(np.sqrt(square)), settings.max_grad_norm, clip_eps)
        for name, gradient in of_step.items():
            states[name].step(gradient.astype(np.float64) * factor, float(rate))
        prefix = str(step) if label is None else label  # part of the name, on which a sketch depends
        for quantity in ("exp_avg", "exp_avg_sq"):
            arrays |= grouped({n: getattr(s, quantity) for n, s in states.items()}, f"{prefix}.{quantity}")
        arrays |= grouped({n: s.parameter - start[n] for n, s in states.items()}, f"{prefix}.moved")
    return arrays


def decayed_update(context: CompareContext, side: str, rates: np.ndarray, **fault: Any) -> Arrays:
    """The first update with decay, ``decay.moved.…``; arguments as ``formula``."""
    arrays = formula(context, side, rates[:1], label=DECAYED.rstrip("."), **{"decay": DECAY, **fault})
    return {name: array for name, array in arrays.items() if name.startswith(f"{DECAYED}moved")}


def expected_rates(context: CompareContext, steps: int) -> np.ndarray:
    """Learning rates of step 5's updates and of the one after, float64 (steps + 1,)."""
    return linear_schedule(settings_of(context.profile.training).learning_rate, 0.0, 2 * steps)[: steps + 1]
