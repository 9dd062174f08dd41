"""Equivalence, difference, or neither: against statsmodels, and that noise passes nothing."""

import math

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW, ttost_paired

from repro.numerics.equivalence import ALPHA, Difference, from_mean, holm, one_of, paired

MARGIN = 1.0


def conclusion(difference: Difference, margin: float = MARGIN) -> str:
    return difference.conclusion(margin, difference.p_difference)


@pytest.mark.parametrize("seed", range(20))
def test_paired_differences_as_statsmodels_has_them(seed: int) -> None:
    generator = np.random.Generator(np.random.PCG64(seed))
    a, b = generator.normal([[60.0], [60.3]], generator.uniform(0.1, 3.0), (2, 5))
    difference, theirs = paired([*(a - b)]), DescrStatsW(a - b)
    assert difference.interval() == pytest.approx(theirs.tconfint_mean(ALPHA))
    assert difference.p_difference == pytest.approx(theirs.ttest_mean(0.0)[1])
    equivalent = ttost_paired(a, b, -MARGIN, MARGIN)[0] < ALPHA
    assert (conclusion(difference) == "equivalent within the margin") == equivalent
    assert ttost_paired(a, b, -difference.smallest_margin, difference.smallest_margin)[0] == pytest.approx(ALPHA)


def test_more_noise_never_makes_a_pass() -> None:
    pattern = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    for mean in (0.0, 0.3, 2.0):
        conclusions = [conclusion(paired([*(mean + noise * pattern)])) for noise in (0.01, 0.3, 1.0, 3.0, 30.0)]
        assert conclusions[0] == ("different" if mean > MARGIN else "equivalent within the margin")
        assert conclusions[-1] == "not shown" and len([*dict.fromkeys(conclusions)]) == 2, conclusions


def test_equal_differences_leave_no_spread() -> None:
    assert conclusion(paired([0.0] * 5)) == "equivalent within the margin" and paired([0.0] * 5).p_difference == 1.0
    assert conclusion(paired([0.1] * 5)) == "equivalent within the margin"  # 0.1 five times has a mean beside 0.1
    assert conclusion(paired([1.5] * 5)) == "different"
    assert paired([0.0] * 5).smallest_margin == 0.0 == paired([0.0] * 5).detectable()


def test_one_pair_shows_nothing() -> None:
    single = paired([0.0])
    assert conclusion(single) == "not shown" and math.isinf(single.smallest_margin) and single.p_difference == 1.0
    assert conclusion(one_of([0.0, 0.0], 0)) == "not shown" and conclusion(from_mean([50.0], 50.0, 5)) == "not shown"


def test_a_documented_mean_has_the_spread_of_the_run() -> None:
    difference = from_mean([50.0, 52.0, 54.0], 51.0, 5)
    assert difference.mean == 1.0 and difference.standard_error == pytest.approx(2.0 * math.sqrt(1 / 3 + 1 / 5))


def test_one_row_is_judged_by_the_others() -> None:
    differences = [0.1, -0.1, 0.2, -0.2, 3.0]
    assert one_of(differences, 4).p_difference < 0.001 < one_of(differences, 0).p_difference
    assert conclusion(one_of(differences, 4)) == "different"


def test_holm() -> None:
    p_values = [0.04, 0.01, 0.5, 0.012, 0.01]
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    assert holm([]) == [] and holm([0.03]) == [0.03] and holm([0.9, 0.8]) == [1.0, 1.0]


def test_what_is_called_detectable_is_found_that_often() -> None:
    generator = np.random.Generator(np.random.PCG64(0))
    samples = generator.normal(0.0, 1.0, (2000, 5))
    effect = float(np.mean([paired([*row]).detectable(3) for row in samples[:200]]))  # of an estimated spread
    assert 2.0 < effect < 2.4
    share = np.mean([paired([*(row + 2.2916)]).p_difference < ALPHA / 3 for row in samples])
    assert share == pytest.approx(0.8, abs=0.03)
