"""``reprod_log``'s log without ``reprod_log``: every line as the original prints it, and where it stops."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.audit.reprod_log import helper_log

ROOT = Path(__file__).resolve().parents[2]
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
    cases["wide threshold"] = ({"x": one, "y": one}, {"x": one + 1, "y": one + 3}, 2.0)
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
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(Path(__file__).with_name("original.py")), str(folder)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads((folder / "answers.json").read_text())
    return [(name, case, answer) for (name, case), answer in zip(cases, found, strict=True)]


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
    assert (
        "key y" in helper_log(*_named()["missing key"]).stopped
        and "key z" in helper_log(*_named()["further key"]).stopped
    )


def test_it_lets_nan_and_other_shapes_pass(answers: list[tuple[str, Case, dict[str, Any]]]) -> None:
    by_name = {name: answer["lines"] for name, _, answer in answers}
    assert by_name["nan"][-1] == by_name["infinite on both sides"][-1] == "diff check passed"
    assert "nan" in by_name["nan"][1] and by_name["transposed"][-1] == "diff check passed"
