"""Weights moved by 1 ulp: the smallest change that float arithmetic can represent.

What such a change does to a result shows how far the program amplifies a relative perturbation of its weights, and what
rounding alone does to that result: every operand has other last digits afterwards, so every rounding error is another
one.
"""

import hashlib

import numpy as np

from repro.numerics.arrays import Arrays

PREFIX = "perturbed."  # of the keys of a dump that come from moved start weights


def one_ulp(array: np.ndarray, seed: int) -> np.ndarray:
    """Every element replaced by its neighbour above or below; a seeded generator draws which.

    Zeros, infinities and NaN stay: the perturbation is relative (2^-24 to 2^-23 of an element in float32), the
    neighbours of zero are no rounding of it, and the largest finite number is not made infinite.

    Args:
        array: float32 or float64, any shape.
        seed: the same in both frameworks, so that both move the same weight the same way.

    Returns:
        A new array of the same shape and dtype.

    Raises:
        TypeError: another dtype.
    """
    if array.dtype not in (np.float32, np.float64):
        raise TypeError(f"an ulp of {array.dtype} is not defined here")
    up = np.random.Generator(np.random.SFC64(seed)).integers(0, 2, array.shape, dtype=np.int8).astype(bool)
    infinity = array.dtype.type(np.inf)
    with np.errstate(over="ignore", under="ignore"):
        moved = np.nextafter(array, np.where(up, infinity, -infinity))
    result: np.ndarray = np.where((array == 0) | ~np.isfinite(array) | ~np.isfinite(moved), array, moved)
    return result


def perturbed(arrays: Arrays, seed: int) -> Arrays:
    """``one_ulp`` of every array; the signs of each depend on the seed and its name only."""
    return {name: one_ulp(array, _seed(name, seed)) for name, array in arrays.items()}


def _seed(name: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"ulp {seed} {name}".encode()).digest()[:8], "little")
