"""A batch a few rows at a time, so that float64 needs little more memory than its weights.

The rows of a batch are independent before the loss. Float32 passes are those of the programs themselves, whole batches;
the float64 passes that they are compared with run here.
"""

from collections.abc import Iterator

import numpy as np

from repro.backends import Model
from repro.data.batches import take
from repro.numerics.arrays import Arrays

TOKENS = 512  # of the rows that go through a model together


def row_slices(batch: Arrays) -> Iterator[slice]:
    """Rows with about ``TOKENS`` tokens, at least one row each."""
    count, length = batch["input_ids"].shape
    step = max(1, TOKENS // length)
    for first in range(0, count, step):
        yield slice(first, first + step)


def forward(model: Model, batch: Arrays, *, activations: bool = False) -> Arrays:
    """``Model.forward`` of a whole batch: the same names, shapes and dtypes."""
    outputs: Arrays = {}
    for rows in row_slices(batch):
        for name, array in model.forward(take(batch, rows), activations=activations).items():
            if name not in outputs:
                outputs[name] = np.empty((len(batch["input_ids"]), *array.shape[1:]), array.dtype)
            outputs[name][rows] = array
    return outputs


def gradients(model: Model, batch: Arrays) -> Iterator[tuple[str, np.ndarray]]:
    """Gradient of every parameter by hub name, in evaluation mode, from the head back to the embeddings.

    Every operation is differentiated by itself, the loss for the whole batch. Only the outputs of the operations and
    the gradients of one operation's parameters are in memory.
    """
    inputs = model.operations()
    *operations, last = inputs
    parts = [take(batch, rows) for rows in row_slices(batch)]
    outputs: list[Arrays] = [{} for _ in parts]
    for part, values in zip(parts, outputs, strict=True):
        prepared = model.prepare(part)
        for name in operations:
            values[name] = model.run(name, prepared | values)
    logits = {name: np.concatenate([values[name] for values in outputs]) for name in operations[-2:]}
    of_logits, _ = model.vjp(last, model.prepare(batch) | logits, np.ones(()))
    upstreams = [take(of_logits, rows) for rows in row_slices(batch)]
    for name in reversed(operations):
        of_parameters: Arrays = {}
        for part, values, upstream in zip(parts, outputs, upstreams, strict=True):
            del values[name]
            if name in upstream:
                # Prepared again: Paddle's attention masks of all rows would take a fifth of the weights' memory.
                prepared = {} if values.keys() >= {*inputs[name]} else model.prepare(part)
                of_inputs, of_weights = model.vjp(name, prepared | values, upstream.pop(name))
                _add(upstream, of_inputs)
                _add(of_parameters, of_weights)
        yield from of_parameters.items()


def _add(total: Arrays, more: Arrays) -> None:
    for name, array in more.items():
        if name in total:
            total[name] += array
        else:
            total[name] = array
