"""Step 1's table of raw and reduced differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from repro.numerics.arrays import Arrays
from tests.alignment.fake_run import FakeRun, rows

TITLE = "Invariances"


@pytest.mark.parametrize(
    ("name", "places", "matters"),
    [
        ("sequence_output", lambda attended: attended == 0, False),  # masked
        ("model_output", lambda attended: (slice(None), attended == 0), False),
        ("model_output", lambda attended: ..., False),  # a shift of all
        ("model_output", lambda attended: (0, 0, attended[0].argmax()), True),
    ],
)
def test_what_matters_is_left(fake: FakeRun, name: str, places: Callable[[np.ndarray], Any], matters: bool) -> None:
    def change(arrays: Arrays) -> None:
        arrays[name][places(arrays["attended"])] -= np.float32(0.5)

    table = rows(fake.change(1, change), TITLE)
    assert table[name][2] > 1e-3
    assert (table[name][4] > 1e-4) is matters
    if name == "model_output":
        assert (table["softmax(model_output)"][4] > 1e-4) is matters


def test_declarations_are_measured(fake: FakeRun) -> None:
    table = rows(fake.compare(1), TITLE)
    assert "bit-equal to the transpose of start_reps" in table["start_reps_transposed"][6]
    assert "PyTorch: probability of a masked position at most 0," in table["model_output"][6]
    assert "zeros at these positions move no other logit by more than 0;" in table["end_reps"][6]
    assert "start_temp" not in table

    def turn(arrays: Arrays) -> None:
        arrays["start_reps_transposed"] = arrays["start_reps_transposed"][..., ::-1].copy()

    assert "Paddle: not the transpose of start_reps" in rows(fake.change(1, turn), TITLE)["start_reps_transposed"][6]
