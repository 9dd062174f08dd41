"""Dumps: round trips, the published files, and files that mean harm or are damaged."""

from __future__ import annotations

import os
import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.dumps import read_dump, write_dump
from repro.errors import InputError

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


def assert_same(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> None:
    assert list(left) == list(right)
    for name, array in right.items():
        assert left[name].dtype == array.dtype and left[name].shape == array.shape, name
        assert left[name].tobytes() == array.tobytes(), name


def test_round_trip(path: Path):
    write_dump(path, ARRAYS)
    assert_same(read_dump(path), ARRAYS)


def test_users_of_the_format_can_read_ours(path: Path):
    """numpy itself turns foreign byte order into its own while loading."""
    write_dump(path, ARRAYS)
    native = {name: array.astype(array.dtype.newbyteorder("=")) for name, array in ARRAYS.items()}
    assert_same(np.load(path, allow_pickle=True).item(), native)


@pytest.mark.parametrize("protocol", range(5))
def test_every_pickle_protocol_in_use_is_read(path: Path, protocol: int):
    filled = {name: array for name, array in ARRAYS.items() if array.size}
    path.write_bytes(pickle.dumps(OrderedDict(filled), protocol=protocol))
    assert_same(read_dump(path), filled)


def test_numpy_scalars_become_arrays(path: Path):
    np.save(path, np.array({"loss": np.float32(2.5)}, dtype=object), allow_pickle=True)
    assert_same(read_dump(path), {"loss": np.array(2.5, dtype=np.float32)})


@pytest.mark.parametrize("value", [[1.0], 3, np.array([{}], dtype=object), np.array("2020", dtype="M8[Y]")])
def test_only_plain_arrays_are_written(path: Path, value: Any):
    with pytest.raises(TypeError, match="plain arrays only"):
        write_dump(path, {"x": value})
    assert not path.exists()


class Payload:
    """Pickles into a call that leaves a mark on disk."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def boxed(path: Path, value: Any) -> Path:
    np.save(path, np.array(value, dtype=object), allow_pickle=True)
    return path


def test_code_in_a_dump_is_not_run(path: Path, tmp_path: Path):
    mark = tmp_path / "mark"
    boxed(path, {"x": Payload(mark)})
    with pytest.raises(InputError, match=r"refused: the file asks for \w+\.mkdir"):
        read_dump(path)
    assert not mark.exists()
    np.load(path, allow_pickle=True).item()  # the payload is real: the usual way of reading runs it
    assert mark.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [("builtins", "eval"), ("os", "system"), ("numpy", "load"), ("numpy.core.multiarray", "fromfile")],
)
def test_globals_outside_the_list_are_refused(path: Path, module: str, name: str):
    path.write_bytes(f"c{module}\n{name}\n.".encode())
    with pytest.raises(InputError, match=f"refused: the file asks for {module}.{name}"):
        read_dump(path)


def test_cut_off_file_is_refused(path: Path):
    write_dump(path, ARRAYS)
    whole = path.read_bytes()
    for size in (0, 5, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match="dump"):
            read_dump(path)


def pickled_array(shape: tuple[int, ...], data: bytes, kind: str = "f4") -> bytes:
    """A pickled dict of one array, by hand, so that shape and data need not fit."""
    state = (1, shape, np.dtype(kind), False, data)

    class Forged:
        def __reduce__(self) -> tuple[Any, ...]:
            return np.core.multiarray._reconstruct, (np.ndarray, (0,), b"b"), state

    return pickle.dumps({"x": Forged()}, protocol=4)


@pytest.mark.parametrize(
    ("shape", "data"),
    [
        ((3,), bytes(8)),
        ((2,), bytes(12)),
        ((10**9,), bytes(8)),
        ((10**10, 10**10), b""),
        ((-1,), b""),
        ((2**62, 4), b""),
    ],
)
def test_sizes_that_do_not_fit_the_data_are_refused(path: Path, shape: tuple[int, ...], data: bytes):
    path.write_bytes(pickled_array(shape, data))
    with pytest.raises(InputError, match="not a readable dump: array"):
        read_dump(path)


def test_forged_array_of_the_right_size_is_read(path: Path):
    path.write_bytes(pickled_array((2,), struct.pack("<2f", 1, 2)))
    assert_same(read_dump(path), {"x": np.array([1, 2], dtype=np.float32)})


def test_header_of_a_billion_elements_takes_no_memory(path: Path):
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**3)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(InputError, match="not a dict of arrays"):
        read_dump(path)


@pytest.mark.parametrize("value", [{"x": [1.0]}, {"x": None}, [np.zeros(2)], 3, {"x": {"y": np.zeros(2)}}])
def test_anything_but_a_dict_of_arrays_is_refused(path: Path, value: Any):
    path.write_bytes(pickle.dumps(value))
    with pytest.raises(InputError, match=r"not a dict of arrays|not a readable dump"):
        read_dump(path)


def test_array_of_objects_is_refused(path: Path):
    path.write_bytes(pickle.dumps({"x": np.array([{}, {}], dtype=object)}))
    with pytest.raises(InputError, match="object arrays"):
        read_dump(path)


def test_missing_file_is_refused(path: Path):
    with pytest.raises(InputError, match="No such file"):
        read_dump(path)


@pytest.mark.needs_shared
def test_published_log_files_are_read(shared: Path):
    files = sorted((shared / "published" / "align_works").rglob("*.npy"))
    assert len(files) == 21
    for file in files:
        theirs = np.load(file, allow_pickle=True).item()
        ours = read_dump(file)
        assert list(ours) == list(theirs), file
        for name, value in theirs.items():
            assert np.asarray(value).dtype == ours[name].dtype, (file, name)
            assert np.array_equal(ours[name], value), (file, name)


def test_a_huge_memo_index_asks_for_no_memory(tmp_path: Path) -> None:
    hostile = tmp_path / "memo.npy"
    hostile.write_bytes(b"\x80\x02Nr\xff\xff\xff\x3f.")
    with pytest.raises(InputError, match="not a dict of arrays"):
        read_dump(hostile)


def test_shared_nested_dicts_do_not_unfold_without_bound(tmp_path: Path) -> None:
    value: dict[str, object] = {}
    for _ in range(60):
        value = {"a": value, "b": value}
    hostile = tmp_path / "nested.npy"
    hostile.write_bytes(pickle.dumps(value))
    with pytest.raises(InputError, match="nested more than"):
        read_dump(hostile)


def test_a_claimed_bytearray_is_refused(tmp_path: Path) -> None:
    hostile = tmp_path / "bytearray.npy"
    hostile.write_bytes(b"\x80\x05\x96" + (1 << 34).to_bytes(8, "little") + b".")
    with pytest.raises(InputError, match="not a readable dump"):
        read_dump(hostile)


@pytest.mark.parametrize("protocol", range(5))
def test_an_empty_array_reads_in_the_protocols_that_numpy_writes(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "empty.npy"
    path.write_bytes(pickle.dumps({"nothing": np.zeros((0, 3), dtype=np.float32)}, protocol=protocol))
    assert read_dump(path)["nothing"].shape == (0, 3)
