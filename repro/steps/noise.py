"""The noise floor: how far one framework's own float32 results move when nothing that matters is changed.

Every weight, or every entry of the embeddings, moved by one unit in the last place; the rows of the batch in another
order or one at a time; another number of threads. None of these is a difference of meaning, so none that is no larger
can be taken for one. Everything is relative L2, tensor by tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from repro.backends import Arrays, Backend, Model
from repro.numerics.difference import relative_l2
from repro.numerics.perturb import one_ulp, perturbed
from repro.profile import Profile
from repro.steps.certificate import digests, first_difference
from repro.steps.s01_forward import UNMASKED, as_dumped, attended
from repro.steps.thin import thin

SEEDS = (0, 1)
GRADIENT = "gradient."
Noise = dict[str, dict[str, float]]  # tensor -> what was changed -> relative L2
Evaluate = Callable[[Model, Arrays], Arrays]


def reversed_rows(arrays: Arrays) -> Arrays:
    """The batch, or per-row results of it, from the last row to the first."""
    return {name: array[::-1].copy() if array.ndim else array for name, array in arrays.items()}


def row_by_row(batch: Arrays) -> Iterator[Arrays]:
    """Batches of one row."""
    for row in range(len(batch["input_ids"])):
        yield {name: array[row : row + 1] for name, array in batch.items()}


def from_embeddings(model: Model, batch: Arrays, embeddings: np.ndarray) -> Arrays:
    """Every operation behind given embeddings (B, T, D)."""
    values = {**model.prepare(batch), "embeddings": embeddings}
    found: Arrays = {"embeddings": embeddings}
    for name in list(model.operations())[1:-1]:  # without the loss
        values[name] = found[name] = model.run(name, values)
    return found


def moved_weights(model: Model, batch: Arrays, evaluate: Evaluate, seeds: tuple[int, ...]) -> Iterator[Arrays]:
    """Results with every weight one unit off, which way by each of the seeds; the weights are as before afterwards."""
    weights = model.parameters()
    for seed in seeds:
        model.replace(perturbed(weights, seed))
        try:
            yield evaluate(model, batch)
        finally:
            model.replace(weights)


def _other_threads(framework: Backend, profile: Profile, evaluate: Callable[[], Arrays]) -> Arrays:
    """Results with two threads instead of one, or one instead of more."""
    common: dict[str, Any] = {"device": profile.device, "seed": profile.weights.seed}
    framework.setup(threads=2 if profile.threads == 1 else 1, **common)
    try:
        return evaluate()
    finally:
        framework.setup(threads=profile.threads, **common)


def forward_noise(framework: Backend, profile: Profile, model: Model, batch: Arrays) -> Noise:
    """Noise floor of everything that step 1 dumps of a float32 model."""

    def evaluate(model: Model, batch: Arrays) -> Arrays:
        return model.forward(batch, taps=True)

    def dumped(taps: Arrays) -> Arrays:
        return as_dumped(taps, mask)

    def changes() -> Iterator[tuple[str, Arrays]]:
        for taps in moved_weights(model, batch, evaluate, SEEDS):
            yield "weights by one unit", taps
        yield "embeddings by one unit", from_embeddings(model, batch, one_ulp(base["embeddings"], SEEDS[0]))
        yield "rows reversed", reversed_rows(evaluate(model, reversed_rows(batch)))
        rows = [evaluate(model, row) for row in row_by_row(batch)]
        yield "rows one at a time", {name: np.concatenate([row[name] for row in rows]) for name in base}
        yield "threads", _other_threads(framework, profile, lambda: evaluate(model, batch))

    base, mask = evaluate(model, batch), attended(batch)
    return _measured(dumped(base), ((kind, dumped(taps)) for kind, taps in changes()))


def sensitivity(model: Model, batch: Arrays, wide: Arrays, weights: Iterator[tuple[str, np.ndarray]]) -> Noise:
    """What one float32 unit in every weight does to what step 1 dumps, in float64: no rounding, the change alone.

    Args:
        model: a float64 model; its weights are not restored.
        wide: its dump of step 1 with the weights as they are.
        weights: hub name and float32 array, one after the other.
    """
    for name, array in weights:
        model.replace(perturbed({name: array}, SEEDS[0]))
    moved: dict[str, float] = {}
    size: dict[str, float] = {}
    for row, part in enumerate(row_by_row(batch)):
        taps = as_dumped(model.forward(part, taps=True), attended(part))
        for name, tap in taps.items():
            before = row_of(wide, name, row)
            moved[name] = moved.get(name, 0.0) + float(np.sum((tap - before) ** 2))
            size[name] = size.get(name, 0.0) + float(np.sum(before**2))
    return {name: {"weights by one unit, in float64": float(np.sqrt(moved[name] / size[name]))} for name in moved}


def row_of(dump: Arrays, name: str, row: int) -> np.ndarray:
    """One row of a tensor of step 1's dump, as ``as_dumped`` makes it of a batch of that row alone."""
    logits = dump["model_output"][:, row : row + 1]
    found = {"model_output": logits, UNMASKED: logits[:, dump["attended"][row : row + 1] == 1]}
    return found[name] if name in found else dump[name][row : row + 1]


def gradient_noise(model: Model, batch: Arrays) -> tuple[Noise, str]:
    """Noise floor of the gradient of every parameter of a float32 model, as step 8 dumps them; whether twice is equal.

    One set of signs: a gradient costs four forward passes.
    """

    def evaluate(model: Model, batch: Arrays) -> Arrays:
        return thin({f"{GRADIENT}{name}": gradient for name, gradient in model.gradients(batch)[1].items()})

    def changes() -> Iterator[tuple[str, Arrays]]:
        for gradients in moved_weights(model, batch, evaluate, SEEDS[:1]):
            yield "weights by one unit", gradients
        yield "rows reversed", evaluate(model, reversed_rows(batch))

    base = evaluate(model, batch)
    twice = first_difference(digests(base.items()), digests(evaluate(model, batch).items()))
    return _measured(base, changes()), twice


def _measured(base: Arrays, changes: Iterator[tuple[str, Arrays]]) -> Noise:
    """Largest relative L2 distance of each tensor for each kind of change."""
    found: Noise = {name: {} for name in base}
    for kind, other in changes:
        for name in found.keys() & other.keys():
            distance = relative_l2(base[name], other[name])
            found[name][kind] = max(distance, found[name].get(kind, 0.0))
    return found
