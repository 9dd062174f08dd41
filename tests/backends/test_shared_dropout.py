"""Dropout by shared masks: to the bit what numpy says, in both backends, by arrays and by tensors."""

import numpy as np
import pytest

from repro.data.dropout import DropoutMasks, multipliers
from tests.backends.conftest import Results
from tests.backends.worker import MASK_SHAPES

MASKS, ROWS = DropoutMasks(5), (1, 4, 9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", ["pytorch", "paddle"])
def test_calls_take_the_masks_in_order(results: dict[str, Results], backend: str, dtype: str) -> None:
    """A call with probability 0 takes none; gradients go through the same masks."""
    arrays = results[backend].under(f"dropout/{dtype}")
    values = np.random.default_rng(6).normal(size=(3, 5, 81)).astype(dtype)
    one = multipliers(MASKS.key(7, 0), ROWS, (3, 5, 81), 0.1, dtype)
    two = multipliers(MASKS.key(7, 1), ROWS, (3, 81, 5), 0.5, dtype)
    assert np.array_equal(arrays["first"], values * one)
    assert np.array_equal(arrays["by_tensors"], values * one)
    assert np.array_equal(arrays["gradient_by_tensors"], one)
    assert np.array_equal(arrays["second"], (values * one).transpose(0, 2, 1) * two)
    assert np.array_equal(arrays["gradient"], two.transpose(0, 2, 1) * one)
    assert {str(array.dtype) for array in arrays.values()} == {dtype}


@pytest.mark.parametrize("shape", MASK_SHAPES, ids=str)
@pytest.mark.parametrize("backend", ["pytorch", "paddle"])
def test_tensors_compute_the_masks_of_numpy(results: dict[str, Results], backend: str, shape: tuple[int, ...]) -> None:
    expected = multipliers(MASKS.key(1, len(shape)), (0, 6), shape, 0.3) > 0
    assert np.array_equal(results[backend].arrays[f"dropout/by_tensors/{shape}/mask"], expected)


@pytest.mark.parametrize("backend", ["pytorch", "paddle"])
def test_step_9_sees_the_first_mask(results: dict[str, Results], backend: str) -> None:
    expected = multipliers(MASKS.key(0, 0), ROWS, (3, 2, 5, 7), 0.1) > 0
    assert np.array_equal(results[backend].arrays["dropout/mask/shared"], expected)
