"""Numbers as text: whether a value from elsewhere is the one that was printed."""

import math
import re
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache

from repro.claims import printed_bounds
from repro.numerics.verdict import EPS32

BUFFER = 8192  # numbers that numpy adds up at a time
_NUMBER = re.compile(r"[-+]?\d{1,40}(?:\.\d{1,40})?(?:[eE][-+]?\d{1,3})?")


def is_number(text: str) -> bool:
    """Whether a text is a decimal number that a float can hold, and nothing else."""
    return _NUMBER.fullmatch(text) is not None and math.isfinite(float(text))


def mean_error(size: int) -> float:
    """Relative error of a float32 mean of ``size`` numbers of one sign, as numpy adds them up.

    Blocks of at most 128 numbers are added in 8 strands of 16, the blocks pairwise up to ``BUFFER`` numbers, and the
    buffers one after the other: 16 + 3 + log2(BUFFER / 128) + size / BUFFER roundings, one more for each difference and
    one for the division, each at most half a unit. A constant difference comes near that: each addition is rounded in
    the same direction.
    """
    pairwise = max(0.0, math.log2(min(max(size, 1), BUFFER) / 128))
    return (21 + pairwise + size // BUFFER) * EPS32 / 2


def prints_as(text: str, value: float, slack: float = 0.0, error: float = 0.0) -> bool:
    """Whether a value, known to the relative ``slack`` and the absolute ``error``, prints as ``text``."""
    least, most = _reach(text)
    margin = 2 * (abs(value) * slack + error)  # most values are far off, and decimal arithmetic is slow
    if not least - margin <= value <= most + margin:
        return False
    low, high = printed_bounds(text)
    reach = Decimal(abs(value) * slack + error)
    return low - reach <= Decimal(value) <= high + reach


@lru_cache
def _reach(text: str) -> tuple[float, float]:
    """An interval of floats that holds every number that prints as ``text``; an empty one where it is no number."""
    if not is_number(text):
        return math.inf, -math.inf
    low, high = printed_bounds(text)
    return math.nextafter(float(low), -math.inf), math.nextafter(float(high), math.inf)


def any_agrees(stated: str, values: Iterable[float]) -> bool:
    """Whether one of the values other than 0 is the number that a document prints as ``stated``."""
    low, high = _reach(stated)  # most values are far from it, and decimal arithmetic is slow
    return any(value and low <= value <= high and agree(stated, repr(value)) for value in values)


def agree(stated: str, other: str, slack: float = 0.0) -> bool:
    """Whether ``other`` is the number that a document prints as ``stated``, perhaps with fewer digits."""
    if not is_number(other) or not is_number(stated):
        return False
    return Decimal(other) == Decimal(stated) or prints_as(stated, float(other), slack)


def agrees_scaled(stated: str, value: str, slack: float = 0.0) -> bool:
    """Whether a value is the one stated, as it is, as a percentage, or as a share: 76.3 and 0.763."""
    if not is_number(value):
        return False
    return any(agree(stated, str(Decimal(value) * scale), slack) for scale in (1, 100, Decimal("0.01")))
