"""Declared invariances take out what does not matter, and nothing else."""

import numpy as np
import pytest

from repro.numerics.invariance import centred, declared, reduced, softmax, zero_by_shift

ATTENDED = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]])
SHAPES = {
    "encoder.layer.3": (2, 5, 4),
    "start_reps": (2, 5, 4),
    "end_reps_transposed": (2, 4, 5),
    "start_logits_unmasked": (2, 1, 5),
    "model_output": (2, 2, 5),
}


def values(name: str) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(1)).normal(0, 3, SHAPES[name])


def masked(name: str) -> np.ndarray:
    """Where an element of this tensor does not matter."""
    off, shape = ATTENDED == 0, SHAPES[name]
    places = {"encoder.layer.3": off[:, :, None], "start_reps": off[:, :, None], "model_output": off[None]}
    return np.broadcast_to(places.get(name, off[:, None]), shape)


@pytest.mark.parametrize("name", SHAPES)
def test_masked_positions_are_taken_out_and_no_others(name: str) -> None:
    before, off = values(name), masked(name)
    other = before + off * 7.0
    assert np.array_equal(reduced(name, before, ATTENDED), reduced(name, other, ATTENDED))
    real = before.copy()
    real[tuple(np.argwhere(~off)[0])] += 1e-3
    assert not np.array_equal(reduced(name, before, ATTENDED), reduced(name, real, ATTENDED))


@pytest.mark.parametrize("name", ["start_logits_unmasked", "model_output"])
def test_a_shift_of_a_row_is_taken_out(name: str) -> None:
    before = values(name)
    shifted = before + np.arange(1.0, 1.0 + before[..., :1].size).reshape(before[..., :1].shape)
    np.testing.assert_allclose(reduced(name, shifted, ATTENDED), reduced(name, before, ATTENDED), atol=1e-14)
    np.testing.assert_allclose(softmax(shifted), softmax(before), atol=1e-15)
    tilted = before + np.arange(5.0)  # no shift: softmax sees it
    assert np.abs(reduced(name, tilted, ATTENDED) - reduced(name, before, ATTENDED)).max() > 0.1


def test_what_is_not_declared_stays_as_it_is() -> None:
    assert declared("start_temp") == () and declared("another.model_output") == ()
    array = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(reduced("start_temp", array, ATTENDED), array)


def test_a_row_without_any_position() -> None:
    logits = np.ones((1, 5))
    assert np.isfinite(centred(logits, np.zeros((1, 5), dtype=np.int64))).all()


def test_gradients_that_are_zero_by_shift() -> None:
    assert zero_by_shift("gradient.splinter.encoder.layer.11.attention.self.key.bias")
    assert zero_by_shift("splinter_qass.end_transform.LayerNorm.bias")
    others = ("attention.self.query.bias", "attention.self.key.weight", "query_end_transform.LayerNorm.bias")
    assert not any(zero_by_shift(f"splinter_qass.{name}") for name in others)
