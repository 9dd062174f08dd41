"""When a gap between two trainings is rounding."""

import numpy as np
import pytest

from repro.numerics.perturbation_growth import growth, judge_growth
from repro.numerics.verdict import EPS32, ORDERS_WORST, SCATTER
from repro.results import Record

STEPS = 20
RECORD = Record(name="losses", outcome="compared", shape=(STEPS,), dtype="float32")


def trainings(gap: float, effect: float, factor: float = 1.4, seed: int = 0) -> list[np.ndarray]:
    """Losses of two programs and of both from perturbed weights: both differences grow by one factor a step."""
    generator = np.random.Generator(np.random.PCG64(seed))
    losses = 4.0 - 0.1 * np.arange(STEPS)
    grown = factor ** np.arange(STEPS)
    a, b = (losses * (1 + size * grown * generator.normal(0, 1, STEPS)) for size in (0.0, gap))
    repeats = [values * (1 + effect * grown * generator.normal(0, 1, STEPS)) for values in (a, b)]
    return [values.astype(np.float32) for values in (a, b, *repeats)]


def verdict(lists: list[np.ndarray], **more: float) -> Record:
    a, b, a_moved, b_moved = lists
    return judge_growth(RECORD, growth(a, b, a_moved, b_moved, **more))


@pytest.mark.parametrize("seed", range(20))
def test_the_gap_must_be_in_proportion(seed: int) -> None:
    record = verdict(trainings(3e-7, 3e-7, seed=seed))
    assert record.verdict == "same semantics, rounding only", record.reason
    assert "smallest relative difference that would have been seen" in record.reason
    assert verdict(trainings(3e-7 * 3 * ORDERS_WORST, 3e-7, seed=seed)).verdict == "different semantics"
    assert verdict(trainings(3e-7 * 8 * SCATTER, 3e-7, seed=seed)).verdict == "undecidable at this precision"


def test_a_gap_at_one_step_is_enough() -> None:
    lists = trainings(3e-7, 3e-7)
    limit = float(growth(*lists).limit[7])
    for times, expected in ((0.5, True), (2.0, False)):
        for mine, other in ((1, 0), (3, 2)):
            lists[mine][7] = lists[other][7] * np.float32(1 + times * limit)
        assert (verdict(lists).verdict == "same semantics, rounding only") is expected


def test_luck_at_single_steps_does_not_matter() -> None:
    lists = trainings(3e-7, 3e-7)
    for step in (5, 11, 19):
        lists[2][step], lists[3][step] = lists[0][step], lists[1][step]  # the perturbation vanishes here
    assert verdict(lists).passed
    far = trainings(3e-7 * 3 * ORDERS_WORST, 3e-7)
    worst = int(np.argmax(growth(*far).ratio))
    far[1][worst] = far[0][worst]  # the gap vanishes, but not that of the perturbed pair
    assert verdict(far).verdict == "different semantics"


def test_a_gap_of_a_few_units_needs_no_growth() -> None:
    lists = trainings(0.0, 1e-9)
    lists[2][3] = np.nextafter(lists[0][3], np.float32(9))
    lists[3][3] = lists[2][3]
    lists[1] = (lists[0] * np.float32(1 + 4 * EPS32)).astype(np.float32)
    assert verdict(lists).passed


def test_the_floor_of_a_sum_counts_once() -> None:
    lists = trainings(0.0, 3e-7, factor=1.0)
    lists[1] = (lists[0] * np.float32(1.001)).astype(np.float32)
    lists[3] = (lists[2] * np.float32(1.001)).astype(np.float32)
    assert not verdict(lists).passed
    assert verdict(lists, floor=2e-3).passed and not verdict(lists, floor=2e-4).passed


def test_weights_that_were_not_moved_decide_nothing() -> None:
    a, b, *_ = trainings(3e-7, 3e-7)
    record = verdict([a, b, a, b])
    assert record.verdict == "undecidable at this precision" and "gives the same numbers" in record.reason


def test_lists_that_do_not_fit() -> None:
    lists = trainings(3e-7, 3e-7)
    with pytest.raises(ValueError, match="do not fit"):
        growth(lists[0], lists[1][:-1], lists[2], lists[3])
    lists[2][0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        growth(*lists)
