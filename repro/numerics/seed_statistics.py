"""What a handful of seeds says about a mean."""

import math
from collections.abc import Iterable

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


def spread(values: Iterable[float]) -> tuple[float, float | None]:
    """Mean and standard deviation (n - 1); None for the latter of a single value."""
    numbers = np.array(list(values), dtype=np.float64)
    return float(numbers.mean()), float(numbers.std(ddof=1)) if numbers.size > 1 else None


def welch_interval(a: Iterable[float], b: Iterable[float]) -> tuple[float, float]:
    """95 % interval of the difference of two means, unequal variances (Welch, 1947)."""
    x, y = (np.array(list(values), dtype=np.float64) for values in (a, b))
    interval = stats.ttest_ind(x, y, equal_var=False).confidence_interval(CONFIDENCE)
    return float(interval.low), float(interval.high)


def prediction_interval(values: Iterable[float], future: int) -> tuple[float, float]:
    """95 % interval for the mean of ``future`` further runs like these."""
    numbers = np.array(list(values), dtype=np.float64)
    mean, deviation = spread(numbers)
    reach = stats.t.ppf((1 + CONFIDENCE) / 2, numbers.size - 1) * (deviation or 0.0)
    reach *= math.sqrt(1 / numbers.size + 1 / future)
    return mean - float(reach), mean + float(reach)


def paired_reach(gaps: np.ndarray, level: float) -> float:
    """Half width of the t interval of the mean of paired differences at confidence ``level``."""
    _, deviation = spread(gaps)
    return float(stats.t.ppf((1 + level) / 2, gaps.size - 1)) * (deviation or 0.0) / math.sqrt(gaps.size)
