"""The noise floor: how far one framework's own float32 results move when nothing that matters is changed.

Every weight, or every entry of the embeddings, moved by one unit in the last place; the rows of the batch in another
order or one at a time; another number of threads. None of these is a difference of meaning, so none that is no larger
can be taken for one. Everything is relative L2, tensor by tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np

from repro.backends import Arrays, Backend, Model
from repro.numerics.difference import relative_l2
from repro.numerics.perturb import one_ulp, perturbed
from repro.profile import Profile
from repro.steps.certificate import digests, first_difference, one_by_one
from repro.steps.gradients import dumped
from repro.steps.rows import gradients, take
from repro.steps.s01_forward import as_dumped, attended
from repro.steps.thin import SAMPLE

SEEDS = (0, 1)
T = TypeVar("T")
Noise = dict[str, dict[str, float]]  # tensor -> what was changed -> relative L2
Weights = Callable[[], Iterable[tuple[str, np.ndarray]]]  # start weights: hub name, float32 array; each held alone


def reversed_rows(arrays: Arrays) -> Arrays:
    """The batch, or per-row results of it, from the last row to the first."""
    return {name: array[::-1].copy() if array.ndim else array for name, array in arrays.items()}


def row_by_row(batch: Arrays) -> Iterator[Arrays]:
    """Batches of one row."""
    for row in range(len(batch["input_ids"])):
        yield take(batch, slice(row, row + 1))


def set_weights(model: Model, weights: Weights, seed: int | None = None) -> None:
    """The start weights as they are, or every one of them one float32 unit off, which way by the seed."""
    for name, array in weights():
        model.replace({name: array} if seed is None else perturbed({name: array}, seed))


def moved_weights(
    model: Model, weights: Weights, seeds: tuple[int, ...], evaluate: Callable[[], T]
) -> Iterator[tuple[str, T]]:
    """Results with other weights, one set a seed; the weights are as before afterwards."""
    for seed in seeds:
        set_weights(model, weights, seed)
        try:
            found = evaluate()
        finally:
            set_weights(model, weights)
        yield "weights by one unit", found


def _other_threads(framework: Backend, profile: Profile, evaluate: Callable[[], Arrays]) -> Arrays:
    """Results with two threads instead of one, or one instead of more."""
    common: dict[str, Any] = {"device": profile.device, "seed": profile.weights.seed}
    framework.setup(threads=2 if profile.threads == 1 else 1, **common)
    try:
        return evaluate()
    finally:
        framework.setup(threads=profile.threads, **common)


def forward_noise(framework: Backend, profile: Profile, model: Model, batch: Arrays, weights: Weights) -> Noise:
    """Noise floor of everything that step 1 dumps of a float32 model."""

    def evaluate(given: Arrays = batch) -> Arrays:
        return model.forward(given, taps=True)

    def changes() -> Iterator[tuple[str, Arrays]]:
        yield from moved_weights(model, weights, SEEDS, evaluate)
        moved = {"embeddings": one_ulp(base["embeddings"], SEEDS[0])}
        yield "embeddings by one unit", dict(one_by_one(model, batch, moved))
        yield "rows reversed", reversed_rows(evaluate(reversed_rows(batch)))
        rows = [evaluate(row) for row in row_by_row(batch)]
        yield "rows one at a time", {name: np.concatenate([row.pop(name) for row in rows]) for name in base}
        yield "threads", _other_threads(framework, profile, evaluate)

    base, mask = evaluate(), attended(batch)
    return _measured(as_dumped(base, mask), ((kind, as_dumped(taps, mask)) for kind, taps in changes()))


def sensitivity(model: Model, batch: Arrays, weights: Weights) -> Noise:
    """What one float32 unit in every weight does to what step 1 dumps, in float64: no rounding, the change alone.

    Args:
        model: a float64 model.
    """

    def evaluate() -> Arrays:
        return as_dumped(model.forward(batch, taps=True), mask)

    mask = attended(batch)
    return _measured(evaluate(), moved_weights(model, weights, SEEDS[:1], evaluate))


def gradient_noise(model: Model, batch: Arrays, weights: Weights) -> tuple[Noise, str]:
    """Noise floor of the gradient of every parameter of a float32 model, as step 8 dumps them; whether twice is equal.

    One set of signs: a gradient costs four forward passes.
    """

    def evaluate(given: Arrays = batch) -> Arrays:
        return dict(dumped(model.gradients(given)[1].items()))

    def changes() -> Iterator[tuple[str, Arrays]]:
        yield from moved_weights(model, weights, SEEDS[:1], evaluate)
        yield "rows reversed", evaluate(reversed_rows(batch))

    base = evaluate()
    twice = first_difference(digests(base.items()), digests(evaluate().items()))
    return _measured(base, changes()), twice


def gradient_sensitivity(model: Model, batch: Arrays, weights: Weights) -> Noise:
    """What one float32 unit in every weight does to the gradients as step 8 dumps them, in float64.

    Of one gradient after the other, and of large ones at a sample of places, so that little is held beside the model.

    Args:
        model: a float64 model.
    """

    def few() -> Iterator[tuple[str, np.ndarray]]:
        return dumped(gradients(model, batch), SAMPLE)

    def distances() -> dict[str, float]:
        return {name: relative_l2(base[name], other) for name, other in few()}

    base = dict(few())
    ((kind, found),) = moved_weights(model, weights, SEEDS[:1], distances)
    return {name: {kind: distance} for name, distance in found.items()}


def _measured(base: Arrays, changes: Iterator[tuple[str, Arrays]]) -> Noise:
    """Largest relative L2 distance of each tensor for each kind of change."""
    found: Noise = {name: {} for name in base}
    for kind, other in changes:
        for name in found.keys() & other.keys():
            distance = relative_l2(base[name], other[name])
            found[name][kind] = max(distance, found[name].get(kind, 0.0))
    return found
