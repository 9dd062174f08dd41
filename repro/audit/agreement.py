"""Whether a number found elsewhere is the one that was printed."""

from __future__ import annotations

import math
from decimal import Decimal

from repro.audit.documents import is_number
from repro.audit.evidence import Check
from repro.claims import printed_bounds
from repro.numerics.verdict import EPS32


def mean_error(size: int) -> float:
    """Relative error of a float32 mean of ``size`` numbers of one sign, as numpy adds them up.

    Blocks of at most 128 numbers are added in 8 strands of 16, the blocks pairwise: 16 + 3 + log2(size / 128)
    roundings, one more for each difference and one for the division, each at most half a unit.
    """
    return (21 + max(0.0, math.log2(max(size, 1) / 128))) * EPS32 / 2


def prints_as(text: str, value: float, slack: float = 0.0) -> bool:
    """Whether a value, known to the relative ``slack``, prints as ``text``."""
    low, high = printed_bounds(text)
    reach = Decimal(abs(value) * slack)
    return low - reach <= Decimal(value) <= high + reach


def agree(stated: str, found: str, slack: float = 0.0) -> bool:
    """Whether a number found elsewhere, as text, is the one that a document prints, perhaps with fewer digits."""
    if not is_number(found) or not is_number(stated):
        return False
    return Decimal(found) == Decimal(stated) or prints_as(stated, float(found), slack)


def same_value(check: Check, key: str, text: str) -> bool:
    """Whether a printed mean difference is the one that the dumps of a check give."""
    if check.helper.means.get(key) == text:
        return True
    facts = check.facts.get(key)
    if facts is None or facts.difference is None or facts.fit not in ("same", "transposed"):
        return False
    return prints_as(text, facts.difference.mean_abs, mean_error(facts.size))


def recomputed(check: Check, key: str) -> str:
    """The mean difference of a key as ``reprod_log`` prints it from the dumps, or why it cannot."""
    return check.helper.means.get(key) or f"none ({check.helper.stopped})"
