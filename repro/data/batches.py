"""Which rows go into which batch, and how wide. Outside the frameworks, so that both compute the same."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from repro.numerics.arrays import Arrays

Batches = list[list[int]]
LABELS = ("start_positions", "end_positions")


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
        batches = _batches(rows, batch_size)
        if skip_batches_of_one and batches and len(batches[-1]) == 1:
            batches.pop()
        yield batches


def first_batches(orders: Iterable[Batches], count: int) -> Iterator[Batches]:
    """The first ``count`` batches of all epochs, epoch by epoch; fewer where there are not so many."""
    for batches in orders:
        if count <= 0:
            return
        yield batches[:count]
        count -= len(batches)


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


def _batches(rows: list[int], batch_size: int) -> Batches:
    if batch_size < 1:
        raise ValueError(f"batch size {batch_size} is not positive")
    return [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]


def take(arrays: Arrays, rows: slice | np.ndarray) -> Arrays:
    """These rows of every array."""
    return {name: array[rows] for name, array in arrays.items()}


def widths(batch: Arrays) -> np.ndarray:
    """(B,) how many columns each row needs: up to its last token, and to a label that lies inside the batch's width.

    Columns beyond change nothing but the order of sums: the attention to them is exactly 0, and so is the probability
    that an answer starts or ends there.

    Args:
        batch: ``input_ids``, ``attention_mask`` (B, T), padded on the right with 0, and perhaps positions (B,).
    """
    used = (batch["input_ids"] != 0) | (batch["attention_mask"] != 0)  # (B, T)
    columns = np.arange(1, used.shape[1] + 1)
    needed: np.ndarray = (used * columns).max(axis=1, initial=1)
    for name in LABELS:
        if name in batch:
            inside = np.where(batch[name] < used.shape[1], batch[name], 0)
            needed = np.maximum(needed, inside + 1)
    return needed


def cut(batch: Arrays, width: int) -> Arrays:
    """The first ``width`` columns of every array (B, T); arrays (B,) as they are."""
    return {name: array[:, :width] if array.ndim == 2 else array for name, array in batch.items()}


def sorted_batches(needed: np.ndarray, batch_size: int) -> Batches:
    """Row numbers by width, the widest first, so that rows of about the same width share a batch.

    Raises:
        ValueError: ``batch_size`` below 1.
    """
    return _batches(np.argsort(-needed, kind="stable").tolist(), batch_size)


class Part(NamedTuple):
    """Some rows of a batch, cut to the widest of them; ``rows`` are their numbers in the batch, ascending."""

    rows: np.ndarray
    batch: Arrays


def whole(batch: Arrays) -> list[Part]:
    """The batch as its only part, in its full width."""
    return [Part(np.arange(len(batch["input_ids"])), batch)]


def split(batch: Arrays, part_tokens: int) -> list[Part]:
    """Parts of a batch, each in a width of its own, so that together they have few tokens; the widest first.

    Args:
        part_tokens: what one more part costs, in tokens.
    """
    needed = widths(batch)
    return [Part(rows, cut(take(batch, rows), int(needed[rows].max()))) for rows in cheapest_parts(needed, part_tokens)]


def cheapest_parts(needed: np.ndarray, part_tokens: int) -> list[np.ndarray]:
    """Row numbers of each part, such that tokens, padding included, and ``part_tokens`` for each part are the fewest.

    Parts are ranges of the rows sorted by width. So the best parts of the first n rows are a last part and the best
    parts of the rows before it.

    Args:
        needed: (B,) columns that each row needs.
        part_tokens: what one more part costs.
    """
    order = np.argsort(needed, kind="stable")
    best = [(0, 0)]  # of the first n rows: their cost, and where their last part begins
    for count, width in enumerate(needed[order].tolist(), 1):
        best.append(min((best[first][0] + (count - first) * width + part_tokens, first) for first in range(count)))
    parts, end = [], len(order)
    while end:
        first = best[end][1]
        parts.append(np.sort(order[first:end]))
        end = first
    return parts
