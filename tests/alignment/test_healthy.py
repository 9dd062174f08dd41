"""Two healthy frameworks that only round differently pass every step, and every claim gets an answer."""

import pytest

from repro.claims import load_claims
from repro.config.paths import read_json
from repro.results import status_and_counts
from tests.alignment.fake_run import FakeRun


@pytest.mark.parametrize("step", range(1, 11))
def test_step_passes(fake: FakeRun, step: int) -> None:
    result = fake.compare(step)
    apart = [(r.name, r.outcome, r.verdict, r.reason) for r in result.records if not r.passed]
    assert apart == []
    assert result.status == "passed"
    assert status_and_counts(result.records) == ("passed", result.counts)
    assert {claim.id for claim in result.claims} == {c.id for c in load_claims().values() if c.step == step}
    assert all(claim.verdict in ("reproduced", "not comparable in this profile") for claim in result.claims)
    assert read_json(fake.run.record(step))["status"] == "passed"
