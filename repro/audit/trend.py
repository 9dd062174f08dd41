"""Whether a sequence of differences grows: Kendall's rank correlation with the step, and its probability."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

EXACT = 30  # longer sequences use the normal approximation, which is close from about ten on


@cache
def _inversions(count: int) -> list[int]:
    """How many orders of ``count`` different numbers have 0, 1, 2, … pairs in the wrong order."""
    ways = np.ones(1, dtype=object)  # Python's integers, because int64 cannot hold the factorial of 30
    for number in range(2, count + 1):
        ways = np.convolve(ways, np.ones(number, dtype=object))
    return list(ways)


def growth_probability(values: Sequence[float]) -> float:
    """Probability that a random order of these numbers is at least as well sorted; 1 for two or fewer.

    Equal numbers count as in the wrong order, so a sequence of zeros does not grow. Source: Kendall, 1938.
    """
    count = len(values)
    if count < 3:
        return 1.0
    numbers = np.asarray(values)
    wrong = int(np.triu(numbers[None, :] <= numbers[:, None], 1).sum())
    if count <= EXACT:
        ways = _inversions(count)
        return sum(ways[: wrong + 1]) / sum(ways)
    deviation = math.sqrt(count * (count - 1) * (2 * count + 5) / 72)
    return math.erfc((count * (count - 1) / 4 - wrong) / deviation / math.sqrt(2)) / 2
