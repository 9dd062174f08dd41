"""Dropout masks: what they depend on, their statistics, and that statistics see a bad hash."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.data import dropout
from repro.data.dropout import DropoutMasks, dropout_seed, factors, multipliers, scale, threshold
from tests.data.mask_statistics import Draw, Statistic, counter_draws, statistics, upper_bits

ROWS = tuple(range(12))
SHAPE = (12, 4, 40, 64)
UNLIKELY = 1e-6  # of the largest of about seventy statistics; every mask is fixed, so a test never fails by chance


def smallest_chance(draw: Draw, shape: tuple[int, ...] = SHAPE) -> Statistic:
    return min(statistics(draw, shape, seeds=2, steps=2, calls=2, detailed=4), key=lambda statistic: statistic.chance)


def ideal_draws(seed: int, step: int, call: int, shape: tuple[int, ...]) -> np.ndarray:
    generator = np.random.Generator(np.random.PCG64([seed, step, call]))
    return generator.integers(0, 65536, shape, dtype=np.uint16)


@given(
    st.sets(st.integers(0, 40), min_size=1, max_size=5).map(sorted),
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.sampled_from([1, 200, 1 << 16]),
)
def test_a_part_of_a_batch_cut_to_any_width_has_its_part_of_the_mask(
    rows: list[int], sizes: list[int], block: int
) -> None:
    key = DropoutMasks(3).key(2, 1)
    whole = multipliers(key, tuple(range(41)), (41, *(9 for _ in sizes)), 0.3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dropout, "BLOCK", block)
        part = multipliers(key, tuple(rows), (len(rows), *sizes), 0.3)
    assert np.array_equal(part, whole[rows][:, *(slice(size) for size in sizes)])


def test_each_seed_step_and_call_has_a_mask_of_its_own() -> None:
    keys = [DropoutMasks(seed).key(step, call) for seed, step, call in product((0, 1, 2**40), range(20), range(20))]
    assert len(set(keys)) == len(keys) and all(key % 2 for key in keys)
    assert all(-(2**31) <= key < 2**31 for key in keys)
    assert dropout_seed(1, 16) != dropout_seed(16, 1)


@pytest.mark.parametrize("middle", [(12, 384), (384,), (2, 80)])
def test_all_vectors_of_a_mask_have_different_keys(middle: tuple[int, ...]) -> None:
    for keys in (dropout.coordinates(ROWS, middle), dropout.vector_keys(DropoutMasks(7).key(3, 4), ROWS, middle)):
        assert len(np.unique(keys)) == keys.size


def test_masks_are_the_same_on_every_machine() -> None:
    """A change here changes the numbers of every training."""
    mask = multipliers(DropoutMasks(dropout_seed(42, 16)).key(3, 1), (0, 7), (2, 2, 3, 8), 0.5) > 0
    assert np.packbits(mask).tobytes().hex() == "beb54d6daa7bcea53399c59a"


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 0.999])
def test_the_rate_is_exact_over_all_hashes(probability: float) -> None:
    upper = np.arange(-32768, 32768) << 16
    for lower in (0, 0xFFFF):
        assert np.sum(upper + lower >= threshold(probability)) == 65536 - round(probability * 65536)
    assert scale(probability) * np.mean(upper >= threshold(probability)) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kept_values_are_scaled_once_and_others_zero(dtype: type) -> None:
    key, shape = DropoutMasks(1).key(2, 3), (3, 70, 1000)
    values = multipliers(key, (0, 1, 2), shape, 0.1, dtype)
    mask = counter_draws(1, 2, 3, shape) >= round(0.1 * 65536)
    assert values.dtype == dtype
    assert np.array_equal(values, np.where(mask, dtype(65536 / (65536 - 6554)), 0))


@pytest.mark.parametrize("shape", [SHAPE, (12, 80, 128)])
def test_masks_are_like_independent_draws(shape: tuple[int, ...]) -> None:
    """``benchmarks/dropout_masks.py`` looks at a hundred times as many."""
    mask = multipliers(DropoutMasks(1).key(2, 3), ROWS, shape, 0.1) > 0
    assert np.array_equal(counter_draws(1, 2, 3, shape) >= round(0.1 * 65536), mask)
    worst = smallest_chance(counter_draws, shape)
    assert worst.chance > UNLIKELY, worst


def test_the_statistics_pass_a_good_generator() -> None:
    worst = smallest_chance(ideal_draws)
    assert worst.chance > UNLIKELY, worst


def without_the_last_product(seed: int, step: int, call: int, shape: tuple[int, ...]) -> np.ndarray:
    keys = dropout.vector_keys(DropoutMasks(seed).key(step, call), tuple(range(shape[0])), shape[1:-1])
    return upper_bits(keys + factors(shape[-1]))


def _odd_numbers(count: int) -> np.ndarray:
    return np.arange(1, 2 * count, 2, dtype=np.int32)


def _commuting(rows: tuple[int, ...], middle: tuple[int, ...]) -> np.ndarray:
    hashes = factors(max(rows) + 1)[list(rows)]
    for size in middle:
        hashes = hashes[..., None] * factors(size)
    return hashes[..., None]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("factors", _odd_numbers),
        ("coordinates", _commuting),
        ("folded", lambda values: values),
    ],
)
def test_the_statistics_see_a_bad_hash(
    monkeypatch: pytest.MonkeyPatch, name: str, fault: Callable[..., np.ndarray]
) -> None:
    monkeypatch.setattr(dropout, "coordinates", dropout.coordinates.__wrapped__)  # nothing cached stays behind
    monkeypatch.setattr(dropout, name, fault)
    assert smallest_chance(counter_draws).chance < 1e-9


def test_the_statistics_see_that_the_last_product_is_missing() -> None:
    assert smallest_chance(without_the_last_product).chance < 1e-9
