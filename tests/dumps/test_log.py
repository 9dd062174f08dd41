"""``reprod_log``'s log rebuilt: every line as the original prints it, and where it stops."""

import pickle
from typing import Any

import numpy as np
import pytest

from repro.dumps.log import helper_log
from tests.untrusted.bounded import run_bounded

ORIGINAL = """
import json
from pathlib import Path
from tests.dumps.original import logs_of
print("\\n" + json.dumps(logs_of(Path(sys.argv[1]))), file=sys.stderr)
"""
Case = tuple[dict[str, np.ndarray], dict[str, np.ndarray], float]


def _named() -> dict[str, Case]:
    one = np.arange(6, dtype=np.float32).reshape(2, 3)
    nan, inf = np.full((2, 3), np.nan, np.float32), np.full((2, 3), np.inf, np.float32)
    pairs: dict[str, tuple[Any, Any]] = {
        "alike": (one, one + np.float32(1e-7)),
        "apart": (one, one + 1),
        "nan": (nan, one),
        "infinite": (inf, one),
        "infinite on both sides": (inf, inf),
        "transposed": (one, one.T.copy()),
        "transposed square": (one[:, :2], one[:, :2].T.copy()),
        "broadcast": (one, one[:1]),
        "broadcast column": (np.arange(4.0), np.arange(4.0)[:, None]),
        "squeezed": (one[..., None], one),
        "scalar": (np.array(1.5), np.array([1.25])),
        "unfit": (one, one[:, :2]),
        "empty": (one[:0], one[:0]),
        "integers": (np.arange(5), np.arange(5)[::-1].copy()),
        "small unsigned": (np.arange(5, dtype=np.uint8), np.arange(5, dtype=np.uint8) + np.uint8(1)),
        "mixed": (one, one.astype(np.float64) + 1e-9),
        "mixed integers": (np.arange(5, dtype=np.int32), np.arange(5, dtype=np.int64) + 1),
        "half": (one.astype(np.float16), one.astype(np.float16) + np.float16(0.1)),
        "truth": (one > 2, one > 3),
        "texts": (np.array(["a"]), np.array(["b"])),
    }
    cases = {name: ({"x": a}, {"x": b}, 1e-6) for name, (a, b) in pairs.items()}
    cases["missing key"] = ({"x": one, "y": one}, {"x": one}, 1e-6)
    cases["further key"] = ({"x": one}, {"x": one, "z": one}, 1e-6)
    cases["second key stops"] = ({"x": one, "y": one}, {"x": one, "y": one[:, :2]}, 1e-6)
    cases["nothing"] = ({}, {}, 1e-6)
    cases["loose threshold"] = ({"x": one, "y": one}, {"x": one + 1, "y": one + 3}, 2.0)
    return cases


def _random(count: int) -> list[Case]:
    generator = np.random.default_rng(11)
    cases = []
    for _ in range(count):
        shape = tuple(generator.integers(1, 40, generator.integers(0, 4)))
        kind = generator.choice(["float32", "float64", "int64", "float16"])
        a = (10 ** generator.uniform(-3, 3) * generator.standard_normal(shape)).astype(kind)
        b = np.asarray(a + (10.0 ** generator.uniform(-9, 0) * generator.standard_normal(shape)).astype(kind))
        cases.append(({"a key": np.asarray(a), "b": b}, {"a key": b, "b": np.asarray(a)}, 1e-6))
    return cases


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Case, dict[str, Any]]]:
    """(name, case, what the original makes of it)."""
    folder = tmp_path_factory.mktemp("original")
    cases = [*_named().items(), *((f"random {n}", case) for n, case in enumerate(_random(60)))]
    (folder / "cases.pkl").write_bytes(pickle.dumps([case for _, case in cases]))
    logs: Any = run_bounded(ORIGINAL, folder)[0]
    return [(name, case, answer) for (name, case), answer in zip(cases, logs, strict=True)]


def test_every_line_is_the_originals(answers: list[tuple[str, Case, dict[str, Any]]]) -> None:
    for name, (a, b, threshold), answer in answers:
        mine = helper_log(a, b, threshold)
        assert list(mine.lines) == answer["lines"], name
        assert mine.stopped.split(" ")[0].rstrip(":") == answer["stopped"], name
        if answer["lines"]:
            assert mine.passed == (answer["lines"][-1] == "diff check passed"), name


def test_what_it_stops_at_is_said(answers: list[tuple[str, Case, dict[str, Any]]]) -> None:
    stopped = {name: answer["why"] for name, _, answer in answers if answer["stopped"]}
    expected = {"squeezed", "unfit", "empty", "texts", "truth", "missing key", "further key", "second key stops"}
    assert set(stopped) == expected
    for name, (a, b, threshold), _ in answers:
        if name in expected - {"missing key", "further key"}:  # the original says these as an empty format string
            assert stopped[name].strip() in helper_log(a, b, threshold).stopped
    for name, key in (("missing key", "y"), ("further key", "z")):
        assert f"key {key}" in helper_log(*_named()[name]).stopped
