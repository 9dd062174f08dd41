"""The float64 formulas against numbers worked out by hand, and distributions against drawn numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from repro.numerics.adamw import AdamW, clip_factor
from repro.numerics.distribution import FAMILY_ERROR, Fit, fit
from repro.numerics.scatter import paired_reach, prediction_interval, spread, welch_interval
from repro.numerics.schedule import linear_schedule


def test_first_update_by_hand() -> None:
    # m = 0.1 g, v = 0.001 g^2; corrected both are g and g^2, so the step is lr * g / (|g| + eps)
    state = AdamW(np.array([1.0]), 1e-8, 0.0, eps_before_bias_correction=False)
    state.step(np.array([2.0]), 0.1)
    assert state.parameter[0] == pytest.approx(1 - 0.1 * 2 / (2 + 1e-8), rel=1e-15)
    assert (state.exp_avg[0], state.exp_avg_sq[0]) == (pytest.approx(0.2), pytest.approx(0.004))


def test_places_of_eps_part_for_tiny_gradients_only() -> None:
    for gradient, apart in ((1.0, 1e-6), (1e-8, 0.4)):
        moved = []
        for before in (True, False):
            state = AdamW(np.array([0.0]), 1e-8, 0.0, eps_before_bias_correction=before)
            state.step(np.array([gradient]), 1.0)
            moved.append(-state.parameter[0])
        # eps before the correction weighs 1 / sqrt(0.001) = 31.6 times as much
        assert moved[0] == pytest.approx(gradient / (gradient + 1e-8 / np.sqrt(0.001)), rel=1e-9)
        assert (moved[1] - moved[0] > apart) == (gradient == 1e-8)


def test_decay_is_decoupled() -> None:
    state = AdamW(np.array([2.0]), 1e-8, 0.01, eps_before_bias_correction=False)
    state.step(np.array([0.0]), 0.5)
    assert state.parameter[0] == 2.0 * (1 - 0.5 * 0.01)


def test_without_bias_correction_the_first_step_is_larger() -> None:
    state = AdamW(np.array([0.0]), 1e-8, 0.0, False, bias_correction=False)
    state.step(np.array([1.0]), 1.0)
    assert -state.parameter[0] == pytest.approx(0.1 / np.sqrt(0.001), rel=1e-6)


def test_clipping() -> None:
    assert clip_factor(0.5, 1.0) == 1.0
    assert clip_factor(4.0, 1.0) == 1 / (4 + 1e-6)
    assert clip_factor(0.0, 1.0) == 1.0


def test_schedule_by_hand() -> None:
    rates = linear_schedule(1.0, 0.1, 20)
    assert rates.shape == (21,) and rates.dtype == np.float64
    assert rates[:4].tolist() == [0.0, 0.5, 1.0, 17 / 18]
    assert rates[-1] == 0.0
    assert linear_schedule(1.0, 0.0, 4).tolist() == [1.0, 0.75, 0.5, 0.25, 0.0]


LAWS: list[dict[str, Any]] = [
    {"kind": "normal", "mean": 0.0, "std": 0.02},
    {"kind": "uniform", "low": -0.1, "high": 0.1},
]


def drawn(law: dict[str, Any], count: int = 20_000, scale: float = 1.0) -> np.ndarray:
    generator = np.random.Generator(np.random.PCG64(3))
    if law["kind"] == "normal":
        return generator.normal(law["mean"], law["std"] * scale, (count // 10, 10)).astype(np.float32)
    return generator.uniform(law["low"] * scale, law["high"] * scale, (count // 10, 10)).astype(np.float32)


@pytest.mark.parametrize("law", LAWS)
def test_declared_distributions(law: dict[str, Any]) -> None:
    assert fit(drawn(law), law).follows(100)
    assert not fit(drawn(law, scale=1.1), law).follows(100)
    assert not fit(drawn(law) + np.float32(0.01), law).follows(100)
    assert not fit(drawn(LAWS[law["kind"] == "normal"]), law).follows(100)


def test_one_element_beyond_the_ends_of_a_uniform() -> None:
    values = drawn(LAWS[1])
    values[0, 0] = 0.11
    found = fit(values, LAWS[1])
    assert found.outside == 1 and found.p_value > FAMILY_ERROR and not found.follows(1)


def test_constants_and_rows_of_zeros() -> None:
    ones = np.ones(50, dtype=np.float32)
    assert fit(ones, {"kind": "constant", "value": 1.0}).follows(1)
    ones[3] = np.nextafter(ones[3], np.float32(2))
    assert not fit(ones, {"kind": "constant", "value": 1.0}).follows(1)
    law = {**LAWS[0], "zero_rows": [0]}
    values = drawn(law)
    assert not fit(values, law).follows(1)
    values[0] = 0
    assert fit(values, law).follows(1) and fit(values, law).tested == values.size - 10


def test_a_fit_says_what_was_declared() -> None:
    assert Fit(0, 1.0, 0.0, 1, 0, 1, 1, 0, 0).declared() == "constant 1"
    assert "std 0.02" in fit(drawn(LAWS[0]), LAWS[0]).declared()
    assert "-0.1 to 0.1" in fit(drawn(LAWS[1]), LAWS[1]).declared()
    with pytest.raises(ValueError, match="unknown distribution"):
        fit(np.zeros(3), {"kind": "poisson"})


def test_seeds() -> None:
    assert spread([1.0, 3.0]) == (2.0, pytest.approx(np.sqrt(2)))
    assert spread([5.0]) == (5.0, None)
    low, high = prediction_interval([1.0, 3.0, 2.0], 1)
    assert (low + high) / 2 == pytest.approx(2.0)
    assert high - 2.0 == pytest.approx(4.302653 * 1.0 * np.sqrt(1 / 3 + 1), rel=1e-6)  # t, 2 degrees of freedom
    assert paired_reach(np.array([1.0, 3.0, 2.0]), 0.95) == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)
    low, high = welch_interval([1.0, 2.0, 3.0], [11.0, 12.0, 13.0])
    assert low < -10 < high < 0
