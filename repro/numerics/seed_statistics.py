"""What a handful of trainings says about a mean and about a spread."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2
Interval = tuple[float, float]


def spread(values: Iterable[float]) -> tuple[float, float | None]:
    """Mean and standard deviation (n - 1); None for the latter of a single value."""
    numbers = np.array(list(values), dtype=np.float64)
    if np.ptp(numbers) == 0.0:  # exactly 0, which a rounded mean would not give
        return float(numbers[0]), 0.0 if numbers.size > 1 else None
    return float(numbers.mean()), float(numbers.std(ddof=1))


@dataclass(frozen=True)
class VarianceComponents:
    """How far scores scatter between training files, and between runs of one file, in points.

    Model: score = mean + effect of the file + effect of the run, both normal and independent, as many runs of each
    file (one-way random effects).

    Attributes:
        files: standard deviation of the file's effect; the variance, which an estimate can leave negative, is cut at 0.
        runs: of the run's effect.
        files_interval: 95 %, by Williams (1962); it covers no less than that.
        runs_interval: 95 %, exact in the model.
    """

    files: float
    runs: float
    files_interval: Interval
    runs_interval: Interval


def variance_components(scores: Mapping[int, Sequence[float]]) -> VarianceComponents | None:
    """Spread between files and between runs, from the scores of each file; None where they cannot be told apart.

    With mean squares B between and W within a files of r runs, E[W] = runs² and E[B] = runs² + r files². W and B are
    independent and, over their expectations, chi-squared by their degrees. So runs² follows from W alone, and files²
    from B - W; Williams' bounds replace the unknown ratio of the two in an interval of E[B] by its own F interval.

    Raises:
        ValueError: files have different numbers of runs.
    """
    values = np.array(list(scores.values()), dtype=np.float64)  # (files, runs)
    if values.ndim != 2 or min(values.shape) < 2:
        return None
    count, repeats = values.shape
    between, within = count - 1, count * (repeats - 1)
    sum_between = repeats * float(((values.mean(axis=1) - values.mean()) ** 2).sum())
    sum_within = float(((values - values.mean(axis=1, keepdims=True)) ** 2).sum())
    mean_between, mean_within = sum_between / between, sum_within / within

    def of_files(probability: float) -> float:
        noise = mean_within * float(stats.f.ppf(probability, between, within))
        bound = between * (mean_between - noise) / (repeats * float(stats.chi2.ppf(probability, between)))
        return math.sqrt(max(0.0, bound))

    low, high = (float(stats.chi2.ppf(tail, within)) for tail in (TAIL, 1 - TAIL))
    return VarianceComponents(
        files=math.sqrt(max(0.0, (mean_between - mean_within) / repeats)),
        runs=math.sqrt(mean_within),
        files_interval=(of_files(1 - TAIL), of_files(TAIL)),
        runs_interval=(math.sqrt(sum_within / high), math.sqrt(sum_within / low)),
    )


@dataclass(frozen=True)
class SpreadRatio:
    """A standard deviation over another one, both of independent normal values.

    Attributes:
        a, b: the two; ``b`` is not 0.
        interval: of a / b, 95 %, from the F distribution.
        p_smaller: chance of a ratio at most as large if both scatter alike.
    """

    a: float
    b: float
    interval: Interval
    p_smaller: float

    @property
    def ratio(self) -> float:
        return self.a / self.b


def spread_ratio(a: Sequence[float], b: Sequence[float]) -> SpreadRatio | None:
    """Spread of ``a`` over that of ``b``; None where either has a single value, or ``b`` does not scatter at all."""
    (_, of_a), (_, of_b) = spread(a), spread(b)
    if of_a is None or not of_b:
        return None
    ratio, degrees = of_a / of_b, (len(a) - 1, len(b) - 1)
    low, high = (ratio / math.sqrt(stats.f.ppf(tail, *degrees)) for tail in (1 - TAIL, TAIL))
    return SpreadRatio(of_a, of_b, (low, high), float(stats.f.cdf(ratio**2, *degrees)))
