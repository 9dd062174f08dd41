"""Two healthy frameworks that only round differently pass every step, and every claim gets an answer."""

from __future__ import annotations

import pytest
from workshop import Workshop

from repro.claims import load_claims
from repro.numerics.record import judge
from repro.paths import read_json
from repro.steps.registry import ALIGNMENT


@pytest.mark.parametrize("step", sorted(ALIGNMENT))
def test_step_passes(shop: Workshop, step: int) -> None:
    result = shop.compare(step)
    apart = [(r.name, r.outcome, r.verdict, r.reason) for r in result.records if not r.passed]
    assert apart == []
    assert result.status == "passed"
    assert judge(result.records) == ("passed", result.counts)
    assert {claim.id for claim in result.claims} == {c.id for c in load_claims().values() if c.step == step}
    assert all(claim.verdict in ("reproduced", "not comparable in this profile") for claim in result.claims)
    assert read_json(shop.run.record(step))["status"] == "passed"
