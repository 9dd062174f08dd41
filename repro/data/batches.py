"""Which rows go into which batch. Drawn outside the frameworks, so that both can get the same order."""

from collections.abc import Iterator

import numpy as np

from repro.numerics.arrays import Arrays

Batches = list[list[int]]


def eval_batches(count: int, batch_size: int) -> Batches:
    """Row numbers in order, ``batch_size`` a batch, the last one possibly shorter.

    Raises:
        ValueError: ``batch_size`` below 1.
    """
    return _split(list(range(count)), batch_size)


def epoch_orders(
    count: int, *, epochs: int, batch_size: int, shuffle: bool, seed: int, skip_batches_of_one: bool = False
) -> Iterator[Batches]:
    """For each epoch the row numbers of its batches.

    Args:
        count: number of rows.
        epochs: number of epochs.
        batch_size: rows in a batch; the last one of an epoch may be shorter.
        shuffle: draw a new permutation for each epoch (numpy's SFC64), as the original's random sampler does;
            otherwise file order, as the committed Paddle program.
        seed: seed of the permutations.
        skip_batches_of_one: drop a last batch with a single row.

    Raises:
        ValueError: ``batch_size`` below 1.
    """
    generator = np.random.Generator(np.random.SFC64(seed))
    for _ in range(epochs):
        rows = generator.permutation(count).tolist() if shuffle else list(range(count))
        batches = _split(rows, batch_size)
        if skip_batches_of_one and batches and len(batches[-1]) == 1:
            batches.pop()
        yield batches


def total_steps(count: int, batch_size: int, epochs: int, min_steps: int) -> tuple[int, int]:
    """Steps at which the schedule ends, and epochs that are run (``run_mrqa.py`` of the original, ``train``).

    Where ``epochs`` give fewer than ``min_steps`` steps, the schedule ends at ``min_steps``, and whole epochs run until
    it is passed: slightly more steps happen, with learning rate 0 past the end.

    Raises:
        ValueError: no rows, or ``batch_size`` below 1.
    """
    if count < 1 or batch_size < 1:
        raise ValueError(f"{count} rows in batches of {batch_size} make no training step")
    per_epoch = -(-count // batch_size)
    if min_steps > per_epoch * epochs:
        return min_steps, min_steps // per_epoch + 1
    return per_epoch * epochs, epochs


def _split(rows: list[int], batch_size: int) -> Batches:
    if batch_size < 1:
        raise ValueError(f"batch size {batch_size} is not positive")
    return [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]


def take(arrays: Arrays, rows: slice) -> Arrays:
    """These rows of every array."""
    return {name: array[rows] for name, array in arrays.items()}
