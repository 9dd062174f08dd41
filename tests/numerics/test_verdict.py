"""Rounding passes in any order of summation; meaning, precision and single elements do not."""

from __future__ import annotations

import numpy as np
import pytest

from repro.numerics.record import judge
from repro.numerics.verdict import (
    EPS32,
    RATIO,
    error_ratio,
    judge_exact,
    judge_floats,
    judge_oracle,
    summation_error,
    tolerance64,
)


def chain(
    dtype: str, *, order: int, eps: float = 1e-12, rows: int = 64, width: int = 48, half: bool = False
) -> np.ndarray:
    """Four layers of product, tanh and normalisation; ``order`` -1 sums from the far end."""
    generator = np.random.Generator(np.random.PCG64(5))
    x = generator.standard_normal((rows, width)).astype(np.float32).astype(dtype)
    for _ in range(4):
        w = generator.standard_normal((width, width)).astype(np.float32).astype(dtype)
        if half:
            x, w = (v.astype(np.float16).astype(dtype) for v in (x, w))
        total = np.zeros((rows, width), dtype=dtype)
        for k in range(width)[::order]:
            total += x[:, k, None] * w[None, k]
        x = np.tanh(total / np.array(8, dtype)) + total
        x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + np.array(eps, dtype))
    return x


@pytest.fixture(scope="module")
def healthy() -> dict[str, np.ndarray]:
    return {f"{dtype}{order}": chain(dtype, order=order) for dtype in ("float32", "float64") for order in (1, -1)}


def test_another_order_of_summation(healthy: dict[str, np.ndarray]) -> None:
    record = judge_floats("x", *(healthy[k] for k in ("float321", "float32-1", "float641", "float64-1")))
    assert record.verdict == "same semantics, rounding only" and record.passed
    assert record.gap64 is not None and record.tolerance is not None and 0 < record.gap64 < record.tolerance
    assert f"{record.tolerance:.3g}" in record.derivation


@pytest.mark.parametrize("eps", [1e-5, 1e-8, 1e-11])
def test_another_epsilon(healthy: dict[str, np.ndarray], eps: float) -> None:
    b, b64 = (chain(dtype, order=-1, eps=eps) for dtype in ("float32", "float64"))
    record = judge_floats("x", healthy["float321"], b, healthy["float641"], b64)
    assert not record.passed
    if eps >= 1e-8:
        assert record.verdict == "different semantics"
    if eps <= 1e-8:  # far below what float32 alone could show
        assert record.relative_l2 is not None and record.relative_l2 < 1e-6


def test_less_precise_products_in_float32(healthy: dict[str, np.ndarray]) -> None:
    b = chain("float32", order=-1, half=True)
    record = judge_floats("x", healthy["float321"], b, healthy["float641"], healthy["float64-1"])
    assert record.verdict == "different semantics" and "Paddle's float32 error" in record.reason
    record = judge_floats("x", b, healthy["float321"], healthy["float641"], healthy["float64-1"])
    assert "PyTorch's float32 error" in record.reason


def test_one_wrong_element_among_many(healthy: dict[str, np.ndarray]) -> None:
    b = healthy["float32-1"].copy()
    b[7, 7] += 1e-2
    large = [np.tile(v, (40, 1)) for v in (healthy["float321"], b, healthy["float641"], healthy["float64-1"])]
    large[1] = np.tile(healthy["float32-1"], (40, 1))
    large[1][7, 7] += 1e-2
    assert judge_floats("x", *large).verdict == "different semantics"


def test_without_float64_only_equality_can_be_told(healthy: dict[str, np.ndarray]) -> None:
    a, b = healthy["float321"], healthy["float32-1"]
    assert judge_floats("x", a, b, None, None).verdict == "undecidable at this precision"
    assert judge_floats("x", a, a.copy(), None, None).verdict == "equal"


def test_equal_in_float32_does_not_hide_a_difference(healthy: dict[str, np.ndarray]) -> None:
    a, wide = healthy["float321"], healthy["float641"]
    assert judge_floats("x", a, a.copy(), wide, wide * (1 + 1e-9)).verdict == "different semantics"
    assert judge_floats("x", a, a.copy(), wide, wide.copy()).verdict == "equal"


def test_a_sum_that_vanishes_is_rounding_on_both_sides() -> None:
    generator = np.random.Generator(np.random.PCG64(1))
    noise = [generator.standard_normal(64) * size for size in (1e-8, 2e-8, 1e-17, 2e-17)]
    a, b = (v.astype(np.float32) for v in noise[:2])
    record = judge_floats("x", a, b, noise[2], noise[3])
    assert record.passed and "zero up to rounding" in record.reason


def test_a_result_that_one_side_lost() -> None:
    wide = np.random.Generator(np.random.PCG64(1)).standard_normal(64)
    narrow, nothing = wide.astype(np.float32), np.zeros(64)
    for pair in (
        (narrow, nothing.astype(np.float32), wide, nothing),
        (nothing.astype(np.float32), narrow, nothing, wide),
    ):
        assert judge_floats("x", *pair).verdict == "different semantics"


def test_a_lucky_number_does_not_tighten_the_tolerance() -> None:
    assert tolerance64(0.0, 0.0) == 16 * RATIO * 2 * EPS32
    wide = np.array(1.0)
    record = judge_floats("x", np.array(1.0, np.float32), np.array(1 + 2**-23, np.float32), wide, wide.copy())
    assert record.passed
    floor = summation_error(10**6)
    assert tolerance64(0.0, 0.0, floor) == pytest.approx(16 * RATIO * 2 * 1000 * EPS32 / 2)


def test_float64_results_must_be_float64_and_of_one_shape(healthy: dict[str, np.ndarray]) -> None:
    a, wide = healthy["float321"], healthy["float641"]
    assert judge_floats("x", a, a.copy(), a.copy(), a.copy()).outcome == "dtype differs"
    assert judge_floats("x", a, a.copy(), wide[:2], wide[:2]).outcome == "shape differs"
    assert judge_floats("x", a, a.copy(), wide, np.full_like(wide, np.nan)).outcome == "not finite"


def test_the_ratio_of_errors_is_told_in_either_direction() -> None:
    wide = np.linspace(1, 2, 100)
    a, b = ((wide * (1 + error)).astype(np.float32) for error in (0.0, 1e-3))
    assert error_ratio(a, b, wide, wide)[1] is False
    assert error_ratio(b, a, wide, wide)[0] > 1000 and error_ratio(b, a, wide, wide)[1] is True


def test_exact_data() -> None:
    a = np.arange(6)
    assert judge_exact("x", a, a.copy()).verdict == "equal"
    record = judge_exact("x", a, a + (a == 3))
    assert record.verdict == "different semantics" and "1 of 6" in record.reason and record.tolerance == 0.0
    rates = np.array([0.1, 0.2])
    assert "1 units in the last place" in judge_exact("x", rates, np.nextafter(rates, 1)).reason
    texts = np.array(["a", "b"])
    assert judge_exact("x", texts, np.array(["a", "c"])).verdict == "different semantics"
    assert judge_exact("x", texts, texts.copy()).verdict == "equal"


def test_formula(healthy: dict[str, np.ndarray]) -> None:
    a, wide, formula = healthy["float321"], healthy["float641"], healthy["float64-1"]
    assert judge_oracle("x", a, wide, formula, "PyTorch").passed
    record = judge_oracle("x", a, wide, formula * (1 + 1e-9), "PyTorch")
    assert record.verdict == "different semantics" and "PyTorch's float64 result and the formula" in record.reason
    assert judge_oracle("x", a, wide, formula[:3], "PyTorch").outcome == "shape differs"


def test_equal_constant_integers_are_open_and_unequal_ones_wrong() -> None:
    ones = np.ones((3, 4), np.int64)
    full = judge_exact("attention_mask", ones, ones.copy())
    assert (full.outcome, full.verdict) == ("constant", "undecidable at this precision") and not full.passed
    assert judge([full]) == ("undecided", {"total": 1, "passed": 0, "undecided": 1, "failed": 0})
    for other in (np.zeros((3, 4), np.int64), ones[:2], ones.astype(np.int32)):
        assert judge_exact("attention_mask", ones, other).verdict == "different semantics"
    flat = judge_exact("losses", np.ones(4, np.float32), np.ones(4, np.float32))
    assert flat.verdict == "different semantics"  # floats that never move are no data
