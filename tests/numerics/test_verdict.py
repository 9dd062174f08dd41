"""Rounding passes in any order of summation; meaning, precision and single elements do not."""

import numpy as np
import pytest

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
from repro.results import status_and_counts

ROWS, WIDTH = 64, 48


def chain(dtype: str, *, order: int, eps: float = 1e-12, half: bool = False) -> np.ndarray:
    """Four layers of product, tanh and normalisation; ``order`` -1 sums from the far end."""
    generator = np.random.Generator(np.random.PCG64(5))
    x = generator.standard_normal((ROWS, WIDTH)).astype(np.float32).astype(dtype)
    for _ in range(4):
        w = generator.standard_normal((WIDTH, WIDTH)).astype(np.float32).astype(dtype)
        if half:
            x, w = (v.astype(np.float16).astype(dtype) for v in (x, w))
        total = np.zeros((ROWS, WIDTH), dtype=dtype)
        for k in range(WIDTH)[::order]:
            total += x[:, k, None] * w[None, k]
        x = np.tanh(total / np.array(8, dtype)) + total
        x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + np.array(eps, dtype))
    return x


@pytest.fixture(scope="module")
def healthy() -> list[np.ndarray]:
    """Float32 results of two programs that sum in another order, then float64 results of both."""
    return [chain(dtype, order=order) for dtype in ("float32", "float64") for order in (1, -1)]


def test_another_order_of_summation(healthy: list[np.ndarray]) -> None:
    record = judge_floats("x", *healthy)
    assert record.verdict == "same semantics, rounding only" and record.passed
    assert record.gap64 is not None and record.tolerance is not None and 0 < record.gap64 < record.tolerance
    assert f"{record.tolerance:.3g}" in record.derivation


@pytest.mark.parametrize("eps", [1e-5, 1e-8, 1e-11])
def test_another_epsilon(healthy: list[np.ndarray], eps: float) -> None:
    a, _, a64, _ = healthy
    b, b64 = (chain(dtype, order=-1, eps=eps) for dtype in ("float32", "float64"))
    record = judge_floats("x", a, b, a64, b64)
    assert not record.passed
    if eps >= 1e-8:
        assert record.verdict == "different semantics"
    if eps <= 1e-8:  # far below what float32 alone could show
        assert record.relative_l2 is not None and record.relative_l2 < 1e-6


def test_less_precise_products_in_float32(healthy: list[np.ndarray]) -> None:
    a, _, *f64 = healthy
    coarse = chain("float32", order=-1, half=True)
    record = judge_floats("x", a, coarse, *f64)
    assert record.verdict == "different semantics" and "Paddle's float32 error" in record.reason
    record = judge_floats("x", coarse, a, *f64)
    assert "PyTorch's float32 error" in record.reason


def test_one_wrong_element_among_many(healthy: list[np.ndarray]) -> None:
    large = [np.tile(array, (40, 1)) for array in healthy]
    large[1][7, 7] += 1e-2
    assert judge_floats("x", *large).verdict == "different semantics"


def test_without_float64_only_equality_can_be_shown(healthy: list[np.ndarray]) -> None:
    a, b, *_ = healthy
    assert judge_floats("x", a, b, None, None).verdict == "undecidable at this precision"
    assert judge_floats("x", a, a.copy(), None, None).verdict == "equal"


def test_equal_in_float32_does_not_hide_a_difference(healthy: list[np.ndarray]) -> None:
    a, _, f64, _ = healthy
    assert judge_floats("x", a, a.copy(), f64, f64 * (1 + 1e-9)).verdict == "different semantics"
    assert judge_floats("x", a, a.copy(), f64, f64.copy()).verdict == "equal"


def test_a_sum_that_vanishes_is_rounding_on_both_sides() -> None:
    generator = np.random.Generator(np.random.PCG64(1))
    noise = [generator.standard_normal(64) * size for size in (1e-8, 2e-8, 1e-17, 2e-17)]
    a, b = (v.astype(np.float32) for v in noise[:2])
    record = judge_floats("x", a, b, noise[2], noise[3])
    assert record.passed and "zero up to rounding" in record.reason


def test_a_result_that_one_side_lost() -> None:
    f64 = np.random.Generator(np.random.PCG64(1)).standard_normal(64)
    f32, zeros32, zeros64 = f64.astype(np.float32), np.zeros(64, np.float32), np.zeros(64)
    for results in ((f32, zeros32, f64, zeros64), (zeros32, f32, zeros64, f64)):
        assert judge_floats("x", *results).verdict == "different semantics"


def test_a_lucky_number_does_not_tighten_the_tolerance() -> None:
    assert tolerance64(0.0, 0.0) == 16 * RATIO * 2 * EPS32
    f64 = np.array(1.0)
    record = judge_floats("x", np.array(1.0, np.float32), np.array(1 + 2**-23, np.float32), f64, f64.copy())
    assert record.passed
    floor = summation_error(10**6)
    assert tolerance64(0.0, 0.0, floor) == pytest.approx(16 * RATIO * 2 * 1000 * EPS32 / 2)


def test_float64_results_must_be_float64_and_of_one_shape(healthy: list[np.ndarray]) -> None:
    a, _, f64, _ = healthy
    assert judge_floats("x", a, a.copy(), a.copy(), a.copy()).outcome == "dtype differs"
    assert judge_floats("x", a, a.copy(), f64[:2], f64[:2]).outcome == "shape differs"
    assert judge_floats("x", a, a.copy(), f64, np.full_like(f64, np.nan)).outcome == "not finite"


def test_the_ratio_of_errors_works_in_either_direction() -> None:
    f64 = np.linspace(1, 2, 100)
    a, b = ((f64 * (1 + error)).astype(np.float32) for error in (0.0, 1e-3))
    assert error_ratio(a, b, f64, f64)[1] is False
    assert error_ratio(b, a, f64, f64)[0] > 1000 and error_ratio(b, a, f64, f64)[1] is True


def test_exact_data() -> None:
    a = np.arange(6)
    assert judge_exact("x", a, a.copy()).verdict == "equal"
    record = judge_exact("x", a, a + (a == 3))
    assert record.verdict == "different semantics" and "1 of 6" in record.reason and record.tolerance == 0.0
    rates = np.array([0.1, 0.2])
    assert "1 ulp" in judge_exact("x", rates, np.nextafter(rates, 1)).reason
    texts = np.array(["a", "b"])
    assert judge_exact("x", texts, np.array(["a", "c"])).verdict == "different semantics"
    assert judge_exact("x", texts, texts.copy()).verdict == "equal"


def test_formula(healthy: list[np.ndarray]) -> None:
    a, _, f64, formula = healthy
    assert judge_oracle("x", a, f64, formula, "PyTorch").passed
    record = judge_oracle("x", a, f64, formula * (1 + 1e-9), "PyTorch")
    assert record.verdict == "different semantics" and "PyTorch's float64 result and the formula" in record.reason
    assert judge_oracle("x", a, f64, formula[:3], "PyTorch").outcome == "shape differs"


def test_a_formula_with_a_long_sum_may_round_as_such_a_sum_does() -> None:
    """A norm of as many numbers as BERT-base has, which was off by 3.7e-14 in float64 and by 2.4e-7 in float32."""
    formula, floor = np.array([0.25]), summation_error(108_000_000)
    norm, single = formula * (1 + 3.7e-14), (formula * (1 + 2.4e-7)).astype(np.float32)
    assert judge_oracle("x", single, norm, formula, "Paddle").verdict == "undecidable at this precision"
    assert judge_oracle("x", single, norm, formula, "Paddle", floor).passed
    forgotten = formula * (1 + 2.5e-7)  # the 1e-6 that one framework adds to the norm, here 4
    assert judge_oracle("x", single, forgotten, formula, "Paddle", floor).verdict == "different semantics"


def test_equal_constant_integers_are_open_and_unequal_ones_wrong() -> None:
    ones = np.ones((3, 4), np.int64)
    full = judge_exact("attention_mask", ones, ones.copy())
    assert (full.outcome, full.verdict) == ("constant", "undecidable at this precision") and not full.passed
    assert status_and_counts([full]) == ("undecided", {"total": 1, "passed": 0, "undecided": 1, "failed": 0})
    for other in (np.zeros((3, 4), np.int64), ones[:2], ones.astype(np.int32)):
        assert judge_exact("attention_mask", ones, other).verdict == "different semantics"
    flat = judge_exact("losses", np.ones(4, np.float32), np.ones(4, np.float32))
    assert flat.verdict == "different semantics"  # floats that never move are no data
