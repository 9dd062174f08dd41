"""Gradients from a seeded generator, for steps 5 and 7: both optimizers get the same ones, without a backward pass.

A quarter of the parameters gets gradients of the size of AdamW's eps, where it shows in which place eps is added.
"""

from collections.abc import Iterator

import numpy as np

from repro.config.paths import RunPaths
from repro.config.profile import Training
from repro.context.start_weights import kept_shapes, start_arrays
from repro.dumps.sketch import fixed_gradient, sketch
from repro.numerics.arrays import Arrays

GROUPS = ("usual", "tiny")
NORMS = (4.0, 0.5, 2.0, 8.0, 0.25)  # global gradient norm in units of the clipping norm, repeated
# A coefficient that float32 holds exactly: Paddle's AdamW keeps it in float32 even in a float64 model, where 0.01 would
# be 2.2e-8 off.
DECAY = 2.0**-7
DECAYED = "decay."  # prefix of the update with this coefficient


def group_of(number: int) -> str:
    """Group of the parameter with this number in the sorted list of names."""
    return "tiny" if number % 4 == 3 else "usual"


def settings_of(training: Training) -> Training:
    """The profile's settings without warm-up, so that the first update moves the weights."""
    return training.model_copy(update={"warmup_ratio": 0.0})


def optimized(run: RunPaths) -> Arrays:
    """Start weights of the parameters that the optimizer updates, float32, by hub name."""
    return start_arrays(run, names=kept_shapes(run))


def gradients(start: Arrays, step: int, settings: Training) -> Iterator[tuple[str, np.ndarray]]:
    """Float32 gradient of every parameter at one step, by sorted name, one at a time."""
    total = sum(array.size for array in start.values())
    scale = NORMS[step % len(NORMS)] * settings.max_grad_norm / np.sqrt(total)
    for number, name in enumerate(sorted(start)):
        size = settings.adam_epsilon if group_of(number) == "tiny" else scale
        yield name, fixed_gradient(name, start[name].shape, step, size)


def grouped(arrays: Arrays, prefix: str) -> Arrays:
    """``{prefix}.{group}``: the parameters of each group in one flat array, as a dump holds it (``sketch``)."""
    groups: Arrays = {}
    for group in GROUPS:
        parts = [arrays[name].ravel() for i, name in enumerate(sorted(arrays)) if group_of(i) == group]
        groups |= sketch({f"{prefix}.{group}": np.concatenate(parts)})
    return groups
