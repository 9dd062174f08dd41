"""Determinism certificate: the same program, the same inputs, twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np

from repro.backends import Arrays, Model

EQUAL = "bit-equal"
Digests = dict[str, str]  # tensor -> sha256 of its bytes, in the order of computation


def digests(arrays: Iterable[tuple[str, np.ndarray]]) -> Digests:
    """One hash a tensor, so that two runs need not be held at once."""
    return {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays}


def first_difference(once: Digests, again: Digests) -> str:
    """``bit-equal``, or the first tensor that is not."""
    return next((f"differs from {name} on" for name in once if again.get(name) != once[name]), EQUAL)


def one_by_one(model: Model, batch: Arrays, given: Arrays | None = None) -> Iterator[tuple[str, np.ndarray]]:
    """Every operation but the loss run by itself on the results of those before it; those ``given`` are not run."""
    values = model.prepare(batch) | (given or {})
    for name in list(model.operations())[:-1]:
        if name not in values:
            values[name] = model.run(name, values)
        yield name, values[name]


def certificate(model: Model, batch: Arrays) -> dict[str, str]:
    """What was done twice -> ``bit-equal`` or the first tensor that differs.

    ``forward``: all taps; ``one by one``: the operations by themselves, as the error analysis runs them, against the
    whole pass.
    """
    once = digests(model.forward(batch, taps=True).items())
    found = {"forward": first_difference(once, digests(model.forward(batch, taps=True).items()))}
    return found | {"one by one": first_difference(once, digests(one_by_one(model, batch)))}
