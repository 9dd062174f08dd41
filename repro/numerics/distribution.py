"""Whether drawn numbers follow the distribution that a program declares."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import stats

KINDS = ("constant", "normal", "uniform")
FAMILY_ERROR = 1e-3
LARGEST_SAMPLE = 1 << 20


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


def fit(values: np.ndarray, declared: dict[str, Any]) -> Fit:
    """Test one tensor.

    Args:
        values: any shape; at most the first ``LARGEST_SAMPLE`` elements enter the Kolmogorov-Smirnov test.
        declared: ``{"kind": "normal", "mean", "std"}``, ``{"kind": "uniform", "low", "high"}`` or
            ``{"kind": "constant", "value"}``; ``zero_rows`` are rows that must be 0.

    Raises:
        ValueError: an unknown kind.
    """
    values = np.asarray(values, dtype=np.float64)
    outside = 0
    if rows := list(declared.get("zero_rows", ())):
        outside += int(np.count_nonzero(values[rows]))
        values = np.delete(values, rows, axis=0)
    flat = values.ravel()
    mean, std = float(flat.mean()), float(flat.std())
    kind = declared["kind"]
    if kind == "constant":
        worst = float(np.abs(flat - declared["value"]).max())
        return Fit(0, float(declared["value"]), 0.0, flat.size, worst, float(worst == 0.0), mean, std, outside)
    if kind == "normal":
        first, second = float(declared["mean"]), float(declared["std"])
        law = stats.norm(first, second)
    elif kind == "uniform":
        first, second = float(declared["low"]), float(declared["high"])
        slack = 2.0**-23 * max(abs(first), abs(second))  # the ends themselves are rounded to float32
        outside += int(((flat < first - slack) | (flat > second + slack)).sum())
        law = stats.uniform(first, second - first)
    else:
        raise ValueError(f"unknown distribution {kind!r}")
    sample = flat[:LARGEST_SAMPLE]
    result = stats.kstest(sample, law.cdf, method="asymp")
    numbers = float(result.statistic), float(result.pvalue)
    return Fit(KINDS.index(kind), first, second, sample.size, *numbers, mean, std, outside)
