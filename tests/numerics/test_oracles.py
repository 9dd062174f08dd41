"""The float64 formulas against numbers worked out by hand, and distributions against drawn numbers."""

import numpy as np
import pytest

from repro.numerics.adamw import AdamW, clip_factor
from repro.numerics.distribution import FAMILY_ERROR, Distribution, Fit, constant, fit, normal, uniform
from repro.numerics.schedule import linear_schedule


def update(start: float, gradient: float, rate: float, decay: float = 0.0, **options: bool) -> tuple[float, AdamW]:
    """The parameter after the first update with eps 1e-8, and its optimizer."""
    state = AdamW(np.array([start]), 1e-8, decay, **{"eps_before_bias_correction": False, **options})
    state.step(np.array([gradient]), rate)
    return float(state.parameter[0]), state


def test_first_update_by_hand() -> None:
    # m = 0.1 g, v = 0.001 g^2; corrected both are g and g^2, so the step is lr * g / (|g| + eps)
    parameter, state = update(1.0, 2.0, 0.1)
    assert parameter == pytest.approx(1 - 0.1 * 2 / (2 + 1e-8), rel=1e-15)
    assert (state.exp_avg[0], state.exp_avg_sq[0]) == (pytest.approx(0.2), pytest.approx(0.004))
    assert update(0.0, 1.0, 1.0, bias_correction=False)[0] == pytest.approx(-0.1 / np.sqrt(0.001), rel=1e-6)
    assert update(2.0, 0.0, 0.5, decay=0.01)[0] == 2.0 * (1 - 0.5 * 0.01)  # decoupled


@pytest.mark.parametrize("gradient", [1.0, 1e-8])
def test_places_of_eps_part_for_tiny_gradients_only(gradient: float) -> None:
    before, after = (-update(0.0, gradient, 1.0, eps_before_bias_correction=place)[0] for place in (True, False))
    # eps before the correction weighs 1 / sqrt(0.001) = 31.6 times as much
    assert before == pytest.approx(gradient / (gradient + 1e-8 / np.sqrt(0.001)), rel=1e-9)
    assert after - before > 0.4 if gradient == 1e-8 else after - before < 1e-6


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


LAWS = (normal(0.0, 0.02), uniform(-0.1, 0.1))


def drawn(law: Distribution, count: int = 20_000, scale: float = 1.0) -> np.ndarray:
    generator = np.random.Generator(np.random.PCG64(3))
    if law.kind == "normal":
        return generator.normal(law.first, law.second * scale, (count // 10, 10)).astype(np.float32)
    return generator.uniform(law.first * scale, law.second * scale, (count // 10, 10)).astype(np.float32)


@pytest.mark.parametrize("law", LAWS)
def test_declared_distributions(law: Distribution) -> None:
    assert fit(drawn(law), law).follows(100)
    assert not fit(drawn(law, scale=1.1), law).follows(100)
    assert not fit(drawn(law) + np.float32(0.01), law).follows(100)
    assert not fit(drawn(LAWS[law.kind == "normal"]), law).follows(100)


def test_one_element_beyond_the_ends_of_a_uniform() -> None:
    values = drawn(LAWS[1])
    values[0, 0] = 0.11
    result = fit(values, LAWS[1])
    assert result.outside == 1 and result.p_value > FAMILY_ERROR and not result.follows(1)


def test_constants_and_rows_of_zeros() -> None:
    ones = np.ones(50, dtype=np.float32)
    assert fit(ones, constant(1.0)).follows(1)
    ones[3] = np.nextafter(ones[3], np.float32(2))
    assert not fit(ones, constant(1.0)).follows(1)
    law = LAWS[0]._replace(zero_rows=(0,))
    values = drawn(law)
    assert not fit(values, law).follows(1)
    values[0] = 0
    assert fit(values, law).follows(1) and fit(values, law).tested == values.size - 10


def test_a_fit_says_what_was_declared() -> None:
    assert Fit(0, 1.0, 0.0, 1, 0, 1, 1, 0, 0).declared() == "constant 1"
    assert "std 0.02" in fit(drawn(LAWS[0]), LAWS[0]).declared()
    assert "-0.1 to 0.1" in fit(drawn(LAWS[1]), LAWS[1]).declared()
