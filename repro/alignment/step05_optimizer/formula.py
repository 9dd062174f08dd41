"""What AdamW's float64 formula gives for step 5's gradients, under the keys of the dump."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from repro.analysis.seeded_gradients import DECAY, DECAYED, gradients, grouped, optimized, settings_of
from repro.config.paths import RunPaths
from repro.config.profile import Training
from repro.context.compare import CompareContext
from repro.numerics.adamw import CLIP_EPS, AdamW, clip_factor, decays
from repro.numerics.arrays import Arrays
from repro.numerics.schedule import linear_schedule

KEPT = 16  # results; one comparison asks for eleven, each of them for both sides


@dataclass(frozen=True)
class Start:
    """The start weights of a run, told from others by their file: those of the self-test's runs are links to one."""

    file: str
    size: int
    changed: int
    run: RunPaths = field(compare=False)

    @classmethod
    def of(cls, run: RunPaths) -> "Start":
        """Those that ``optimized`` reads."""
        file = (run.checkpoint("pytorch") / "model.safetensors").resolve()
        status = file.stat()
        return cls(str(file), status.st_size, status.st_mtime_ns, run)


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
    """Moments and movements of one side after every update. Do not write into the arrays.

    Args:
        rates: (updates,) learning rates.
        before: eps is added before the bias correction.
        decay: instead of the protocol's coefficient.
        label: prefix of the keys instead of the number of the update; for a single update.
        clip_eps: added to the norm when clipping.
        fault: fields of ``AdamW`` with other values, for what a wrong program would give.
    """
    rules = context.data[side].rules
    coefficient = rules.weight_decay if decay is None else decay
    weights, settings = Start.of(context.run), settings_of(context.profile.training)
    numbers = tuple(map(float, rates))
    options = (coefficient, rules.decay_layer_norms, before, label, clip_eps)
    return dict(_updates(weights, settings, numbers, *options, **fault))


@lru_cache(maxsize=KEPT)
def _updates(
    weights: Start,
    settings: Training,
    rates: tuple[float, ...],
    coefficient: float,
    decay_layer_norms: bool,
    before: bool,
    label: str | None,
    clip_eps: float,
    **fault: Any,
) -> Arrays:
    """``formula`` of what it depends on, which both sides and most runs of the self-test share."""
    start = optimized(weights.run)
    decayed = {n: coefficient if decays(n, decay_layer_norms) else 0.0 for n in start}
    states = {n: AdamW(array, settings.adam_epsilon, decayed[n], before, **fault) for n, array in start.items()}
    arrays: Arrays = {}
    for step, rate in enumerate(rates):
        of_step = dict(gradients(start, step, settings))
        square = sum(float(np.sum(gradient.astype(np.float64) ** 2)) for gradient in of_step.values())
        factor = clip_factor(float(np.sqrt(square)), settings.max_grad_norm, clip_eps)
        for name, gradient in of_step.items():
            states[name].step(gradient.astype(np.float64) * factor, rate)
        prefix = str(step) if label is None else label  # part of the name, on which a sketch depends
        for quantity in ("exp_avg", "exp_avg_sq"):
            arrays |= grouped({n: getattr(s, quantity) for n, s in states.items()}, f"{prefix}.{quantity}")
        arrays |= grouped({n: s.parameter - start[n] for n, s in states.items()}, f"{prefix}.moved")
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def decayed_update(context: CompareContext, side: str, rates: np.ndarray, **fault: Any) -> Arrays:
    """The first update with decay, ``decay.moved.…``; arguments as ``formula``."""
    arrays = formula(context, side, rates[:1], label=DECAYED.rstrip("."), **{"decay": DECAY, **fault})
    return {name: array for name, array in arrays.items() if name.startswith(f"{DECAYED}moved")}


def expected_rates(context: CompareContext, steps: int) -> np.ndarray:
    """Learning rates of step 5's updates and of the one after, float64 (steps + 1,)."""
    return linear_schedule(settings_of(context.profile.training).learning_rate, 0.0, 2 * steps)[: steps + 1]
