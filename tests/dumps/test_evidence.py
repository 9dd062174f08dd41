"""Evidence: every format and protocol is recognised by content and read to the same plain values."""

from __future__ import annotations

import importlib.util
import json
import os
import pickle
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.dumps.evidence import arrays, read_evidence
from repro.errors import InputError
from tests.dumps.containers import ask, floats, npy, op, tensor, torch_legacy, torch_zip
from tests.dumps.samples import VALUE, samples

KINDS = ("npy dict", "npy array", "torch zip", "torch legacy", "paddle", "pickle")


def written(folder: Path, content: bytes) -> Path:
    path = folder / "evidence.json"  # the name says nothing
    path.write_bytes(content)
    return path


def assert_same(found: Any, expected: Any) -> None:
    """Equal in type, dtype, shape and content; numpy scalars as 0-d arrays."""
    if isinstance(expected, dict):
        assert type(found) is dict and list(found) == list(expected)
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, (np.ndarray, np.generic)):
        assert isinstance(found, np.ndarray) and found.dtype == expected.dtype and found.shape == expected.shape
        assert np.array_equal(found, expected)
    else:
        assert type(found) is type(expected) and found == expected


@pytest.mark.parametrize("name", samples())
def test_each_kind_is_recognised_by_content(tmp_path: Path, name: str) -> None:
    evidence = read_evidence(written(tmp_path, samples()[name]))
    assert evidence.kind in KINDS and name.startswith(evidence.kind)
    if evidence.kind in ("pickle", "npy dict"):
        assert_same(evidence.value, VALUE)
    elif evidence.kind == "torch zip" or evidence.kind == "torch legacy":
        assert_same(evidence.value, {"w": VALUE["logits"], "n": [1, 2]})
    else:
        found = evidence.value if isinstance(evidence.value, np.ndarray) else evidence.value["w"]
        assert_same(found, VALUE["logits"])


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "value",
    [
        {"a": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], {}], "b": {"c": {None: -1, True: 2**70, b"k": -(2**31)}}},
        [0.1, float("inf"), -0.0, 255, 65536, 2**31, -(2**63), "é\n\\", "x" * 300, b"y" * 300, ""],
        OrderedDict(step=1, loss=np.float64(2.5)),
        np.arange(3.0),
        np.float32(1.5),
        {np.int64(3): np.array([True]), 4: np.array(["a", "中"]), 5: np.array([1, 2], ">i4")},
    ],
)
def test_plain_values_of_every_protocol(tmp_path: Path, protocol: int, value: Any) -> None:
    found = read_evidence(written(tmp_path, pickle.dumps(value, protocol)))
    assert found.kind == "pickle"
    assert_same(found.value, dict(value) if isinstance(value, dict) else value)


def test_shared_parts_stay_shared(tmp_path: Path) -> None:
    weights = np.ones((1000, 10))
    found = read_evidence(written(tmp_path, pickle.dumps({"embedding": weights, "decoder": weights}))).value
    assert found["embedding"] is found["decoder"]


def test_arrays_cannot_be_written_to(tmp_path: Path) -> None:
    for content in samples().values():
        for name, array in arrays(read_evidence(written(tmp_path, content)).value).items():
            assert name in ("loss", "step", "scalar", "truth", "n") or not array.flags.writeable, name


@pytest.mark.parametrize("version", [1, 2, 3])
def test_numeric_npy_of_each_version(tmp_path: Path, version: int) -> None:
    for shape, order in (("(2, 3)", "C"), ("(2, 3)", "F"), ("(6,)", "C")):
        header = f"{{'descr': '<f4', 'fortran_order': {order == 'F'}, 'shape': {shape}, }}"
        found = read_evidence(written(tmp_path, npy(header, floats(6), version)))
        assert found.kind == "npy array"
        sizes = (2, 3) if shape == "(2, 3)" else (6,)
        assert_same(found.value, np.arange(6, dtype=np.float32).reshape(sizes, order=order))  # type: ignore[call-overload]


@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (2, 3, 4)])
def test_what_numpy_saves_is_read(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    np.save(tmp_path / "a.npy", array)
    assert_same(read_evidence(tmp_path / "a.npy").value, array)


TENSORS: list[tuple[dict[str, Any], np.ndarray]] = [
    ({}, np.arange(6.0).reshape(2, 3)),
    ({"shape": (3, 2), "strides": (1, 3)}, np.arange(6.0).reshape(2, 3).T),
    ({"shape": (2, 2), "offset": 1}, np.array([[1.0, 2.0], [4.0, 5.0]])),
    ({"shape": (2, 2), "strides": (0, 1)}, np.array([[0.0, 1.0], [0.0, 1.0]])),
    ({"shape": (), "strides": (), "offset": 4}, np.array(4.0)),
    ({"shape": (0, 3)}, np.zeros((0, 3))),
    ({"shape": (1, 6), "strides": (1 << 61, 1)}, np.arange(6.0).reshape(1, 6)),
]


@pytest.mark.parametrize(("window", "expected"), TENSORS)
def test_windows_on_a_torch_storage(tmp_path: Path, window: dict[str, Any], expected: np.ndarray) -> None:
    new = read_evidence(written(tmp_path, torch_zip(tensor(**window), {"0": floats(6)})))
    old = read_evidence(written(tmp_path, torch_legacy(tensor(legacy=True, **window), {"0": (6, floats(6))})))
    assert (new.kind, old.kind) == ("torch zip", "torch legacy")
    assert_same(new.value, expected.astype(np.float32))
    assert_same(old.value, expected.astype(np.float32))


def test_bfloat16_is_widened_exactly(tmp_path: Path) -> None:
    exact = np.array([1.0, -2.5, 0.0, np.inf, 3.0, 2.0**100], dtype=np.float32)
    halves = (exact.view("<u4") >> 16).astype("<u2").tobytes()
    found = read_evidence(written(tmp_path, torch_zip(tensor("BFloat16Storage"), {"0": halves}))).value
    assert_same(found, exact.reshape(2, 3))


def test_what_a_state_dict_carries_beside_its_tensors_is_left_out(tmp_path: Path) -> None:
    ordered = ask("collections.OrderedDict") + b")R"
    state = ordered + op("w") + tensor() + b"s}" + op("_metadata") + ordered + b"sb"
    assert list(read_evidence(written(tmp_path, torch_zip(state, {"0": floats(6)}))).value) == ["w"]


# Flattening


def test_flattening() -> None:
    table = np.ones((2, 2))
    value = {
        "model": {"w": table, "names": ["a", "b"], "dtype": "float32"},
        "losses": [1, 2.5],
        "flags": (True, False),
        "steps": {2: 0.5, 1: 0.25, 3: 1.0},
        "gaps": {1: 0.5, 3: 0.25},
        "rows": [table, [1.0]],
        "none": None,
        "raw": b"x",
        "count": 3,
        "texts": np.array(["a"]),
        "scalars": [np.array(1.5, np.float32), np.array(2.5, np.float32)],
        "huge": [2**100, 1],
    }
    found = arrays(value)
    expected = {
        "model.w": table,
        "losses": np.array([1, 2.5]),
        "flags": np.array([True, False]),
        "steps": np.array([0.25, 0.5, 1.0]),
        "gaps.1": np.array(0.5),
        "gaps.3": np.array(0.25),
        "rows.0": table,
        "rows.1": np.array([1.0]),
        "count": np.array(3),
        "scalars": np.array([1.5, 2.5], np.float32),
        "huge": np.array([2.0**100, 1.0]),
    }
    assert_same(found, expected)


@pytest.mark.parametrize("value", [np.ones(3), [1.0, 1.0, 1.0], (1.0, 1.0, 1.0), {5: 1.0, 6: 1.0, 7: 1.0}])
def test_a_bare_series_has_no_name(value: Any) -> None:
    assert_same(arrays(value), {"": np.ones(3)})


@pytest.mark.parametrize("value", ["text", None, b"", {}, {"a": "b"}, np.array(["a"])])
def test_what_has_no_numbers_flattens_to_nothing(value: Any) -> None:
    assert arrays(value) == {}


def test_two_parts_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match=r"two parts are named a\.b"):
        arrays({"a": {"b": 1}, "a.b": 2})


# What the frameworks themselves write, each in a process of its own

TORCH = """
import zlib, sys, torch
model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
half = torch.arange(6).reshape(2, 3).to(torch.bfloat16)
content = {"state": model.state_dict(), "weight": model[0].weight, "half": half.T, "last": half[1, 1:], "loss": 0.5}
kinds = "float64 float32 float16 int64 int32 int16 int8 uint8 bool".split()
content["kinds"] = {kind: torch.tensor([0, 1, 1]).to(getattr(torch, kind)) for kind in kinds}
content["empty"], content["single"] = torch.zeros(0, 3), torch.tensor(4)
for name, new in (("new", True), ("old", False)):
    torch.save(content, f"{sys.argv[1]}/{name}", _use_new_zipfile_serialization=new)
import json
def flat(value):
    if isinstance(value, dict):
        return {key: flat(part) for key, part in value.items()}
    return value.tolist() if isinstance(value, torch.Tensor) else value
print(json.dumps(flat(content)))
"""
PADDLE = """
import zlib, sys, json, paddle
layer = paddle.nn.Linear(3, 2)
one = paddle.to_tensor(2.0)
contents = {
    "state": layer.state_dict(), "pair": {"w": layer.weight, "list": [one, one]}, "lone": layer.weight,
    "value": layer.weight.value().get_tensor(),
}
for name, content in contents.items():
    for protocol in (2, 3, 4):
        paddle.save(content, f"{sys.argv[1]}/{name}.{protocol}", protocol=protocol)
print(json.dumps({"weight": layer.weight.tolist(), "bias": layer.bias.tolist()}))
"""


def run(script: str, folder: Path) -> Any:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", script, str(folder)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stdout.splitlines()[-1])


def listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: listed(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_what_torch_saves_is_read(tmp_path: Path) -> None:
    written = run(TORCH, tmp_path)
    for name in ("new", "old"):
        found = read_evidence(tmp_path / name)
        assert found.kind == ("torch zip" if name == "new" else "torch legacy")
        assert listed(found.value) == written
        assert {kind: str(array.dtype) for kind, array in found.value["kinds"].items()} == {
            kind: kind for kind in written["kinds"]
        }


@pytest.mark.skipif(importlib.util.find_spec("paddle") is None, reason="paddle is not installed")
def test_what_paddle_saves_is_read(tmp_path: Path) -> None:
    written = run(PADDLE, tmp_path)
    for protocol in (2, 3, 4):
        found = {name: read_evidence(tmp_path / f"{name}.{protocol}") for name in ("state", "pair", "lone", "value")}
        assert {evidence.kind for evidence in found.values()} == {"paddle"}
        assert listed(arrays(found["state"].value)) == written
        assert listed(arrays(found["pair"].value)) == {"w": written["weight"], "list": [2.0, 2.0]}
        assert found["lone"].value.tolist() == found["value"].value.tolist() == written["weight"]


@pytest.mark.needs_shared
def test_all_published_evidence_is_read(shared: Path) -> None:
    folder = shared / "published"
    files = [*folder.rglob("*.npy"), *folder.rglob("*.bin"), *folder.glob("output_avg/*.json")]
    found = {path.relative_to(folder).as_posix(): read_evidence(path) for path in files}
    assert len(found) == 35
    assert {evidence.kind for evidence in found.values()} == {"npy dict", "torch zip", "pickle"}
    losses = "align_works/5-7-8_check_optim-norm-backward/loss_dic_{}.bin"
    for side in ("torch", "paddle"):
        assert arrays(found[losses.format(side)].value)[""].shape == (5,)
    assert arrays(found["output_avg/examples16_average.json"].value)["f1"].shape == ()
