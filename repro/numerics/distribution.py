"""Whether drawn numbers follow the distribution that a program declares."""

from typing import Literal, NamedTuple, Self

import numpy as np

Kind = Literal["constant", "normal", "uniform"]
KINDS: tuple[Kind, ...] = ("constant", "normal", "uniform")
FAMILY_ERROR = 1e-3
LARGEST_SAMPLE = 1 << 20


class Distribution(NamedTuple):
    """What a program declares about the values of one parameter.

    Attributes:
        first, second: value and 0, mean and standard deviation, or low and high end.
        zero_rows: rows that are set to 0 afterwards.
    """

    kind: Kind
    first: float
    second: float
    zero_rows: tuple[int, ...] = ()


def constant(value: float) -> Distribution:
    """Every element is ``value``."""
    return Distribution("constant", value, 0.0)


def normal(mean: float, std: float, *, zero_rows: tuple[int, ...] = ()) -> Distribution:
    """N(mean, std), except for rows of zeros."""
    return Distribution("normal", mean, std, zero_rows)


def uniform(low: float, high: float) -> Distribution:
    """Uniform from ``low`` to ``high``."""
    return Distribution("uniform", low, high)


class Fit(NamedTuple):
    """One tensor against its declaration.

    Attributes:
        kind: index into ``KINDS``.
        first, second: value and 0, mean and standard deviation, or low and high end.
        tested: elements tested.
        statistic, p_value: Kolmogorov-Smirnov; for constants the largest deviation and 1 or 0.
        mean, std: of the drawn numbers.
        outside: elements that the declaration rules out altogether (beyond a uniform's ends, rows that should be 0).
    """

    kind: int
    first: float
    second: float
    tested: int
    statistic: float
    p_value: float
    mean: float
    std: float
    outside: int

    @classmethod
    def from_numbers(cls, row: np.ndarray) -> Self:
        """The fit that a dump holds as float64 numbers (9,)."""
        fit = cls(*row.tolist())
        return fit._replace(kind=int(fit.kind), tested=int(fit.tested), outside=int(fit.outside))

    def declared(self) -> str:
        """The declaration in words."""
        if KINDS[self.kind] == "constant":
            return f"constant {self.first:g}"
        if KINDS[self.kind] == "normal":
            return f"normal, mean {self.first:g}, std {self.second:.4g}"
        return f"uniform from {self.first:.4g} to {self.second:.4g}"

    def follows(self, tensors: int) -> bool:
        """Whether the declaration stands, at ``FAMILY_ERROR`` over so many tensors (Bonferroni)."""
        return self.outside == 0 and self.p_value >= FAMILY_ERROR / tensors


def fit(values: np.ndarray, declared: Distribution) -> Fit:
    """Test one tensor against its declared distribution.

    Args:
        values: any shape; at most the first ``LARGEST_SAMPLE`` elements enter the Kolmogorov-Smirnov test.
    """
    values = np.asarray(values, dtype=np.float64)
    kind, first, second, zero_rows = declared
    outside = 0
    if zero_rows:
        outside += int(np.count_nonzero(values[list(zero_rows)]))
        values = np.delete(values, zero_rows, axis=0)
    flat = values.ravel()
    mean, std = float(flat.mean()), float(flat.std())
    if kind == "constant":
        worst = float(np.abs(flat - first).max())
        return Fit(KINDS.index(kind), first, second, flat.size, worst, float(worst == 0.0), mean, std, outside)
    from scipy import stats  # here: it takes half a second, and few processes come here

    if kind == "normal":
        law = stats.norm(first, second)
    else:
        slack = 2.0**-23 * max(abs(first), abs(second))  # the ends themselves are rounded to float32
        outside += int(((flat < first - slack) | (flat > second + slack)).sum())
        law = stats.uniform(first, second - first)
    sample = flat[:LARGEST_SAMPLE]
    result = stats.kstest(sample, law.cdf, method="asymp")
    statistic, p_value = float(result.statistic), float(result.pvalue)
    return Fit(KINDS.index(kind), first, second, sample.size, statistic, p_value, mean, std, outside)
