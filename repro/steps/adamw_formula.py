"""Step 5's gradients, and what AdamW's float64 formula makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from repro.backends import Arrays
from repro.numerics.adamw import CLIP_EPS, AdamW, clip_factor
from repro.paths import RunPaths
from repro.profile import Training
from repro.steps.pair import CompareContext
from repro.steps.start_weights import kept_shapes, start_arrays
from repro.steps.thin import fixed_gradient, thin

GROUPS = ("usual", "tiny")
QUANTITIES = ("exp_avg", "exp_avg_sq", "moved")
NORMS = (4.0, 0.5, 2.0, 8.0, 0.25)  # global gradient norm in units of the clipping norm, repeated
# A coefficient that float32 holds exactly: Paddle's AdamW keeps it in float32 even in a float64 model, where 0.01 would
# be 2.2e-8 off.
DECAY = 2.0**-7


def group_of(number: int) -> str:
    """Group of the parameter with this number in the sorted list of names."""
    return "tiny" if number % 4 == 3 else "usual"


def settings_of(training: Training) -> Training:
    """The profile's settings without warm-up, so that the first update moves the weights."""
    return training.model_copy(update={"warmup_ratio": 0.0})


def optimized(run: RunPaths) -> Arrays:
    """Start weights of the parameters that the optimizer works on, float32, by hub name."""
    return start_arrays(run, names=kept_shapes(run))


def gradients(shapes: dict[str, tuple[int, ...]], step: int, settings: Training) -> Iterator[tuple[str, np.ndarray]]:
    """Gradient of every parameter at one step, by name, one after the other (float32)."""
    total = sum(int(np.prod(shape)) for shape in shapes.values())
    scale = NORMS[step % len(NORMS)] * settings.max_grad_norm / np.sqrt(total)
    for number, name in enumerate(sorted(shapes)):
        size = settings.adam_epsilon if group_of(number) == "tiny" else scale
        yield name, fixed_gradient(name, shapes[name], step, size)


def grouped(arrays: Arrays, prefix: str) -> Arrays:
    """Parameters of each group in one flat array, as it stands in a dump (``thin``)."""
    found: Arrays = {}
    for group in GROUPS:
        parts = [arrays[name].ravel() for i, name in enumerate(sorted(arrays)) if group_of(i) == group]
        found |= thin({f"{prefix}.{group}": np.concatenate(parts)})
    return found


def formula(
    context: CompareContext,
    side: str,
    rates: np.ndarray,
    *,
    before: bool,
    decay: float | None = None,
    label: str | None = None,
    clip_eps: float = CLIP_EPS,
    **wrong: Any,
) -> Arrays:
    """What one side's dump holds according to the float64 formula.

    Args:
        before: eps is added before the bias correction.
        decay: instead of the protocol's coefficient.
        label: what the keys begin with instead of the number of the update; for a single update.
        clip_eps: added to the norm when clipping.
        wrong: fields of ``AdamW`` with other values, to show what a wrong program would give.
    """
    settings, start = settings_of(context.profile.training), optimized(context.run)
    rules = context.inputs[side].rules
    shapes = {name: array.shape for name, array in start.items()}
    coefficient = rules.weight_decay if decay is None else decay
    decayed = {n: coefficient if decays(n, rules.decay_layer_norms) else 0.0 for n in start}
    states = {n: AdamW(array, settings.adam_epsilon, decayed[n], before, **wrong) for n, array in start.items()}
    found: Arrays = {}
    for step, rate in enumerate(rates):
        given = dict(gradients(shapes, step, settings))
        square = sum(float(np.sum(gradient.astype(np.float64) ** 2)) for gradient in given.values())
        factor = clip_factor(float(np.sqrt(square)), settings.max_grad_norm, clip_eps)
        for name, gradient in given.items():
            states[name].step(gradient.astype(np.float64) * factor, float(rate))
        prefix = str(step) if label is None else label  # before thinning, which depends on the name
        for quantity in ("exp_avg", "exp_avg_sq"):
            found |= grouped({n: getattr(s, quantity) for n, s in states.items()}, f"{prefix}.{quantity}")
        found |= grouped({n: s.parameter - start[n] for n, s in states.items()}, f"{prefix}.moved")
    return found


def decays(name: str, layer_norms: bool) -> bool:
    """The original's no-decay rule: neither biases nor LayerNorm weights; optionally the encoder's LayerNorms do."""
    if name.endswith("bias"):
        return False
    return not name.endswith("LayerNorm.weight") or (layer_norms and name.startswith("splinter."))
