"""Dumps: round trips, the published files, and files that are hostile or damaged."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.dumps import read_dump, write_dump
from repro.errors import InputError
from repro.numerics.arrays import Arrays
from tests.untrusted.hostile import make_hostile, mark

ARRAYS = {
    "single": np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
    "double": np.array([0.1, -0.0, np.inf, np.nan]),
    "whole": np.array([[1, 2], [3, 4]], dtype=np.int64),
    "truth": np.array([True, False]),
    "text": np.array(["a", "中"]),
    "zero_d": np.array(4.5),
    "nothing": np.zeros((0, 3), dtype=np.float32),
    "columns_first": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "big_endian": np.array([1, 2], dtype=">i4"),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dump.npy"


def assert_same(left: Arrays, right: Arrays) -> None:
    assert list(left) == list(right)
    for name, array in right.items():
        assert left[name].dtype == array.dtype and left[name].shape == array.shape, name
        assert left[name].tobytes() == array.tobytes(), name


def test_round_trip(path: Path) -> None:
    write_dump(path, ARRAYS)
    assert_same(read_dump(path), ARRAYS)


def test_users_of_the_format_can_read_ours(path: Path) -> None:
    """While loading, numpy converts a foreign byte order to the native one."""
    write_dump(path, ARRAYS)
    native = {name: array.astype(array.dtype.newbyteorder("=")) for name, array in ARRAYS.items()}
    assert_same(np.load(path, allow_pickle=True).item(), native)


@pytest.mark.parametrize("value", [[1.0], 3, np.array([{}], dtype=object), np.array("2020", dtype="M8[Y]")])
def test_only_plain_arrays_are_written(path: Path, value: Any) -> None:
    with pytest.raises(TypeError, match="plain arrays only"):
        write_dump(path, {"x": value})
    assert not path.exists()


@pytest.mark.filterwarnings("ignore:invalid escape sequence")  # of a damaged text in a pickle of protocol 0
def test_hostile_files_are_refused_and_nothing_runs(tmp_path: Path) -> None:
    for hostile in make_hostile(tmp_path):
        with pytest.raises(InputError, match="not a readable dump"):
            read_dump(hostile.path)
    assert not mark(tmp_path).exists()


@pytest.mark.parametrize(
    "value", [{"x": [1.0]}, {"x": None}, [np.zeros(2)], 3, {"x": {"y": np.zeros(2)}}, ARRAYS["whole"]]
)
def test_anything_but_a_dict_of_arrays_is_refused(path: Path, value: Any) -> None:
    path.write_bytes(pickle.dumps(value))
    with pytest.raises(InputError, match=r"not a dict of arrays|not a readable dump"):
        read_dump(path)


@pytest.mark.needs_shared
def test_published_log_files_are_read(shared: Path) -> None:
    files = sorted((shared / "published" / "align_works").rglob("*.npy"))
    assert len(files) == 21
    for file in files:
        theirs = np.load(file, allow_pickle=True).item()
        ours = read_dump(file)
        assert list(ours) == list(theirs), file
        for name, value in theirs.items():
            assert np.asarray(value).dtype == ours[name].dtype, (file, name)
            assert np.array_equal(ours[name], value), (file, name)
