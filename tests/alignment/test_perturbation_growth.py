"""Step 8 where float64 does not reach: a perturbation of 1 ulp decides, and what it can and cannot show."""

from typing import Any

import pytest

from repro.results import StepResult
from tests.alignment.fake_run import FakeRun, by_name, rows


def compared(fake: FakeRun, perturbed: int | None = None, steps: int = 6, **faults: Any) -> StepResult:
    """Step 8 without any float64 training."""
    fake.set("alignment", float64_training_steps=0, perturbed_training_steps=perturbed, training_steps=steps)
    return fake.faulty(8, **faults)


def test_rounding_only_is_decided_without_float64(fake: FakeRun) -> None:
    result = compared(fake)
    records = by_name(result)
    assert result.status == "passed"
    for name in ("losses", "grad_norms"):
        assert records[name].verdict == "same semantics, rounding only"
        assert "the smallest relative difference that would have been seen is" in records[name].reason
    assert not any(name.startswith("perturbed.") for name in records)
    assert all(r.gap64 is not None for name, r in records.items() if name.startswith("gradient."))
    assert len(rows(result, "Growth")) == 6 and "One ulp in every start weight" in result.summary


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ({"no_bias_correction": True}, "different semantics"),
        ({"rate_factor": 1.01}, "different semantics"),
        ({"late_schedule": True}, "different semantics"),
        ({"decay": 0.01}, "different semantics"),
        ({"eps_factor": 100.0}, "different semantics"),
        # seen, but no larger than rounding errors with a common direction could be: never passed
        ({"rate_factor": 1.0001}, "undecidable at this precision"),
        ({"decay": 1e-3}, "undecidable at this precision"),
        ({"eps_factor": 3.0}, "undecidable at this precision"),
        ({"coarse_float32": True}, "undecidable at this precision"),
    ],
)
def test_another_optimizer_is_not_rounding(fake: FakeRun, fault: dict[str, Any], verdict: str) -> None:
    result = compared(fake, **fault)
    assert by_name(result)["losses"].verdict == verdict
    assert result.status != "passed"


def test_what_growth_cannot_see(fake: FakeRun) -> None:
    """A rate one part in a million off, a decay of 1e-4: other steps and the float64 steps are there for that."""
    assert by_name(compared(fake, rate_factor=1.000001))["losses"].passed
    assert fake.faulty(6, rate_factor=1.000001).status == "failed"
    assert by_name(compared(fake, decay=1e-4))["losses"].passed
    assert fake.faulty(7, decay=1e-4).status == "failed"


def test_fewer_perturbed_steps_decide_nothing(fake: FakeRun) -> None:
    for steps, reason in ((0, "no float64 run"), (3, "only the first 3 steps")):
        losses = by_name(compared(fake, perturbed=steps))["losses"]
        assert losses.verdict == "undecidable at this precision" and reason in losses.reason


def test_weights_that_were_not_moved(fake: FakeRun) -> None:
    losses = by_name(compared(fake, no_replace=True))["losses"]
    assert losses.verdict == "undecidable at this precision" and "gives the same numbers" in losses.reason


def test_float64_has_the_last_word(fake: FakeRun) -> None:
    losses = by_name(fake.faulty(8, rate_factor=1.000001))["losses"]
    assert losses.verdict == "different semantics" and losses.gap64 is not None
