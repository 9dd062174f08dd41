"""A cross entropy that stops growing is distinguished from one that does not."""

from functools import partial

import numpy as np
import pytest

from repro.alignment.step04_loss.loss_cap import CAP, position_losses
from repro.context.data import RunData
from repro.numerics.arrays import Arrays
from tests.alignment.fake_run import FakeRun


def test_position_losses_by_hand() -> None:
    logits = np.array([[0.0, 100.0], [3.0, 3.0], [1.0, 2.0]])
    losses = position_losses(logits, np.array([0, 1, 2]))  # the last position lies outside
    np.testing.assert_allclose(losses, [100.0, np.log(2)], rtol=1e-15)


def test_nothing_to_see_in_small_logits(fake: FakeRun) -> None:
    note = fake.compare(4).notes[1]
    assert "so it cannot show" in note and "stops at about 64 per position" in note


@pytest.mark.parametrize("capped", [True, False])
def test_the_framework_that_stops_is_named(fake: FakeRun, capped: bool) -> None:
    batch = RunData(fake.run, fake.profile, "pytorch").first_batch()
    places = batch["start_positions"], batch["end_positions"]

    def far(arrays: Arrays, limit: float) -> None:
        dtype = arrays["model_output"].dtype
        logits = arrays["model_logits"].astype(np.float64)
        logits[0, 0, (int(places[0][0]) + 1) % logits.shape[-1]] = 90.0
        parts = [position_losses(x, y, limit).mean() for x, y in zip(logits, places, strict=True)]
        for name in ("model_output", "model_loss"):
            arrays[name] = np.array(np.mean(parts), dtype=dtype)
        arrays["model_logits"] = logits.astype(dtype)

    for side in ("pytorch", "paddle"):
        for dtype in ("float32", "float64"):
            limit = CAP if capped and side == "paddle" else np.inf
            result = fake.change(4, partial(far, limit=limit), dtype, side)
    note = result.notes[1]
    assert "1 positions of the first batch lose more" in note and "is that of the formula," in note
    assert note.endswith("with no logit more than 64 below." if capped else "is that of the formula.")
    assert (result.status == "failed") is capped
