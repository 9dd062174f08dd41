"""Weights moved by one unit in the last place: the smallest change that float arithmetic can tell from none.

What such a change does to a result shows how far the program amplifies a relative perturbation of its weights, and what
rounding alone does to that result: every operand has other last digits afterwards, so every rounding error is drawn
anew.
"""

from __future__ import annotations

import hashlib

import numpy as np


def one_ulp(array: np.ndarray, seed: int) -> np.ndarray:
    """Every element replaced by its neighbour above or below, which of the two by a seeded generator.

    Zeros, infinities and NaN stay: the perturbation is relative (2^-24 to 2^-23 of an element in float32), the
    neighbours of zero are no rounding of it, and the largest finite number is not made infinite.

    Args:
        array: float32 or float64, any shape.
        seed: the same in both frameworks, so that both move the same weight the same way.

    Returns:
        Array of the same shape and dtype; the given one is left alone.

    Raises:
        TypeError: another dtype.
    """
    if array.dtype not in (np.float32, np.float64):
        raise TypeError(f"one unit in the last place of {array.dtype} is not defined here")
    up = np.random.Generator(np.random.SFC64(seed)).integers(0, 2, array.shape, dtype=np.int8).astype(bool)
    infinity = array.dtype.type(np.inf)
    with np.errstate(over="ignore", under="ignore"):
        moved = np.nextafter(array, np.where(up, infinity, -infinity))
    found: np.ndarray = np.where((array == 0) | ~np.isfinite(array) | ~np.isfinite(moved), array, moved)
    return found


def perturbed(arrays: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """``one_ulp`` of every array; the signs of each come from the seed and its name, whatever the other names are."""
    return {name: one_ulp(array, _seed(name, seed)) for name, array in arrays.items()}


def _seed(name: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"ulp {seed} {name}".encode()).digest()[:8], "little")
