"""The table against the programs themselves, each framework in a separate process."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.checkpoint import hub_shapes, read_checkpoint, write_checkpoint
from repro.checkpoint.names import parameters
from repro.checkpoint.tensors import read_safetensors, write_safetensors
from repro.config.paths import atomic_json
from tests.checkpoint.tiny_checkpoints import TINY, numbered, original_from_hub
from tests.frameworks import run_in

HUB = numbered(hub_shapes(TINY))

TRANSFORMERS = """
import sys
from transformers import SplinterForQuestionAnswering
from safetensors.torch import load_file
import torch
folder = sys.argv[1]
model, info = SplinterForQuestionAnswering.from_pretrained(folder, output_loading_info=True)
ours = load_file(folder + "/model.safetensors")
theirs = model.state_dict()
result = {
    "faults": {key: [str(v) for v in value] for key, value in info.items() if value},
    "order": list(theirs),
    "equal": all(torch.equal(ours[name], theirs[name]) for name in theirs),
    "epsilon": model.config.layer_norm_eps,
}
"""

TORCH_BIN = """
import sys
from pathlib import Path
import torch
from safetensors.torch import load_file
from repro.backends.pytorch.weights import read_weights
from repro.checkpoint import convert
from repro.errors import InputError
folder = Path(sys.argv[1])
state = load_file(folder / "original.safetensors")
class Hostile:
    def __reduce__(self):
        return Path.touch, (folder / "mark",)
torch.save(state, folder / "pytorch_model.bin")
torch.save(state, folder / "legacy.bin", _use_new_zipfile_serialization=False)
torch.save({"x": Hostile()}, folder / "hostile.bin")
torch.save([torch.ones(2)], folder / "list.bin")
torch.save({"model": state}, folder / "nested.bin")
odd = {
    "float8": torch.ones(2).to(torch.float8_e4m3fn),
    "meta": torch.ones(2, device="meta"),
    "quantised": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
    "sparse": torch.eye(2).to_sparse(),
}
for name, tensor in odd.items():
    torch.save({"x": tensor}, folder / f"{name}.bin")
(folder / "page.bin").write_text("<!DOCTYPE html>")
half = {name: value.bfloat16() for name, value in state.items()}
torch.save(half, folder / "bfloat16.bin")
(folder / "cut.bin").write_bytes((folder / "pytorch_model.bin").read_bytes()[:-1000])
(folder / "cut_legacy.bin").write_bytes((folder / "legacy.bin").read_bytes()[:-1000])
(folder / "empty.bin").write_bytes(b"")
result = {}
for name in ("hostile", "list", "nested", "cut", "cut_legacy", "empty", "absent", "page", *odd):
    try:
        read_weights(folder / f"{name}.bin")
        result[name] = "read"
    except InputError as error:
        result[name] = str(error)
result["mark"] = (folder / "mark").exists()
result["description"] = convert(folder, folder / "hub", "hub", bin_reader=read_weights).describe()
convert(folder / "legacy.bin", folder / "legacy", "hub", bin_reader=read_weights)
conversion = convert(folder / "bfloat16.bin", folder / "half", "pytorch", bin_reader=read_weights)
result["converted"] = conversion.describe()
full = load_file(folder / "half" / "model.safetensors")
result["exact"] = all(torch.equal(full[name], half[name].float()) for name in half)
"""

PADDLE = """
import sys, zlib
from pathlib import Path
import paddle
from paddlenlp.transformers import BertConfig, BertModel
from repro.checkpoint.tensors import read_pdparams, to_float32
folder = Path(sys.argv[1])
config = {k: int(v) for k, v in (pair.split("=") for pair in sys.argv[2:])}
model = BertModel(BertConfig(**config))
state = {"bert." + name: value for name, value in model.state_dict().items()}
result = {"shapes": {name: list(value.shape) for name, value in state.items()}}
for name, content in (("state.pdparams", state), ("lone.pdparams", {"x": paddle.ones([2, 3])})):
    paddle.save(content, str(folder / name))
read = read_pdparams(folder / "state.pdparams")
result["equal"] = all((read[name] == value.numpy()).all() for name, value in state.items())
result["names"] = list(read) == list(state)
half = {name: value.astype("bfloat16") for name, value in state.items()}
paddle.save(half, str(folder / "half.pdparams"))
exact = {name: to_float32(array) for name, array in read_pdparams(folder / "half.pdparams").items()}
result["half"] = all((exact[name] == value.astype("float32").numpy()).all() for name, value in half.items())
result["lone"] = read_pdparams(folder / "lone.pdparams")["x"].tolist()
"""


def run(backend: str, script: str, *arguments: object) -> dict[str, Any]:
    """Run a script in a process of its own and return what it left in ``result``."""
    script += '\nimport json\nprint("\\nRESULT " + json.dumps(result))'
    return dict(json.loads(run_in(backend, script, *arguments).rpartition("RESULT ")[2]))


def test_transformers_loads_the_hub_layout_strictly(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, HUB, TINY, None, "hub")
    result = run("pytorch", TRANSFORMERS, tmp_path)
    assert result == {"faults": {}, "order": list(HUB), "equal": True, "epsilon": 1e-12}


@pytest.fixture(scope="module")
def torch_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder of ``.bin`` files, converted in a process with PyTorch, and the messages of the others."""
    folder = tmp_path_factory.mktemp("bin")
    write_safetensors(folder / "original.safetensors", original_from_hub(HUB), "pt")
    atomic_json(folder / "config.json", TINY)
    return folder, run("pytorch", TORCH_BIN, folder)


def test_bin_is_read(torch_files: tuple[Path, dict[str, Any]]) -> None:
    folder, result = torch_files
    assert result["description"] == "55 tensors, read in layout pytorch."
    for name in ("hub", "legacy"):
        arrays, *_ = read_checkpoint(folder / name)
        assert all(arrays[key].tobytes() == HUB[key].tobytes() for key in HUB)


def test_bfloat16_becomes_float32(torch_files: tuple[Path, dict[str, Any]]) -> None:
    result = torch_files[1]
    assert result["exact"] and "55 tensors of bfloat16 were converted to float32" in result["converted"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hostile", "refused: the file asks for getattr"),
        ("list", "no state dict but list"),
        ("nested", "the weights are inside of 'model'"),
        ("float8", "x is of type torch.float8_e4m3fn"),
        ("meta", "x has a shape and no numbers"),
        ("quantised", "x is of type torch.qint8"),
        ("sparse", "torch.sparse_coo, which cannot be read"),
        ("page", "cannot read weights safely: it is no file of torch.save"),
        ("cut", "weights are cut off"),
        ("cut_legacy", "weights are cut off"),
        ("empty", "weights are cut off"),
        ("absent", "cannot read weights: No such file"),
    ],
)
def test_other_bin_is_refused(torch_files: tuple[Path, dict[str, Any]], name: str, message: str) -> None:
    folder, result = torch_files
    assert message in result[name] and str(folder / f"{name}.bin") in result[name]
    assert len(result[name].splitlines()) <= 3 and "weights_only" not in result[name]
    assert result["mark"] is False  # the hostile file did not run


def test_paddle_names_shapes_and_files(tmp_path: Path) -> None:
    result = run("paddle", PADDLE, tmp_path, *(f"{key}={value}" for key, value in TINY.items()))
    theirs = {name: shape for name, shape in result["shapes"].items() if "pooler" not in name}
    write_checkpoint(tmp_path / "paddle", HUB, TINY, None, "paddle")
    ours = read_safetensors(tmp_path / "paddle" / "model.safetensors")
    encoder = [p.paddle for p in parameters(TINY["num_hidden_layers"]) if not p.head]
    assert {name: list(ours[name].shape) for name in encoder} == theirs
    assert result["equal"] and result["half"] and result["names"] and result["lone"] == np.ones((2, 3)).tolist()
