"""Differences are exact where they can be, and nothing is compared that cannot be."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from repro.numerics.difference import max_ulp, measure, obstacle, relative_l2

FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=32)


def test_known_numbers() -> None:
    a, b = np.array([3.0, 4.0]), np.array([3.0, 4.5])
    difference = measure(a, b)
    assert (difference.mean_abs, difference.max_abs, difference.relative_l2) == (0.25, 0.5, 0.1)
    assert difference.scale == pytest.approx(np.sqrt(12.5))
    assert measure(np.array([1.0, -1.0]), np.array([-1.0, 1.0])).mean_abs == 2.0  # signs do not cancel
    assert measure(np.array([1], np.uint8), np.array([2], np.uint8)).max_abs == 1.0  # unsigned numbers do not wrap


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neighbours_are_one_ulp_apart(dtype: type[np.floating]) -> None:
    ones = np.array([1.0, -1.0, 0.0, 1e-30], dtype=dtype)
    assert max_ulp(ones, np.nextafter(ones, dtype(9))) == 1.0
    assert max_ulp(np.array([0.0], dtype), np.array([-0.0], dtype)) == 0.0


@hypothesis.given(FLOATS, FLOATS)
def test_ulps_are_symmetric_and_zero_only_for_equals(x: float, y: float) -> None:
    a, b = np.array([x], dtype=np.float32), np.array([y], dtype=np.float32)
    assert max_ulp(a, b) == max_ulp(b, a)
    assert (max_ulp(a, b) == 0.0) == (x == y)


def test_the_widest_distance_fits() -> None:
    limits = np.finfo(np.float64)
    distance = max_ulp(np.array([limits.min]), np.array([limits.max]))
    assert distance is not None and distance == pytest.approx(2.0**64, rel=1e-2)
    assert max_ulp(np.array([1]), np.array([2])) is None


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (np.zeros((2, 1)), np.zeros(2), "shape differs"),
        (np.zeros(()), np.zeros(1), "shape differs"),
        (np.arange(2.0), np.arange(2, dtype=np.float32), "dtype differs"),
        (np.array([1.0, np.nan]), np.array([1.0, 2.0]), "not finite"),
        (np.array([1.0, 2.0]), np.array([1.0, np.inf]), "not finite"),
        (np.array([np.nan, 1.0]), np.array([np.nan, 1.0]), "not finite"),
        (np.ones(3), np.ones(3), "constant"),
        (np.ones(3), np.zeros(3), "constant"),
        (np.zeros((0, 3)), np.zeros((0, 3)), "constant"),
    ],
)
def test_obstacles(a: np.ndarray, b: np.ndarray, expected: str) -> None:
    blocked = obstacle(a, b)
    assert blocked is not None and blocked[0] == expected and blocked[1]


def test_a_single_number_is_not_constant() -> None:
    assert obstacle(np.array(1.0), np.array(1.0)) is None
    assert obstacle(np.ones(3), np.array([1.0, 1.0, 2.0])) is None
    with pytest.raises(ValueError, match="differ"):
        measure(np.zeros((2, 1)), np.zeros(2))  # never broadcasts


def test_relative_size_of_nothing() -> None:
    assert relative_l2(np.zeros(2), np.zeros(2)) == 0.0
    assert relative_l2(np.zeros(2), np.ones(2)) == float("inf")
