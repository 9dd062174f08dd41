"""How far apart two arrays are, in float64. Nothing is broadcast or squeezed, and no signs cancel."""

import math
from dataclasses import dataclass

import numpy as np

from repro.numerics.chunks import blocks
from repro.results import Outcome


@dataclass(frozen=True)
class Difference:
    """Measures of |a - b|, as in ``repro.results.record.Record``."""

    mean_abs: float
    max_abs: float
    relative_l2: float
    max_ulp: float | None
    scale: float


def obstacle(a: np.ndarray, b: np.ndarray) -> tuple[Outcome, str] | None:
    """Why two arrays cannot be compared, or None.

    Shapes and dtypes must be the same, every element finite, and an array of more than one element must not be
    constant: any two programs agree on a constant.
    """
    if a.shape != b.shape:
        return "shape differs", f"{a.shape} against {b.shape}"
    if a.dtype != b.dtype:
        return "dtype differs", f"{a.dtype} against {b.dtype}"
    for side, array in (("first", a), ("second", b)):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            count = int(array.size - np.isfinite(array).sum())
            return "not finite", f"{count} of {array.size} elements of the {side} side are NaN or infinite"
    if a.size == 0:
        return "constant", "no element at all"
    if a.size > 1 and (a == a.flat[0]).all() and (b == b.flat[0]).all():
        return "constant", f"every element is {a.flat[0]} on one side and {b.flat[0]} on the other"
    return None


def relative_l2(reference: np.ndarray, other: np.ndarray) -> float:
    """||reference - other|| / ||reference|| in float64; infinite where only the reference vanishes."""
    reference = reference.astype(np.float64)
    distance = float(np.linalg.norm((reference - other).ravel()))
    norm = float(np.linalg.norm(reference.ravel()))
    if distance == 0.0:
        return 0.0
    return distance / norm if norm > 0.0 else float("inf")


def _ordered(array: np.ndarray) -> np.ndarray:
    """Floats as integers in the same order, neighbours one apart, both zeros 0."""
    bits = np.ascontiguousarray(array).view(np.int32 if array.itemsize == 4 else np.int64).astype(np.int64)
    lowest = np.int64(-(2**31)) if array.itemsize == 4 else np.int64(-(2**63))
    return np.where(bits < 0, lowest - bits, bits)


def max_ulp(a: np.ndarray, b: np.ndarray) -> float | None:
    """Largest distance in ulp (representable numbers); None unless both are float32 or both float64."""
    if a.dtype != b.dtype or a.dtype.kind != "f" or a.itemsize not in (4, 8) or a.size == 0:
        return None
    first, second = _ordered(a), _ordered(b)
    if a.itemsize == 4:
        return float(np.abs(first - second).max())
    # int64 cannot hold the largest distances; the exact difference only matters where it is small
    rough = np.abs(first.astype(np.float64) - second.astype(np.float64))
    near = rough < 2**53
    exact = np.abs(np.where(near, first, 0) - np.where(near, second, 0))
    return float(np.where(near, exact, rough).max())


def measure(a: np.ndarray, b: np.ndarray) -> Difference:
    """Differences of two arrays of one shape and dtype; truth values count as 0 and 1.

    Raises:
        ValueError: shapes differ (call ``obstacle`` first).
    """
    if a.shape != b.shape:
        raise ValueError(f"shapes {a.shape} and {b.shape} differ")
    if not a.size:
        raise ValueError("arrays without elements have no difference")
    total = distance = norm = np.float64(0)
    largest, ulps = [], []
    for x, y in blocks(a, b):
        x64 = x.astype(np.float64)
        gap = np.abs(x64 - y)
        total = np.add.reduce(gap, initial=total)
        distance = np.add.reduce(gap * gap, initial=distance)
        norm = np.add.reduce(x64 * x64, initial=norm)
        largest.append(gap.max())
        ulps.append(max_ulp(x, y))
    known = [ulp for ulp in ulps if ulp is not None]
    return Difference(
        mean_abs=float(total / a.size),
        max_abs=float(np.max(largest)),  # NaN where any is
        relative_l2=float(np.sqrt(distance / norm)) if norm > 0 else math.inf if distance else 0.0,
        max_ulp=max(known) if known else None,
        scale=float(np.sqrt(norm / a.size)),
    )
