"""Whether a sequence of differences grows: Kendall's rank correlation with the step and its probability."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

EXACT = 30  # longer sequences: the normal approximation, which is close from about ten on


@cache
def _inversions(count: int) -> list[int]:
    """How many orders of ``count`` different numbers have 0, 1, 2, … pairs in the wrong order."""
    ways = [1]
    for number in range(2, count + 1):
        wider = [0] * (len(ways) + number - 1)
        for i, way in enumerate(ways):
            for j in range(number):
                wider[i + j] += way
        ways = wider
    return ways


def growth_probability(values: Sequence[float]) -> float:
    """Probability that a random order of as many numbers is at least as well sorted as these; 1 for two or fewer.

    Equal numbers count as in the wrong order, so that a sequence of zeros does not grow. Source: Kendall, 1938.
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
