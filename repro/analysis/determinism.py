"""Determinism check: the same program on the same inputs, twice."""

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np

from repro.backends import Model
from repro.numerics.arrays import Arrays
from repro.results.precision import DeterminismCheck

EQUAL = "bit-equal"
Digests = dict[str, str]  # tensor -> sha256 of its bytes, in the order of computation


def digests(arrays: Iterable[tuple[str, np.ndarray]]) -> Digests:
    """One hash per tensor, so that two runs need not be in memory at once."""
    return {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays}


def first_difference(first: Digests, second: Digests) -> str:
    """``bit-equal``, or the first tensor that is not."""
    return next((f"differs from {name} on" for name in first if second.get(name) != first[name]), EQUAL)


def one_by_one(model: Model, batch: Arrays, replaced: Arrays | None = None) -> Iterator[tuple[str, np.ndarray]]:
    """Every operation but the loss run by itself on the results of those before it.

    Args:
        replaced: results to use instead of running their operations.
    """
    values = model.prepare(batch) | (replaced or {})
    for name in list(model.operations())[:-1]:
        if name not in values:
            values[name] = model.run(name, values)
        yield name, values[name]


def check_determinism(model: Model, batch: Arrays) -> DeterminismCheck:
    """All activations twice; and the operations one by one, as the error analysis runs them."""
    first = digests(model.forward(batch, activations=True).items())
    second = digests(model.forward(batch, activations=True).items())
    return DeterminismCheck(
        forward=first_difference(first, second),
        one_by_one=first_difference(first, digests(one_by_one(model, batch))),
    )
