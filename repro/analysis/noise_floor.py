"""The noise floor: how far one framework's own float32 results move when nothing that matters is changed.

Every weight, or every entry of the embeddings, moves by 1 ulp; the rows of the batch come in another order or one at a
time; the number of threads is another. None of these is a difference of meaning, so no difference of the same size
shows one. Everything is relative L2, tensor by tensor.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np

from repro.analysis.activations import as_dumped, attended
from repro.analysis.chunking import gradients
from repro.analysis.determinism import digests, first_difference, one_by_one
from repro.analysis.gradients import dumped
from repro.backends import Backend, Model
from repro.config.profile import Profile
from repro.data.batches import take
from repro.dumps.sketch import SAMPLE
from repro.numerics.arrays import Arrays
from repro.numerics.difference import relative_l2
from repro.numerics.perturb import one_ulp, perturbed
from repro.results.precision import Moves

SEEDS = (0, 1)
T = TypeVar("T")
Weights = Callable[[], Iterable[tuple[str, np.ndarray]]]  # start weights: hub name, float32 array, one at a time


def reversed_rows(arrays: Arrays) -> Arrays:
    """The batch, or per-row results of it, from the last row to the first."""
    return {name: array[::-1].copy() if array.ndim else array for name, array in arrays.items()}


def set_weights(model: Model, weights: Weights, seed: int | None = None) -> None:
    """The start weights as they are, or each of them 1 ulp of float32 off; the seed decides the direction."""
    for name, array in weights():
        model.replace({name: array} if seed is None else perturbed({name: array}, seed))


def moved_weights(
    model: Model, weights: Weights, seeds: tuple[int, ...], evaluate: Callable[[], T]
) -> Iterator[tuple[str, T]]:
    """Results with other weights, one set per seed; restores the weights."""
    try:
        for seed in seeds:
            set_weights(model, weights, seed)
            yield "weights by one ulp", evaluate()
    finally:
        set_weights(model, weights)


def _other_threads(framework: Backend, profile: Profile, evaluate: Callable[[], Arrays]) -> Arrays:
    """Results with two threads instead of one, or one instead of more."""
    common: dict[str, Any] = {"device": profile.device_of(framework.NAME), "seed": profile.weights.seed}
    framework.setup(threads=2 if profile.threads == 1 else 1, **common)
    try:
        return evaluate()
    finally:
        framework.setup(threads=profile.threads, **common)


def forward_noise(framework: Backend, profile: Profile, model: Model, batch: Arrays, weights: Weights) -> Moves:
    """Noise floor of everything that step 1 dumps of a float32 model."""

    def evaluate(rows: Arrays = batch) -> Arrays:
        return model.forward(rows, activations=True)

    def changes() -> Iterator[tuple[str, Arrays]]:
        yield from moved_weights(model, weights, SEEDS, evaluate)
        moved = {"embeddings": one_ulp(base["embeddings"], SEEDS[0])}
        yield "embeddings by one ulp", dict(one_by_one(model, batch, moved))
        yield "rows reversed", reversed_rows(evaluate(reversed_rows(batch)))
        rows = [evaluate(take(batch, slice(row, row + 1))) for row in range(len(batch["input_ids"]))]
        yield "rows one at a time", {name: np.concatenate([row.pop(name) for row in rows]) for name in base}
        yield "threads", _other_threads(framework, profile, evaluate)

    base, mask = evaluate(), attended(batch)
    return _measured(as_dumped(base, mask), ((kind, as_dumped(activations, mask)) for kind, activations in changes()))


def sensitivity(model: Model, batch: Arrays, weights: Weights) -> Moves:
    """What 1 ulp of float32 in every weight does to step 1's activations, in float64: no rounding, the change alone.

    Args:
        model: a float64 model.
    """

    def evaluate() -> Arrays:
        return as_dumped(model.forward(batch, activations=True), mask)

    mask = attended(batch)
    return _measured(evaluate(), moved_weights(model, weights, SEEDS[:1], evaluate))


def gradient_noise(model: Model, batch: Arrays, weights: Weights) -> tuple[Moves, str]:
    """Noise floor of the gradient of every parameter of a float32 model, as step 8 dumps them; and determinism check.

    One set of directions only: a gradient costs four forward passes.
    """

    def evaluate(rows: Arrays = batch) -> Arrays:
        return dict(dumped(model.gradients(rows)[1].items()))

    def changes() -> Iterator[tuple[str, Arrays]]:
        yield from moved_weights(model, weights, SEEDS[:1], evaluate)
        yield "rows reversed", evaluate(reversed_rows(batch))

    base = evaluate()
    twice = first_difference(digests(base.items()), digests(evaluate().items()))
    return _measured(base, changes()), twice


def gradient_sensitivity(model: Model, batch: Arrays, weights: Weights) -> Moves:
    """What 1 ulp of float32 in every weight does to the gradients as step 8 dumps them, in float64.

    One gradient at a time, and large ones at a sample of places, so that little memory is needed beside the model.

    Args:
        model: a float64 model.
    """

    def few() -> Iterator[tuple[str, np.ndarray]]:
        return dumped(gradients(model, batch), SAMPLE)

    def distances() -> dict[str, float]:
        return {name: relative_l2(base[name], other) for name, other in few()}

    base = dict(few())
    ((kind, moved),) = moved_weights(model, weights, SEEDS[:1], distances)
    return {name: {kind: distance} for name, distance in moved.items()}


def _measured(base: Arrays, changes: Iterator[tuple[str, Arrays]]) -> Moves:
    """Largest relative L2 distance of each tensor for each kind of change."""
    moves: Moves = {name: {} for name in base}
    for kind, other in changes:
        for name in moves.keys() & other.keys():
            distance = relative_l2(base[name], other[name])
            moves[name][kind] = max(distance, moves[name].get(kind, 0.0))
    return moves
