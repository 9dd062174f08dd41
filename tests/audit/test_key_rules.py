"""Rules on one key, each at its edge: what is measured, what is a finding, what is none."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import kendalltau

from repro.audit.facts import key_facts
from repro.audit.printed import agree, mean_error, prints_as
from repro.audit.rules.key import ComparedKey
from repro.audit.rules.keys import key_findings
from repro.audit.tolerance import Tolerance
from repro.audit.trend import growth_probability

RNG = np.random.default_rng(5)


def kinds(
    name: str, a: np.ndarray, b: np.ndarray, threshold: float | None = 1e-6, below: int | None = None
) -> set[str]:
    tolerance = None if threshold is None else Tolerance(threshold)
    key = ComparedKey(f"1_x/{name}_*", name, key_facts(name, a, b, tolerance), tolerance, below)
    return {item.kind for item in key_findings(key)}


@pytest.mark.parametrize("count", [3, 5, 12, 30, 31, 40, 200])
def test_growth_probability_is_scipys(count: int) -> None:
    for tilt in (0.0, 0.02, 0.2):
        values = RNG.random(count) + tilt * np.arange(count)
        method = "exact" if count <= 30 else "asymptotic"
        theirs = kendalltau(np.arange(count), values, alternative="greater", method=method).pvalue
        assert math.isclose(growth_probability(tuple(values)), theirs, rel_tol=1e-9, abs_tol=1e-15)


@pytest.mark.parametrize("steps", [(), (1.0, 2.0), (0.0,) * 12, range(9, 0, -1)])
def test_what_does_not_grow(steps: Sequence[float]) -> None:
    assert growth_probability(steps) == 1


@pytest.mark.parametrize("size", [1, 2, 7, 8, 127, 128, 129, 1000, 4096, 65_537, 2_000_003])
def test_the_bound_on_a_float32_mean_holds(size: int) -> None:
    for scale in (1e-7, 1.0, 1e4):
        a = (scale * RNG.standard_normal(size)).astype(np.float32)
        b = (a + scale * 1e-3 * RNG.standard_normal(size)).astype(np.float32)
        printed, exact = float(np.abs(a - b).mean()), float(np.abs(a.astype(float) - b).mean())
        assert abs(printed - exact) <= mean_error(size) * exact
        assert agree(f"{printed}", f"{exact}", mean_error(size)) and mean_error(size) < 2e-5


def test_the_bound_holds_where_every_addition_rounds_in_one_direction() -> None:
    gap = np.float32(0.1)
    size = 8_000_000
    error = abs(float(np.full(size, gap).mean()) - float(gap)) / float(gap)
    assert mean_error(8192) < error <= mean_error(size)


@pytest.mark.parametrize(
    ("stated", "other", "same"),
    [
        ("1.02e-03", "0.0010154", True),
        ("0.00102", "0.0010251", False),
        ("4.76837158203125e-07", "4.76837158203125e-07", True),
        ("0.0", "0.0", True),
        ("0.0", "1e-9", False),  # 0.0 is how 0 alone is printed
        ("0.0", "0.1", False),
        ("55.62", "55.6204", True),
        ("nan", "nan", False),
        ("0.5", "inf", False),
    ],
)
def test_numbers_agree_as_they_are_printed(stated: str, other: str, same: bool) -> None:
    assert agree(stated, other) is same
    assert not prints_as("1.000", 1.0006) and prints_as("1.000", 1.0006, 2e-4)


def test_a_mask_is_a_gap() -> None:
    logits = RNG.normal(0, 3, (4, 16)).astype(np.float32)
    hidden = RNG.random((4, 16)) < 0.5
    for mask in (-1e4, -1e9, float(np.finfo(np.float32).min)):
        masked = np.where(hidden, np.float32(mask), logits)
        facts = key_facts("logits", masked, masked + np.float32(0.25) * ~hidden)
        assert facts.masked == hidden.mean() and facts.informative is not None
        assert facts.informative.mean_abs == pytest.approx(0.25) and facts.masked_mean == 0
    for whole in (logits, logits - 5000, 1000 * logits):  # no gap
        assert key_facts("logits", whole, whole).masked == 0


def test_the_residual_is_what_a_row_shift_leaves() -> None:
    logits = RNG.normal(0, 3, (5, 4, 32))
    noise = RNG.normal(0, 1e-6, logits.shape)
    noise -= noise.mean(axis=-1, keepdims=True)
    facts = key_facts("logits", logits, logits + RNG.normal(0, 1, (5, 4, 1)) + noise)
    assert facts.residual == pytest.approx(np.abs(noise).mean(), rel=1e-6)
    assert key_facts("x", logits[..., :4], logits[..., :4]).residual is None  # rows too short
    assert key_facts("x", logits[0, 0], logits[0, 0]).residual is None  # no rows
    assert "shift cancels" not in kinds("logits", logits, logits + noise)


def test_schedules_and_scores_may_be_equal_to_the_bit() -> None:
    values = (RNG.random(20) / 3).astype(np.float32)
    assert "too exact" in kinds("loss", values, values.copy())
    assert "too exact" in kinds("grad_norm", values.astype(float), values.astype(float))
    for name in ("lr", "learning_rate", "f1_score", "logits"):
        assert kinds(name, values, values.copy()) >= {"bit-equal"} and "too exact" not in kinds(name, values, values)
    assert not {"too exact", "bit-equal"} & kinds("loss", values[:7], values[:7])
    assert not {"too exact", "bit-equal"} & kinds("loss", np.arange(20.0), np.arange(20.0))


def test_only_converted_weights_may_be_transposed() -> None:
    weights = RNG.normal(size=(8, 4)).astype(np.float32)
    assert kinds("weight", weights, weights.T.copy(), None) == {"bit-equal"}
    assert "shapes differ" in kinds("pooled", weights, weights.T.copy(), 1e-6)  # what is compared
    assert "shapes differ" in kinds("pooled", weights, weights.T + np.float32(1e-6), None)  # what is computed


def test_values_out_of_their_range() -> None:
    positions = np.array([3, 860, 7270])
    assert "out of range" in kinds("start_pos", positions, positions, below=384)
    assert "out of range" in kinds("start_pos", positions - 4, positions - 4, below=10_000)
    assert "out of range" not in kinds("start_pos", positions, positions, below=7271)
    assert "out of range" not in kinds("start_pos", positions, positions)


@pytest.mark.parametrize(
    ("size", "threshold", "kind"),
    [
        (1.0, 1e-6, None),
        (1.0, 0.5, "threshold of another scale"),
        (1.0, 2.0, "threshold passes anything"),
        (2e-5, 1e-6, "threshold of another scale"),
        (800.0, 1e-6, "threshold of another scale"),
        (800.0, 1e-3, None),
        (1.0, None, None),
    ],
)
def test_a_threshold_fits_the_size_of_the_values(size: float, threshold: float | None, kind: str | None) -> None:
    a = (size * (1 + 0.1 * RNG.standard_normal(500))).astype(np.float32)
    b = a + (3 * np.spacing(a) * RNG.choice([-1, 1], 500)).astype(np.float32)
    assert kinds("x", a, b, threshold) == ({kind} if kind else set())


def test_growth_needs_a_trend_and_a_size() -> None:
    losses = RNG.random(20)
    assert "growing difference" in kinds("loss", losses, losses + 1e-6 * 1.5 ** np.arange(20))
    assert "growing difference" not in kinds("loss", losses, losses + 1e-6 * (1 + np.arange(20) / 10))
    assert "growing difference" not in kinds("loss", losses, losses + 1e-6 * RNG.permutation(1.5 ** np.arange(20)))
    assert "growing difference" not in kinds("logits", losses, losses + 1e-6 * 1.5 ** np.arange(20))
