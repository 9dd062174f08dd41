"""Step 5's table: every part of AdamW is distinguished from a program that has it wrong."""

import functools
from typing import Any

import pytest

from repro.dumps.sketch import sketch
from tests.alignment.fake_run import FakeRun, rows

TITLE = "AdamW taken apart"
PARTS = ["first moment", "second moment", "bias correction", "place of eps", "decay, decoupled", "clipping", "rate"]


def test_healthy(fake: FakeRun) -> None:
    parts = rows(fake.compare(5), TITLE)
    assert list(parts) == PARTS
    for name, (_, wrong, distance, tolerance, apart, margin, verdict, evidence) in parts.items():
        assert wrong and evidence.startswith("formula.") and distance <= tolerance < apart
        assert verdict == ("equal" if name == "rate" else "same semantics, rounding only")
        assert margin == "exact" or float(margin) > 1e3


def test_large_arrays_stand_for_themselves(fake: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sample, norm and projection of every array of more than 64 numbers, as at full scale."""
    monkeypatch.setattr("repro.dumps.sketch.SAMPLE", 32)
    monkeypatch.setattr("repro.analysis.seeded_gradients.sketch", functools.partial(sketch, full=64))
    result = fake.faulty(5)
    assert any(record.name.endswith("decay.moved.usual[sample]") for record in result.records)
    assert result.status == "passed" and set(rows(result, TITLE)) == set(PARTS)


@pytest.mark.parametrize(
    ("fault", "parts"),
    [
        ({"no_bias_correction": True}, {"bias correction", "place of eps", "decay, decoupled"}),
        ({"eps_factor": 2.0}, {"bias correction", "place of eps", "decay, decoupled"}),
        ({"coupled_decay": True}, {"decay, decoupled"}),
        ({"decay": 1e-3}, {"bias correction", "place of eps", "decay, decoupled"}),
        ({"no_clipping": True}, {"first moment", "second moment", "clipping", "bias correction", "place of eps"}),
        ({"rate_factor": 1.0001}, {"rate"}),
        ({"late_schedule": True}, {"rate"}),
        ({"other_betas": (0.95, 0.999)}, {"first moment", "clipping"}),
        ({"other_betas": (0.9, 0.98)}, {"second moment"}),
    ],
)
def test_a_wrong_part_is_named(fake: FakeRun, fault: dict[str, Any], parts: set[str]) -> None:
    result = fake.faulty(5, **fault)
    assert result.status == "failed"
    apart = {name for name, row in rows(result, TITLE).items() if "different semantics" in row[6]}
    assert parts <= apart
