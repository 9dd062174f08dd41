"""``reprod_log``'s own log beside our verdicts: its wording, and where it cannot be trusted."""

from __future__ import annotations

import re

import numpy as np

from tests.backends.conftest import Results

LINE = re.compile(r"\[\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\] root INFO: ")


def test_the_wording_is_the_documented_one(paddle_results: Results) -> None:
    found = paddle_results.texts["log/alike"]
    lines = found["text"].splitlines()
    assert all(LINE.match(line) for line in lines)
    messages = [LINE.sub("", line) for line in lines]
    assert messages[0] == "x: " and messages[-1] == "diff check passed"
    assert messages[1].strip() == f"mean diff: check passed: True, value: {np.float32(found['mean']['x'])}"
    assert found["passed"] and found["mean"]["loss"] == 0 and not found["not_compared"] and not found["reshaped"]
    assert paddle_results.texts["log/opened"] == ["loss", "x"]


def test_a_difference_fails_and_calls_do_not_disturb_each_other(paddle_results: Results) -> None:
    found = paddle_results.texts["log/apart"]
    assert not found["passed"] and found["mean"] == {"x": 1.0}
    assert found["text"].splitlines()[-1].endswith("diff check failed")
    assert len(found["text"].splitlines()) == 3  # one handler, so no line twice


def test_what_it_cannot_compare_is_named(paddle_results: Results) -> None:
    found = paddle_results.texts["log/keys"]
    assert found["not_compared"] == {"y": "only in the first dump", "z": "only in the second dump"}
    assert list(found["mean"]) == ["x"] and not found["passed"]
    found = paddle_results.texts["log/shapes"]
    assert list(found["not_compared"]) == ["y"] and "broadcast" in found["not_compared"]["y"] and not found["passed"]


def test_its_blind_spots_are_reported(paddle_results: Results) -> None:
    transposed, nan = paddle_results.texts["log/transposed"], paddle_results.texts["log/nan"]
    assert transposed["passed"] and transposed["reshaped"] == ["x"]
    assert nan["passed"] and nan["mean"] == {"x": None}
