"""Tensor sketches: what stands for a large tensor, and how exactly it is known."""

import math

import numpy as np
import pytest

from repro.dumps import sketch as module
from repro.dumps.sketch import projection_error, sketch


def test_a_small_tensor_stands_for_itself() -> None:
    array = np.arange(6.0).reshape(2, 3)
    assert sketch({"a": array}) == {"a": array} and projection_error("a", {"a": array}) == 1.0


def test_norm_and_projection_are_exact_to_a_few_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLE", 64)
    values = np.random.Generator(np.random.PCG64(0)).standard_normal(1_000_003)
    before = sketch({"a": values}, full=1000)
    assert set(before) == {"a[sample]", "a[norm]", "a[projection]"} and set(before["a[sample]"]) <= set(values)
    exact = math.sqrt(math.fsum(values * values))
    assert abs(float(before["a[norm]"]) - exact) / exact < 1e-15
    ones = sketch({"a": np.ones_like(values)}, full=1000)["a[projection]"]
    assert abs(float(ones)) < 4 * math.sqrt(values.size)  # as many ups as downs
    moved = values.copy()
    moved[777_777] += 1e-3  # in the last of four blocks
    other = sketch({"a": moved}, full=1000)
    change = abs(float(other["a[projection]"]) - float(before["a[projection]"]))
    assert change == pytest.approx(1e-3, rel=1e-9)


def test_a_projection_that_is_small_by_chance_is_known_less_well() -> None:
    arrays = {"a[norm]": np.array(10.0), "a[projection]": np.array(-0.5)}
    assert projection_error("a[projection]", arrays) == 20.0
    assert projection_error("a[norm]", arrays) == 1.0
    assert projection_error("a[projection]", {"a[norm]": np.array(1.0), "a[projection]": np.array(3.0)}) == 1.0
    assert projection_error("a[projection]", {"a[projection]": np.array(3.0)}) == 1.0
    assert projection_error("a[projection]", arrays | {"a[projection]": np.array(0.0)}) == 1.0
