"""Step 8 where float64 does not reach: one unit in every start weight decides, and what it can and cannot see."""

from __future__ import annotations

from typing import Any

import pytest
from workshop import Workshop

from repro.numerics.record import Record, StepResult


def compared(shop: Workshop, perturbed: int | None = None, steps: int = 6, **faults: Any) -> StepResult:
    """Step 8 without any float64 training."""
    changes = {"float64_training_steps": 0, "perturbed_training_steps": perturbed, "training_steps": steps}
    alignment = shop.profile.alignment.model_copy(update=changes)
    shop.profile = shop.profile.model_copy(update={"alignment": alignment})
    return shop.faulty(8, **faults)


def records(result: StepResult) -> dict[str, Record]:
    return {record.name: record for record in result.records}


def test_rounding_only_is_decided_without_float64(shop: Workshop) -> None:
    result = compared(shop)
    found = records(result)
    assert result.status == "passed"
    for name in ("losses", "grad_norms"):
        assert found[name].verdict == "same semantics, rounding only"
        assert "the smallest relative difference that would have been seen is" in found[name].reason
    assert not any(name.startswith("perturbed.") for name in found)
    assert all(r.gap64 is not None for name, r in found.items() if name.startswith("gradient."))
    table = next(t for t in result.tables if t["title"].startswith("Growth"))
    assert len(table["rows"]) == 6 and "One unit in the last place" in result.summary


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
def test_another_optimizer_is_not_rounding(shop: Workshop, fault: dict[str, Any], verdict: str) -> None:
    result = compared(shop, **fault)
    assert records(result)["losses"].verdict == verdict
    assert result.status != "passed"


def test_what_growth_cannot_see(shop: Workshop) -> None:
    """A rate one part in a million off, a decay of 1e-4: other steps and the float64 steps are there for that."""
    assert records(compared(shop, rate_factor=1.000001))["losses"].passed
    assert shop.faulty(6, rate_factor=1.000001).status == "failed"
    assert records(compared(shop, decay=1e-4))["losses"].passed
    assert shop.faulty(7, decay=1e-4).status == "failed"


def test_fewer_perturbed_steps_decide_nothing(shop: Workshop) -> None:
    for steps, told in ((0, "no float64 run"), (3, "only the first 3 steps")):
        found = records(compared(shop, perturbed=steps))["losses"]
        assert found.verdict == "undecidable at this precision" and told in found.reason


def test_weights_that_were_not_moved(shop: Workshop) -> None:
    found = records(compared(shop, no_replace=True))["losses"]
    assert found.verdict == "undecidable at this precision" and "gives the same numbers" in found.reason


def test_float64_has_the_last_word(shop: Workshop) -> None:
    found = records(shop.faulty(8, rate_factor=1.000001))["losses"]
    assert found.verdict == "different semantics" and found.gap64 is not None
