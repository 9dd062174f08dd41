"""A batch a few rows at a time, so that float64 needs little more memory than its weights.

No row of a batch bears on another before the loss. Float32 passes are those of the programs themselves, whole batches;
the float64 ones, which they are held against, are made here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from repro.backends import Arrays, Model

TOKENS = 512  # of the rows that go through a model together


def row_slices(batch: Arrays) -> Iterator[slice]:
    """Rows with about ``TOKENS`` tokens, one at least."""
    count, length = batch["input_ids"].shape
    step = max(1, TOKENS // length)
    for first in range(0, count, step):
        yield slice(first, first + step)


def take(arrays: Arrays, rows: slice) -> Arrays:
    """These rows of every array."""
    return {name: array[rows] for name, array in arrays.items()}


def forward(model: Model, batch: Arrays, *, taps: bool = False) -> Arrays:
    """``Model.forward`` of a whole batch."""
    found: Arrays = {}
    for rows in row_slices(batch):
        for name, array in model.forward(take(batch, rows), taps=taps).items():
            if name not in found:
                found[name] = np.empty((len(batch["input_ids"]), *array.shape[1:]), array.dtype)
            found[name][rows] = array
    return found


def loss(model: Model, batch: Arrays, logits: Arrays) -> np.ndarray:
    """The model's own loss of a whole batch, 0-d, from its start and end logits (B, T)."""
    return model.run("loss", model.prepare(batch) | logits)


def gradients(model: Model, batch: Arrays) -> Iterator[tuple[str, np.ndarray]]:
    """Gradient of every parameter by hub name, in evaluation mode, from the head back to the embeddings.

    Every operation is differentiated by itself, the loss for the whole batch. Only the outputs of the operations are
    held, and the gradients of one operation's parameters.
    """
    *operations, last = model.operations()
    parts = [take(batch, rows) for rows in row_slices(batch)]
    outputs: list[Arrays] = [{} for _ in parts]
    for part, values in zip(parts, outputs, strict=True):
        given = model.prepare(part)
        for name in operations:
            values[name] = model.run(name, given | values)
    logits = {name: np.concatenate([values[name] for values in outputs]) for name in operations[-2:]}
    whole, _ = model.pull(last, model.prepare(batch) | logits, np.ones(()))
    handed = [take(whole, rows) for rows in row_slices(batch)]
    for name in reversed(operations):
        total: Arrays = {}
        for part, values, upstream in zip(parts, outputs, handed, strict=True):
            del values[name]
            if name in upstream:
                # Prepared again: Paddle's attention masks of all rows would take a fifth of the weights' memory.
                inner, own = model.pull(name, model.prepare(part) | values, upstream.pop(name))
                _add(upstream, inner)
                _add(total, own)
        yield from total.items()


def _add(total: Arrays, more: Arrays) -> None:
    for name, array in more.items():
        if name in total:
            total[name] += array
        else:
            total[name] = array
