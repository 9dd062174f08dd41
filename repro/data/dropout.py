"""Dropout masks as a pure function of where an element stands, so that every framework and device gets the same ones.

An element is dropped or kept by a hash of (seed, step, call, row, middle coordinates, last coordinate), in integers of
32 bits that wrap: arithmetic that numpy and both frameworks share on every device. Nothing else enters: not the width
to which a batch is padded, nor which rows are computed together.

Of a mask (B, H, T, T) each of the B H T vectors along the last axis has a well-mixed key, and the hash of its element j
is ``key * factors[j]``, with odd factors that are the same in every vector; the upper 16 bits decide. A key has 32
bits: within a mask all differ (but for a few in far larger batches), in other masks some come back in other places.
"""

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

LARGEST_SIZE = 1 << 20
BLOCK = 1 << 17  # elements, whose hashes fit into the cache of a core


def dropout_seed(seed: int, size: int) -> int:
    """Seed of the dropout masks of one training: its seed and its number of examples."""
    return seed * LARGEST_SIZE + size


def threshold(probability: float) -> int:
    """The least hash of a kept element, int32. Only its upper 16 bits count: probabilities are realised to 1/65536."""
    return (round(probability * 65536) << 16) - (1 << 31)


def scale(probability: float) -> float:
    """What kept elements are multiplied by: 1 / (1 - probability), as it is realised."""
    return 65536 / (65536 - round(probability * 65536))


def folded(values: Any) -> Any:
    """``values`` with their upper 16 bits added to the lower: between two products, which carry upwards only.

    Int32, an array of numpy or a tensor of either framework. The quotient, which all of them round down, stands for a
    shift, which Paddle does not have; added, not by an exclusive or, in which it would cancel the sign.
    """
    return values + values // 65536


@lru_cache
def factors(count: int) -> np.ndarray:
    """Int32 (count,) for coordinate 0, 1, … of any axis, whatever ``count``; odd, so that no product loses a bit."""
    values = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for multiplier in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB):
        values = (values ^ values >> np.uint64(31)) * np.uint64(multiplier)
    return (values >> np.uint64(32)).astype(np.uint32).view(np.int32) | np.int32(1)


@lru_cache
def coordinates(rows: tuple[int, ...], middle: tuple[int, ...]) -> np.ndarray:
    """Hashes of all coordinates but the last, int32 (B, *middle, 1); ``rows``: number of each in the whole batch."""
    hashes: np.ndarray = folded(factors(max(rows) + 1)[list(rows)])
    for size in middle:
        hashes = folded(hashes[..., None] * factors(size))
    return hashes[..., None]


def vector_keys(key: int, rows: tuple[int, ...], middle: tuple[int, ...]) -> np.ndarray:
    """Key of every vector along the last axis, int32 (B, *middle, 1), from the key of the call."""
    keys: np.ndarray = folded(coordinates(rows, middle) * np.int32(key))
    return keys


def multipliers(
    key: int, rows: tuple[int, ...], shape: tuple[int, ...], probability: float, dtype: npt.DTypeLike = np.float32
) -> np.ndarray:
    """What dropout multiplies each element by, (B, …): 0 where it is dropped, ``scale`` where it is kept.

    Args:
        key: of the dropout call, by ``DropoutMasks``.
        rows: number of each of the B rows in the whole batch, of which they may be a part.
        shape: two axes or more, the first B.
        probability: of being dropped, realised to 1/65536.
        dtype: of the result, real.
    """
    keys, columns = vector_keys(key, rows, shape[1:-1]).ravel(), factors(shape[-1])
    values: np.ndarray = np.empty((len(keys), len(columns)), dtype)
    least, factor = threshold(probability), values.dtype.type(scale(probability))
    size = max(1, BLOCK // len(columns))
    for first in range(0, len(keys), size):
        part = slice(first, first + size)
        hashes = np.einsum("i,j->ij", keys[part], columns)  # a product that broadcasts takes longer
        values[part] = hashes >= least
        values[part] *= factor
    return values.reshape(shape)


class DropoutMasks:
    """The masks of one training."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def key(self, step: int, call: int) -> int:
        """Odd int32 that tells the hashes of one dropout call, counted within a step, from those of all others."""
        digest = hashlib.blake2b(f"{self.seed} {step} {call}".encode(), digest_size=4).digest()
        return int.from_bytes(digest, "little", signed=True) | 1
