"""1 ulp, up or down."""

import numpy as np
import pytest

from repro.numerics.difference import max_ulp, relative_l2
from repro.numerics.perturb import one_ulp, perturbed


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_element_moves_by_one_ulp(dtype: str) -> None:
    array = np.random.Generator(np.random.PCG64(0)).normal(0, 0.02, (50, 40)).astype(dtype)
    before = array.copy()
    neighbour = one_ulp(array, 3)
    assert neighbour.dtype == array.dtype and neighbour.shape == array.shape and np.array_equal(array, before)
    assert max_ulp(array, neighbour) == 1.0 and (array != neighbour).all()
    assert 0.4 < float((neighbour > array).mean()) < 0.6
    unit = np.finfo(dtype).eps
    assert unit / 2 < relative_l2(array, neighbour) < unit
    assert np.array_equal(neighbour, one_ulp(array, 3)) and not np.array_equal(neighbour, one_ulp(array, 4))


def test_what_has_no_neighbour_stays() -> None:
    largest = np.finfo(np.float32).max
    array = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, largest, -largest, 2.0**-149], dtype=np.float32)
    for seed in range(8):
        neighbour = one_ulp(array, seed)
        assert np.array_equal(neighbour[:5], array[:5], equal_nan=True) and np.isfinite(neighbour[5:]).all()
    assert one_ulp(np.zeros((0, 3), np.float32), 0).shape == (0, 3)
    assert one_ulp(np.array(1.0), 0).shape == ()


@pytest.mark.parametrize("dtype", ["float16", "int64"])
def test_other_dtypes_are_refused(dtype: str) -> None:
    with pytest.raises(TypeError, match=dtype):
        one_ulp(np.ones(3, dtype=dtype), 0)


def test_signs_do_not_depend_on_the_other_arrays() -> None:
    arrays = {name: np.full(64, 1.5, dtype=np.float32) for name in ("a", "b")}
    both, one = perturbed(arrays, 0), perturbed({"b": arrays["b"]}, 0)
    assert np.array_equal(both["b"], one["b"]) and not np.array_equal(both["a"], both["b"])
