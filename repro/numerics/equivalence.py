"""Whether a difference of means is within a margin: shown, refuted, or neither.

A test for a difference alone passes whatever is noisy. Here a noisy difference is never called equivalent:

* ``equivalent within the margin``: two one-sided t tests at ``ALPHA`` both reject a difference as large as the margin
  (Schuirmann, 1987). It is the same to say that the 1 - 2 ``ALPHA`` interval lies inside the margin.
* ``different``: not that, and the two-sided t test rejects "no difference", after ``holm``, at ``ALPHA``.
* ``not shown``: neither. More files, or more repeats, would tell.

A larger standard error makes every p value larger, so noise can only lead from either of the first two to the last.

Assumptions. The unit is a training file: files are independent draws, and what several runs of one file give is
averaged first. Differences between files are normal, which five of them cannot check; ``benchmarks/seed_statistics.py``
shows the error rates where they are not. Pairs share their file, its order of rows and its dropout masks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats
from statsmodels.stats.power import TTestPower

from repro.numerics.seed_statistics import spread

ALPHA = 0.05
POWER = 0.8
DECIMALS = 3  # of points of F1 in a table: what is estimated from a handful of files has no more
Conclusion = Literal["equivalent within the margin", "different", "not shown"]


@dataclass(frozen=True)
class Difference:
    """A difference of means, as far as data show it.

    Attributes:
        mean: of the differences.
        standard_error: of ``mean``; 0 where all differences are equal, inf where a single one shows no spread.
        degrees: of freedom of the standard error.
        count: files behind it.
    """

    mean: float
    standard_error: float
    degrees: int
    count: int

    def interval(self, confidence: float = 1 - ALPHA) -> tuple[float, float]:
        """Two-sided t interval of the mean."""
        reach = self._quantile((1 + confidence) / 2) * self.standard_error if self.standard_error else 0.0
        return self.mean - reach, self.mean + reach

    @property
    def smallest_margin(self) -> float:
        """The margin above which these data would have shown equivalence; inf for a single pair."""
        low, high = self.interval(1 - 2 * ALPHA)
        return max(abs(low), abs(high))

    @property
    def p_difference(self) -> float:
        """Chance of a mean at least as far from 0 if there is no difference."""
        if self.standard_error == 0.0:
            return float(self.mean == 0.0)
        return 2 * float(stats.t.sf(abs(self.mean) / self.standard_error, self._degrees))

    def detectable(self, tests: int = 1) -> float:
        """The true difference that is called ``different`` with probability ``POWER``, if it is outside the margin.

        Args:
            tests: in the family; at the level of the first one of ``holm``.
        """
        if not math.isfinite(self.standard_error) or self.standard_error == 0.0:
            return self.standard_error
        effect = TTestPower().solve_power(nobs=self.degrees + 1, alpha=ALPHA / tests, power=POWER)
        return float(effect) * self.standard_error * math.sqrt(self.degrees + 1)

    def summary(self, tests: int) -> tuple[float, float, float, float]:
        """For a table, rounded: ``interval``, ``smallest_margin``, ``detectable``."""
        low, high, margin, detectable = (
            round(value, DECIMALS) for value in (*self.interval(), self.smallest_margin, self.detectable(tests))
        )
        return low, high, margin, detectable

    def conclusion(self, margin: float, p_difference: float) -> Conclusion:
        """What the data say.

        Args:
            margin: a smaller difference counts as none.
            p_difference: of this difference, corrected for its family by ``holm``.
        """
        if self.smallest_margin < margin:
            return "equivalent within the margin"
        return "different" if p_difference < ALPHA else "not shown"

    @property
    def _degrees(self) -> int:
        return max(1, self.degrees)

    def _quantile(self, probability: float) -> float:
        return float(stats.t.ppf(probability, self._degrees))


def paired(differences: Sequence[float]) -> Difference:
    """Of differences file by file. Raises ValueError without any."""
    mean, deviation = spread(differences)
    error = math.inf if deviation is None else deviation / math.sqrt(len(differences))
    return Difference(mean, error, len(differences) - 1, len(differences))


def from_mean(values: Sequence[float], documented: float, count: int) -> Difference:
    """Of ``values`` to a documented mean of ``count`` files whose own spread is not documented.

    Assumes that files scatter there as they do here, and that the two are independent: where both used the same files,
    the standard error is too large, never too small.
    """
    mean, deviation = spread(values)
    error = math.inf if deviation is None else deviation * math.sqrt(1 / len(values) + 1 / count)
    return Difference(mean - documented, error, len(values) - 1, len(values))


def one_of(differences: Sequence[float], index: int) -> Difference:
    """Of one pair, whose scatter around 0 the other pairs show."""
    others = [value for number, value in enumerate(differences) if number != index]
    deviation = spread(others)[1] if others else None
    error = math.inf if deviation is None else deviation
    return Difference(differences[index], error, len(others) - 1, len(differences))


def holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected for the size of their family (Holm, 1979): the chance of *any* false alarm stays below the
    level, however the tests depend on each other, as they do where sizes share their questions and start weights."""
    values = np.array(p_values, dtype=np.float64)
    order, left = np.argsort(values), np.arange(values.size, 0, -1)  # how many tests are not smaller
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * left))
    return [float(value) for value in corrected]
