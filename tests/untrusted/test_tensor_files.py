"""``.npz``, ``safetensors``, HDF5, JSON and tables: read to the same arrays as by their libraries, and when hostile."""

import cProfile
import io
import json
import os
import socket
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import save as save_safetensors

from repro.errors import InputError
from repro.numerics.chunks import release
from repro.untrusted.flatten import arrays
from repro.untrusted.formats import read_content
from repro.untrusted.hdf5 import _server

GENERATOR = np.random.default_rng(3)
ARRAYS = {
    "large": GENERATOR.standard_normal((300, 70)).astype(np.float32),
    "whole": np.arange(6).reshape(2, 3),
    "half": np.ones(3, np.float16),
    "scalar": np.array(2.5),
    "truth": np.array([True, False]),
    "empty": np.zeros((0, 4), np.float32),
}


def savez(file: Any, **named: Any) -> None:
    np.savez(file, **named)


def zipped(file: Any, **named: Any) -> None:
    np.savez_compressed(file, **named)


def safetensors(file: Any, **named: Any) -> None:
    file.write(save_safetensors(named))


def hdf5(file: Any, **named: Any) -> None:
    with h5py.File(file, "w") as target:
        for name, array in named.items():
            target.create_dataset(name, data=array, compression="gzip" if name == "large" else None)


@pytest.mark.parametrize("save", [savez, zipped, safetensors, hdf5])
def test_every_container_of_arrays(save: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "evidence.bin"  # the name says nothing
    with path.open("wb+") as file:
        save(file, **ARRAYS)
    content = read_content(path)
    assert set(content) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert content[name].dtype == array.dtype and content[name].shape == array.shape, name
        assert np.array_equal(content[name], array) and not (array.size and content[name].flags.writeable)


def test_a_large_array_stays_in_its_file(tmp_path: Path) -> None:
    for name, save in {"x.npy": np.save, "x.npz": np.savez}.items():
        save(tmp_path / name, ARRAYS["large"])
        (array,) = arrays(read_content(tmp_path / name)).values()
        base: Any = array
        while isinstance(base, np.ndarray):
            base = base.base
        assert isinstance(base, memoryview)
        release(array)
        assert np.array_equal(array, ARRAYS["large"])


def test_groups_of_hdf5_are_nested_names_and_links_are_not_followed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.ones(3)
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file["layer/dense/kernel"] = np.ones((2, 2))
        file["layer/names"] = np.array([b"a"])
        file["outside"] = h5py.ExternalLink("other.h5", "/secret")
        file["alias"] = h5py.SoftLink("/layer")
        file["layer/again"] = file["layer"]  # a group inside itself
    assert set(read_content(tmp_path / "model.h5")) == {"layer.dense.kernel"}


def test_hdf5_that_keeps_its_data_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.raw").write_bytes(bytes(80))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (10,), "f8", external=[(str(tmp_path / "secret.raw"), 0, 80)])
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (3,))
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_virtual_dataset("x", layout)
    with h5py.File(tmp_path / "huge.h5", "w") as file:  # nothing but a shape
        file.create_dataset("x", (1 << 40,), "f8", chunks=(1 << 20,))
    damaged = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "damaged.h5").write_bytes(damaged[:100] + b"\xff" * 300 + damaged[400:])
    refusals = {"a.h5": "in another file", "b.h5": "in another file", "huge.h5": "unfolds to", "damaged.h5": "HDF5"}
    for name, why in refusals.items():
        with pytest.raises(InputError, match=why):
            read_content(tmp_path / name)


def test_the_process_that_loads_the_library_is_started_again(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.arange(3.0)
    assert list(read_content(tmp_path / "a.h5")) == ["x"]
    _server(os.getpid()).shutdown(socket.SHUT_RDWR)
    with pytest.raises(InputError, match="has ended"):
        read_content(tmp_path / "a.h5")
    assert list(read_content(tmp_path / "a.h5")) == ["x"]


def _safetensors(header: Any, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def _entry(shape: Any, start: int, end: int, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def _npz(size: int, kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40,)})
        archive.writestr("x.npy", header.getvalue() + bytes(size))
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (_safetensors({"x": _entry([2], 0, 8)}, bytes(4)), "wants 8 bytes, the file has 4"),
        (_safetensors({"x": _entry([1 << 40], 0, 8)}, bytes(8)), "wants 4398046511104 bytes"),
        (_safetensors({"x": _entry([1], 0, 8)}, bytes(8)), "of 4 bytes has 8"),
        (_safetensors({"x": _entry([1], 4, 8)}, bytes(8)), "begins at 4"),
        (_safetensors({"x": _entry([1], 0, 4), "y": _entry([1], 0, 4)}, bytes(8)), "begins at 0, where 4"),
        (_safetensors({"x": _entry([-1], 0, 4)}, bytes(4)), "shape is malformed"),
        (_safetensors({"x": _entry([1], 0, 4, "F8_E4M3")}, bytes(4)), "type F8_E4M3"),
        (_safetensors({"x": _entry([1], 0, 4, 7)}, bytes(4)), "malformed at x"),
        (_safetensors({"x": [1]}), "malformed at x"),
        (_safetensors({"x": _entry([1], 0, 4)}, bytes(9)), "where its header says"),
        (_safetensors({"a\nb": _entry([1], 0, 4)}, bytes(4)), "dict key"),
        (_npz(1000), "array size does not match its data"),
        (_npz(1000).replace(b"x.npy", b"x.txt"), "no data.pkl"),
        (_npz(10**6)[:-40], "without its directory"),
    ],
)
def test_hostile_tensor_files(data: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(data)
    with pytest.raises(InputError, match=why):
        read_content(tmp_path / "x.bin")


def test_what_unfolds_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repro.untrusted.source.MAX_UNPACKED", 1 << 20)
    (tmp_path / "bomb.npz").write_bytes(_npz(2 << 20))
    with pytest.raises(InputError, match="unfolds to more than"):
        read_content(tmp_path / "bomb.npz")


TABLES: list[tuple[str, str, dict[str, Any]]] = [
    ("m.json", '{"acc": 0.763, "per": {"a": [1, 2.5]}, "name": "x"}', {"acc": 0.763, "per.a": [1, 2.5]}),
    ("m.json", "[[1, 2], [3, 4]]", {"": [[1, 2], [3, 4]]}),
    ("m.jsonl", '{"loss": 0.5}\n{"loss": 0.25}\n', {"loss": [0.5, 0.25]}),
    ("m.csv", "step,loss,note\n1,0.5,a\n2,0.25,b\n", {"step": [1, 2], "loss": [0.5, 0.25]}),
    ("m.tsv", "1\t2\n3\t4\n", {"": [[1, 2], [3, 4]]}),
    ("m.txt", "# saved\n0.5\n0.25\nnan\n", {"": [0.5, 0.25, np.nan]}),
]


@pytest.mark.parametrize(("name", "text", "expected"), TABLES)
def test_numbers_in_text_files(name: str, text: str, expected: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    columns = arrays(read_content(tmp_path / name))
    assert list(columns) == list(expected)
    for key, values in expected.items():
        assert np.array_equal(columns[key], values, equal_nan=True)


def test_records_with_names_of_their_own_take_work_in_proportion(tmp_path: Path) -> None:
    def calls(count: int) -> int:
        (tmp_path / "m.jsonl").write_text("".join(f'{{"k{number}": 0.5}}\n' for number in range(count)))
        profile = cProfile.Profile(subcalls=False)
        assert len(profile.runcall(lambda: arrays(read_content(tmp_path / "m.jsonl")))) == count
        return sum(entry.callcount for entry in profile.getstats())

    assert calls(800) < 2.5 * calls(400)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("x.json", "[" * 10_000, "not valid JSON"),
        ("x.json", "[" * 40 + "1" + "]" * 40, "nested more than"),
        ("x.json", '{"a\\nb": 1}', "dict key"),
        ("x.json", '{"x": ', "not valid JSON"),
        ("x.csv", "a,b\n1,2\n3\n", "different lengths"),
        ("x.csv", "a,b\nx,y\n", "without a column of numbers"),
        ("x.txt", "a log\nof words\n", "table"),
    ],
)
def test_tables_that_are_none(name: str, text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=why):
        read_content(tmp_path / name)
