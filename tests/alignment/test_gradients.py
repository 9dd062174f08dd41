"""Step 8's gradients: their order, their pairing, and those that are declared zero."""

import numpy as np
import pytest

from repro.alignment.step08_backward.gradients import backward_order, module_of
from repro.dumps import read_dump
from repro.numerics.arrays import Arrays
from repro.results import Record
from tests.alignment.fake_model import BIAS, DENSE, END, GAIN, POSITIONS, START, WORDS
from tests.alignment.fake_run import FakeRun, by_name, rows

MODULES = "Gradients by module"


def test_backward_order() -> None:
    parts = ("attention.self.key.weight", "output.dense.weight")
    layers = [f"splinter.encoder.layer.{number}.{part}" for number in (0, 11) for part in parts]
    names = ["losses", WORDS, *layers, START, "unknown"]
    records = [
        Record(name=name if name in ("losses", "unknown") else f"gradient.{name}", outcome="compared") for name in names
    ]
    records[3] = Record(name=f"gradient.{layers[1]}[sample]", outcome="compared")
    order = [record.name.removeprefix("gradient.") for record in backward_order(records)]
    assert order == [START, layers[3], layers[2], f"{layers[1]}[sample]", layers[0], WORDS, "losses", "unknown"]
    assert module_of(layers[2]) == "layer 11, attention" and module_of(layers[3]) == "layer 11, feed-forward"


def test_healthy(fake: FakeRun) -> None:
    result = fake.compare(8)
    modules = rows(result, MODULES)
    assert list(modules) == ["QASS head", "layer 0, feed-forward", "embeddings"]
    assert [row[2] for row in modules.values()] == ["2 of 2", "4 of 4", "3 of 3"]
    assert {row[-1] for row in modules.values()} <= {"same semantics, rounding only", "equal"}
    assert "first divergence in backward order: none" in result.summary
    assert [r.name for r in result.records[:2]] == [f"gradient.{END}", f"gradient.{START}"]
    assert "PyTorch exactly zero, Paddle exactly zero" in result.notes[0]


def test_the_first_divergence_is_the_last_to_be_computed_forwards(fake: FakeRun) -> None:
    result = fake.faulty(8, lost_gradient=True)
    assert f"first divergence in backward order: {GAIN} (different semantics)" in result.summary
    assert rows(result, MODULES)["layer 0, feed-forward"][-1] == "1 of 4: different semantics"


def test_gradients_have_float64_without_float64_training(fake: FakeRun) -> None:
    fake.set("alignment", float64_training_steps=0)
    result = fake.faulty(8, lost_gradient=True)
    f64 = read_dump(fake.run.dump("paddle", 8, "float64"))
    assert f"gradient.{DENSE}" in f64 and not any(name.startswith("losses") for name in f64)
    records = by_name(result)
    assert records[f"gradient.{GAIN}"].verdict == "different semantics" and records[f"gradient.{DENSE}"].passed


def test_another_start_weight_is_counted_in_its_module(fake: FakeRun) -> None:
    result = fake.faulty(8, changed_weight=True)
    assert result.status == "failed" and not by_name(result)["start_weights"].passed
    assert rows(result, MODULES)["layer 0, feed-forward"][2] == "3 of 4"
    assert rows(result, MODULES)["QASS head"][2] == "2 of 2"


@pytest.mark.parametrize("name", [WORDS, POSITIONS])
def test_a_gradient_that_a_masked_position_gets(fake: FakeRun, name: str) -> None:
    def leak(arrays: Arrays) -> None:
        arrays[f"gradient.{name}"][0 if name == WORDS else -1] = 1e-3

    note = fake.change(8, leak).notes[0]
    assert "PyTorch exactly zero, Paddle 0.001 or" in note and "not declared" in note


def test_a_declared_zero_that_does_not_vanish(fake: FakeRun) -> None:
    key, query = (f"gradient.splinter.encoder.layer.0.attention.self.{kind}.bias" for kind in ("key", "query"))
    generator = np.random.Generator(np.random.PCG64(0))
    for factor, finding in ((1e-16, "it vanishes with the precision, as declared"), (1e-7, "it does not vanish")):
        for side in ("pytorch", "paddle"):
            for dtype, size in (("float32", 1e-7), ("float64", factor)):

                def add(arrays: Arrays, dtype: str = dtype, size: float = size) -> None:
                    arrays[key] = (size * generator.normal(0, 1, 8)).astype(dtype)
                    arrays[query] = np.linspace(1, 2, 8).astype(dtype)

                result = fake.change(8, add, dtype, side)
        assert finding in result.notes[0] and "1 attention key biases" in result.notes[0]
    assert BIAS in {r.name.removeprefix("gradient.") for r in result.records}
