"""The log of ``reprod_log`` beside our verdicts: its wording, and where it cannot be trusted."""

import re

from repro.dumps.log import Line, parse
from tests.backends.conftest import Results

LINE = re.compile(r"\[\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\] root INFO: ")


def test_the_wording_is_the_documented_one(paddle_results: Results) -> None:
    lines = paddle_results.texts["log/alike"]
    assert all(LINE.match(line) for line in lines)
    messages = [LINE.sub("", line) for line in lines]
    assert messages[0] == "x: " and messages[-1] == "diff check passed"
    assert re.fullmatch(r"mean diff: check passed: True, value: \d\.\d+e-0[78]", messages[1].strip())
    assert [(line.name, line.passed) for line in parse(lines)] == [("x", True), ("loss", True)]
    assert paddle_results.texts["log/opened"] == ["loss", "x"]


def test_a_difference_fails_and_calls_do_not_disturb_each_other(paddle_results: Results) -> None:
    lines = paddle_results.texts["log/apart"]
    assert parse(lines) == [Line("x", False, "1.0")]
    assert lines[-1].endswith("diff check failed")
    assert len(lines) == 3  # one handler, so no line twice


def test_what_it_cannot_compare_is_left_out(paddle_results: Results) -> None:
    for pair in ("keys", "shapes"):
        assert [line.name for line in parse(paddle_results.texts[f"log/{pair}"])] == ["x"]


def test_its_blind_spots(paddle_results: Results) -> None:
    """It transposes an array of another shape, and passes NaN."""
    assert parse(paddle_results.texts["log/transposed"])[0].passed
    assert parse(paddle_results.texts["log/nan"]) == [Line("x", True, "nan")]
