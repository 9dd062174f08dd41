"""Whether a sequence of differences grows: Kendall's rank correlation with the step; how simple a sequence is."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

EXACT = 30  # longer sequences use the normal approximation, which is close from about ten on
# Share to which the changes must shrink for 1, 2, 3 weights. Of losses that fall almost evenly any model may be smooth
# enough: with these shares none to one in thirty trainings of a network passes, and half to four fifths of regressions.
DECAY = (0.7, 0.5, 0.5)


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


def few_weights(losses: Sequence[float]) -> int | None:
    """Smallest number of weights of a quadratic whose gradient descent gives these losses, at most ``len(DECAY)``.

    Near a minimum each weight's error shrinks by a factor of its own, so the losses are a constant and a sum of one
    geometric sequence per weight: their differences satisfy a linear recurrence whose order is the number of weights.
    Float32 losses satisfy it to some ulp; the losses of a larger model or of changing batches do not. None where no
    recurrence fits, or where there are too few losses or too little decay to tell.
    """
    numbers = np.asarray(losses, dtype=np.float64)
    changes = np.diff(numbers)
    noise = 8 * float(np.spacing(np.float32(np.abs(numbers).max(initial=0.0))))
    for order, decay in enumerate(DECAY, 1):
        if len(changes) < 2 * order + 2 or abs(changes[-1]) > decay * abs(changes[0]):
            continue
        before = np.lib.stride_tricks.sliding_window_view(changes, order)[:-1]
        factors = np.linalg.lstsq(before, changes[order:], rcond=None)[0]
        off = np.abs(before @ factors - changes[order:]).max()
        if off <= noise * (1 + np.abs(factors).sum()):
            return order
    return None
