"""Every format and protocol is recognised by content and read to the same plain values."""

import importlib.util
import json
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.errors import InputError
from repro.untrusted.flatten import arrays
from repro.untrusted.formats import read_content
from tests.frameworks import run_in
from tests.untrusted.containers import ask, floats, op, tensor, torch_legacy, torch_zip
from tests.untrusted.samples import VALUE, samples


def read(folder: Path, data: bytes) -> Any:
    """Content of a file of these bytes, whose name says nothing."""
    path = folder / "evidence.json"
    path.write_bytes(data)
    return read_content(path)


def assert_same(actual: Any, expected: Any) -> None:
    """Equal in type, dtype, shape and content."""
    if isinstance(expected, dict):
        assert type(actual) is dict and list(actual) == list(expected)
        for key in expected:
            assert_same(actual[key], expected[key])
    elif isinstance(expected, (np.ndarray, np.generic)):
        assert type(actual) is type(expected) and actual.dtype == expected.dtype and actual.shape == expected.shape
        assert np.array_equal(actual, expected)
    else:
        assert type(actual) is type(expected) and actual == expected


@pytest.mark.parametrize("name", samples())
def test_each_format_is_recognised_by_content(tmp_path: Path, name: str) -> None:
    value = read(tmp_path, samples()[name])
    if name.startswith(("pickle", "npy dict")):
        assert_same(value, VALUE)
    elif name.startswith("torch"):
        assert_same(value, {"w": VALUE["logits"], "n": [1, 2]})
    else:
        assert_same(value if isinstance(value, np.ndarray) else value["w"], VALUE["logits"])


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
    content = read(tmp_path, pickle.dumps(value, protocol))
    assert_same(content, dict(value) if isinstance(value, dict) else value)


def test_arrays_stay_shared_and_cannot_be_written_to(tmp_path: Path) -> None:
    weights = np.ones((1000, 10))
    value = read(tmp_path, pickle.dumps({"embedding": weights, "decoder": weights}))
    assert value["embedding"] is value["decoder"]
    for data in samples().values():
        for name, array in arrays(read(tmp_path, data)).items():
            assert name in ("loss", "step", "scalar", "truth", "n") or not array.flags.writeable, name


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (6,), (2, 3, 4)])
def test_numeric_npy_of_each_version(tmp_path: Path, version: int, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    for order in ("C", "F"):
        with (tmp_path / "a.npy").open("wb") as file:
            np.lib.format.write_array(file, array.copy(order), (version, 0))
        assert_same(read_content(tmp_path / "a.npy"), array)


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
    new = torch_zip(tensor(**window), {"0": floats(6)})
    old = torch_legacy(tensor(legacy=True, **window), {"0": (6, floats(6))})
    for data in (new, old):
        assert_same(read(tmp_path, data), expected.astype(np.float32))


def test_bfloat16_is_converted_exactly(tmp_path: Path) -> None:
    exact = np.array([1.0, -2.5, 0.0, np.inf, 3.0, 2.0**100], dtype=np.float32)
    halves = (exact.view("<u4") >> 16).astype("<u2").tobytes()
    value = read(tmp_path, torch_zip(tensor("BFloat16Storage"), {"0": halves}))
    assert_same(value, exact.reshape(2, 3))


def test_what_a_state_dict_carries_beside_its_tensors_is_left_out(tmp_path: Path) -> None:
    ordered = ask("collections.OrderedDict") + b")R"
    state = ordered + op("w") + tensor() + b"s}" + op("_metadata") + ordered + b"sb"
    assert list(read(tmp_path, torch_zip(state, {"0": floats(6)}))) == ["w"]


# Flattening

TABLE = np.ones((2, 2))
FLAT: list[tuple[Any, dict[str, np.ndarray]]] = [
    (
        {"model": {"w": TABLE, "names": ["a", "b"], "dtype": "float32"}, "count": 3},
        {"model.w": TABLE, "count": np.array(3)},
    ),
    ({"losses": [1, 2.5], "flags": (True, False)}, {"losses": np.array([1, 2.5]), "flags": np.array([True, False])}),
    ({"steps": {2: 0.5, 1: 0.25, 3: 1.0}}, {"steps": np.array([0.25, 0.5, 1.0])}),
    ({1: 0.5, 3: 0.25}, {"1": np.array(0.5), "3": np.array(0.25)}),
    ([TABLE, [1.0]], {"0": TABLE, "1": np.array([1.0])}),
    ([[1, 2], [3, 4]], {"": np.array([[1, 2], [3, 4]])}),
    ({"runs": [[1.5], [2.5, 3.5]]}, {"runs.0": np.array([1.5]), "runs.1": np.array([2.5, 3.5])}),
    (
        [{"epoch": 1, "loss": 0.5, "time": "1 s"}, {"epoch": 2, "loss": 0.25}],
        {"epoch": np.array([1, 2]), "loss": np.array([0.5, 0.25])},
    ),
    ({"huge": 10**400, "n": 1}, {"n": np.array(1)}),
    ([np.array(1.5, np.float32), np.array(2.5, np.float32)], {"": np.array([1.5, 2.5], np.float32)}),
    ([2**100, 1], {"": np.array([2.0**100, 1.0])}),
    *(
        (series, {"": np.ones(3)})
        for series in (np.ones(3), [1.0, 1.0, 1.0], (1.0, 1.0, 1.0), {5: 1.0, 6: 1.0, 7: 1.0})
    ),
    *((nothing, {}) for nothing in ("text", None, b"", {}, {"a": "b", "c": None, "d": b"x"}, np.array(["a"]))),
]


@pytest.mark.parametrize(("value", "flat"), FLAT)
def test_flattening(value: Any, flat: dict[str, np.ndarray]) -> None:
    assert_same(arrays(value), flat)


def test_two_parts_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match=r"two parts are named a\.b"):
        arrays({"a": {"b": 1}, "a.b": 2})


# What the frameworks themselves write, each in a separate process

TORCH = """
import json, pickle, sys, torch
model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
half = torch.arange(6).reshape(2, 3).to(torch.bfloat16)
content = {"state": model.state_dict(), "weight": model[0].weight, "half": half.T, "last": half[1, 1:], "loss": 0.5}
kinds = "float64 float32 float16 int64 int32 int16 int8 uint8 bool".split()
content["kinds"] = {kind: torch.tensor([0, 1, 1]).to(getattr(torch, kind)) for kind in kinds}
content["empty"], content["single"] = torch.zeros(0, 3), torch.tensor(4)
for name, new in (("new", True), ("old", False)):
    torch.save(content, f"{sys.argv[1]}/{name}", _use_new_zipfile_serialization=new)
with open(f"{sys.argv[1]}/pickle", "wb") as file:
    pickle.dump(content, file)
def flat(value):
    if isinstance(value, dict):
        return {key: flat(part) for key, part in value.items()}
    return value.tolist() if isinstance(value, torch.Tensor) else value
print(json.dumps(flat(content)), file=sys.stderr)
"""
PADDLE = """
import sys, json, paddle
layer = paddle.nn.Linear(3, 2)
one = paddle.to_tensor(2.0)
contents = {
    "state": layer.state_dict(), "pair": {"w": layer.weight, "list": [one, one]}, "lone": layer.weight,
    "value": layer.weight.value().get_tensor(),
}
for name, content in contents.items():
    for protocol in (2, 3, 4):
        paddle.save(content, f"{sys.argv[1]}/{name}.{protocol}", protocol=protocol)
print(json.dumps({"weight": layer.weight.tolist(), "bias": layer.bias.tolist()}), file=sys.stderr)
"""


def listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: listed(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="torch is not installed: run the tests with ./run_tests.sh, which installs it",
)
def test_what_torch_saves_is_read(tmp_path: Path) -> None:
    written = json.loads(run_in("pytorch", TORCH, tmp_path).splitlines()[-1])
    for name in ("new", "old", "pickle"):
        content = read_content(tmp_path / name)
        assert listed(content) == written
        assert all(str(array.dtype) == kind for kind, array in content["kinds"].items())


@pytest.mark.skipif(
    importlib.util.find_spec("paddle") is None,
    reason="paddle is not installed: run the tests with ./run_tests.sh, which installs it",
)
def test_what_paddle_saves_is_read(tmp_path: Path) -> None:
    written = json.loads(run_in("paddle", PADDLE, tmp_path).splitlines()[-1])
    for protocol in (2, 3, 4):
        contents = {name: read_content(tmp_path / f"{name}.{protocol}") for name in ("state", "pair", "lone", "value")}
        assert listed(arrays(contents["state"])) == written
        assert listed(arrays(contents["pair"])) == {"w": written["weight"], "list": [2.0, 2.0]}
        assert contents["lone"].tolist() == contents["value"].tolist() == written["weight"]


@pytest.mark.needs_shared
def test_all_published_evidence_is_read(shared: Path) -> None:
    folder = shared / "published"
    files = [*folder.rglob("*.npy"), *folder.rglob("*.bin"), *folder.glob("output_avg/*.json")]
    contents = {path.relative_to(folder).as_posix(): read_content(path) for path in files}
    assert len(contents) == 35
    losses = "align_works/5-7-8_check_optim-norm-backward/loss_dic_{}.bin"
    for side in ("torch", "paddle"):
        assert arrays(contents[losses.format(side)])[""].shape == (5,)
    assert arrays(contents["output_avg/examples16_average.json"])["f1"].shape == ()
