"""Step 1's table of raw and reduced differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from workshop import Workshop

from repro.numerics.record import StepResult

Arrays = dict[str, np.ndarray]


def rows(result: StepResult) -> dict[str, list[Any]]:
    return {row[0]: row for row in next(t for t in result.tables if t["title"].startswith("Invariances"))["rows"]}


def pad(arrays: Arrays) -> None:
    arrays["sequence_output"][arrays["attended"] == 0] += 1.0


def mask(arrays: Arrays) -> None:
    arrays["model_output"][:, arrays["attended"] == 0] -= 1.0


def shift(arrays: Arrays) -> None:
    arrays["model_output"] += np.float32(0.5)


def real(arrays: Arrays) -> None:
    arrays["model_output"][0, 0, int(np.flatnonzero(arrays["attended"][0])[0])] += np.float32(0.5)


@pytest.mark.parametrize(
    ("change", "name", "matters"),
    [
        (pad, "sequence_output", False),
        (mask, "model_output", False),
        (shift, "model_output", False),
        (real, "model_output", True),
    ],
)
def test_what_matters_is_left(shop: Workshop, change: Callable[[Arrays], None], name: str, matters: bool) -> None:
    row = rows(shop.change(1, change))[name]
    assert row[2] > 1e-3
    assert (row[4] > 1e-4) is matters
    if name == "model_output":
        assert (rows(shop.compare(1))["softmax(model_output)"][4] > 1e-4) is matters


def test_declarations_are_measured(shop: Workshop) -> None:
    found = rows(shop.compare(1))
    assert "bit-equal to the transpose of start_reps" in found["start_reps_transposed"][6]
    assert "PyTorch: probability of a masked position at most 0," in found["model_output"][6]
    assert "zeros at these positions move no other logit by more than 0;" in found["end_reps"][6]
    assert "start_temp" not in found

    def turn(arrays: Arrays) -> None:
        arrays["start_reps_transposed"] = arrays["start_reps_transposed"][..., ::-1].copy()

    assert "Paddle: not the transpose of start_reps" in rows(shop.change(1, turn))["start_reps_transposed"][6]
