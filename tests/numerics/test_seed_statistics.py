"""Spread between files and between runs, and of two samples: coverage, and what cannot be told."""

import numpy as np
import pytest
from scipy import stats

from repro.numerics.seed_statistics import spread, spread_ratio, variance_components


def test_spread_of_equal_values_is_exactly_zero() -> None:
    assert spread([0.1, 0.1, 0.1]) == (0.1, 0.0) and spread([5.0]) == (5.0, None)
    assert spread([1.0, 3.0]) == pytest.approx((2.0, 2**0.5))


def test_one_run_of_each_file_cannot_tell() -> None:
    assert variance_components({42: [50.0], 43: [60.0]}) is None
    assert variance_components({42: [50.0, 51.0]}) is None
    with pytest.raises(ValueError, match="inhomogeneous"):
        variance_components({42: [50.0, 51.0], 43: [60.0]})


def test_known_components() -> None:
    scores = {42: [49.0, 51.0], 43: [59.0, 61.0]}
    components = variance_components(scores)
    assert components is not None and components.runs == pytest.approx(2**0.5)
    assert components.files == pytest.approx(49**0.5)  # (100 - 2) / 2, B = 2 * 50
    alike = variance_components({42: [49.0, 51.0], 43: [49.0, 51.0]})
    assert alike is not None and alike.files == 0.0 == alike.files_interval[0]


@pytest.mark.parametrize(("between", "within"), [(5.0, 1.0), (1.0, 1.0), (0.3, 1.0)])
def test_intervals_cover(between: float, within: float) -> None:
    generator = np.random.Generator(np.random.PCG64(1))
    covered = np.zeros(2)
    for _ in range(600):
        scores = generator.normal(0, between, (5, 1)) + generator.normal(0, within, (5, 3))
        components = variance_components(dict(enumerate(scores.tolist())))
        assert components is not None
        intervals = (components.files_interval, between), (components.runs_interval, within)
        covered += [low <= true <= high for (low, high), true in intervals]
    assert (covered / 600 > 0.93).all() and (covered / 600 < 0.98).all()


def test_ratio_of_spreads() -> None:
    ratio = spread_ratio([0.0, 1.0, 2.0], [0.0, 10.0, 20.0])
    assert ratio is not None and ratio.ratio == pytest.approx(0.1) and ratio.interval[0] < 0.1 < ratio.interval[1] < 1.0
    assert ratio.p_smaller == pytest.approx(float(stats.f.cdf(0.01, 2, 2)))
    assert spread_ratio([1.0], [1.0, 2.0]) is None and spread_ratio([1.0, 2.0], [3.0, 3.0]) is None
    equal = spread_ratio([1.0, 1.0], [1.0, 2.0])
    assert equal is not None and equal.p_smaller == 0.0
