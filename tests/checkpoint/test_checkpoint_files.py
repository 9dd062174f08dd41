"""Checkpoint folders: written whole, read strictly; every damaged file has its own message."""

import json
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from repro.checkpoint import LAYOUTS, Layout, convert, hub_shapes, read_checkpoint, write_checkpoint
from repro.checkpoint.tensors import read_pdparams, read_safetensors, write_safetensors
from repro.config import paths
from repro.errors import InputError
from tests.checkpoint.tiny_checkpoints import TINY, numbered, paddle_from_hub

HUB = numbered(hub_shapes(TINY))


@pytest.fixture
def vocab(tmp_path: Path) -> Path:
    path = tmp_path / "words" / "vocab.txt"
    path.parent.mkdir()
    path.write_text("\n".join(f"word{n}" for n in range(23)) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path, vocab: Path) -> Path:
    write_checkpoint(tmp_path / "hub", HUB, TINY, vocab, "hub")
    return tmp_path / "hub"


def _assert_hub(arrays: dict[str, np.ndarray]) -> None:
    assert list(arrays) == list(HUB)
    assert all(arrays[name].tobytes() == HUB[name].tobytes() for name in HUB)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_written_and_read(tmp_path: Path, vocab: Path, layout: Layout) -> None:
    write_checkpoint(tmp_path / "out", HUB, TINY, vocab, layout)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["config.json", "model.safetensors", "vocab.txt"]
    arrays, config, words, conversion = read_checkpoint(tmp_path / "out")
    _assert_hub(arrays)
    assert conversion.layout == layout and config["hidden_size"] == 8
    assert words is not None and words.read_bytes() == vocab.read_bytes()


def test_converted_all_the_way_round(tmp_path: Path, folder: Path) -> None:
    convert(folder, tmp_path / "a", "pytorch")
    convert(tmp_path / "a", tmp_path / "b", "hub")
    convert(tmp_path / "b" / "model.safetensors", tmp_path / "c", "paddle")
    conversion = convert(tmp_path / "c", tmp_path / "d", "pytorch")
    assert conversion.layout == "paddle"
    for name in ("model.safetensors", "config.json", "vocab.txt"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "d" / name).read_bytes()


def test_destination_must_be_another_folder(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="the folder of the source"):
        convert(folder, folder, "paddle")
    with pytest.raises(InputError, match="to be a folder, and this is a file") as caught:
        convert(folder, folder / "config.json" / "below", "paddle")
    assert caught.value.where == folder / "config.json"
    _assert_hub(read_checkpoint(folder)[0])


def test_interrupted_writing_leaves_no_mixture(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between configuration and weights: no weights, rather than those of another model."""

    def killed(*_: object, **__: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr("repro.checkpoint.tensors.save_safetensors", killed)
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(folder, HUB, TINY, None, "paddle")
    with pytest.raises(InputError, match="no weights in this folder"):
        read_checkpoint(folder)
    assert not list(folder.glob("*.partial"))


def test_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such checkpoint"):
        read_checkpoint(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no weights in this folder; there is: nothing"):
        read_checkpoint(tmp_path)


def test_missing_and_broken_configurations(folder: Path) -> None:
    for content, message in (("[]", "no JSON object"), ("{", "cannot read the configuration")):
        (folder / "config.json").write_text(content)
        with pytest.raises(InputError, match=message):
            read_checkpoint(folder)
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match=r"no config\.json beside the weights"):
        read_checkpoint(folder)
    (folder / "model_config.json").write_text(json.dumps(TINY))
    _assert_hub(read_checkpoint(folder)[0])


def test_vocabulary_larger_than_the_model(tmp_path: Path, folder: Path) -> None:
    (folder / "vocab.txt").write_text("a\n" * 24)
    with pytest.raises(InputError, match="24 entries, the model 23 word embeddings"):
        read_checkpoint(folder)
    with pytest.raises(InputError, match="24 entries"):
        write_checkpoint(tmp_path / "out", HUB, TINY, folder / "vocab.txt", "hub")


def test_bin_needs_its_reader_and_other_kinds_are_refused(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    _assert_hub(read_checkpoint(folder)[0])  # by its content
    (folder / "pytorch_model.bin").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(InputError, match=r"a \.bin file can be read only where PyTorch"):
        read_checkpoint(folder)
    (folder / "real.safetensors").write_bytes(content)
    arrays = read_safetensors(folder / "real.safetensors")
    _assert_hub(read_checkpoint(folder, bin_reader=lambda _: arrays)[0])
    (folder / "pytorch_model.bin").rename(folder / "weights.h5")
    with pytest.raises(InputError, match=r"unknown kind: weights\.h5"):
        read_checkpoint(folder / "weights.h5")
    (folder / "weights.h5").rename(folder / "model.safetensors")
    with pytest.raises(InputError, match=r"holds what torch.save writes\n.*\n.*rename it to pytorch_model.bin"):
        read_checkpoint(folder)


def test_weights_that_are_no_single_file(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    (folder / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(InputError, match=r"split over several files \(model.safetensors.index.json\)"):
        read_checkpoint(folder)
    os.mkfifo(folder / "pipe")
    with pytest.raises(InputError, match="this is a pipe, socket or device"):
        read_checkpoint(folder / "pipe")


@pytest.mark.parametrize("wrapper", ["module.", "_orig_mod.", "module._orig_mod."])
def test_a_wrapper_before_every_name_is_taken_off_and_said(folder: Path, wrapper: str) -> None:
    path = folder / "model.safetensors"
    wrapped = {wrapper + name: array for name, array in read_safetensors(path).items()}
    write_safetensors(path, wrapped, "pt")
    arrays, _, _, conversion = read_checkpoint(folder)
    _assert_hub(arrays)
    assert f"Every name began with {wrapper}, which" in conversion.describe()
    first = next(iter(wrapped))
    write_safetensors(
        path, {name if name == first else name.removeprefix(wrapper): a for name, a in wrapped.items()}, "pt"
    )
    with pytest.raises(InputError, match="lacks 1 of"):
        read_checkpoint(folder)


def test_fault_in_the_tensors_names_the_file(folder: Path) -> None:
    paths.atomic_json(folder / "config.json", {**TINY, "num_hidden_layers": 3})
    with pytest.raises(InputError, match="lacks 16 of 71 tensors") as caught:
        read_checkpoint(folder)
    assert str(folder / "model.safetensors") in str(caught.value)


# Damaged safetensors files


def test_cut_off_anywhere(folder: Path) -> None:
    path = folder / "model.safetensors"
    raw = path.read_bytes()
    header = 8 + struct.unpack("<Q", raw[:8])[0]
    for length in (0, 5, 8, 9, 100, header - 1, header, header + 1, len(raw) - 1):
        path.write_bytes(raw[:length])
        with pytest.raises(InputError, match="cut off") as caught:
            read_checkpoint(folder)
        assert caught.value.exit_code == 2 and str(path) in str(caught.value)


def _entry(dtype: str = '"F32"', shape: str = "[4]", offsets: str = "[0, 16]", name: str = "a") -> str:
    return f'"{name}": {{"dtype": {dtype}, "shape": {shape}, "data_offsets": {offsets}}}'


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (_entry(shape="[2]", offsets="[0, 8]"), "not fully covered"),  # eight bytes too many
        (_entry(shape="[2]", offsets="[8, 16]"), "invalid offset"),
        (_entry(shape="[3]"), "invalid shape"),
        (_entry(shape="[-4]"), "integer `-4`"),
        (_entry(shape="[true]"), "boolean `true`"),
        (_entry(shape="4"), "integer `4`"),
        (_entry(shape="[18446744073709551615, 4]"), "overflow"),
        (_entry(offsets="[0, 16, 16]"), "invalid length 3"),
        (_entry() + ", " + _entry(name="b"), "invalid offset"),  # two tensors over one another
        ('"a": 5', "invalid type"),
        ("nonsense", "invalid JSON"),
        (_entry(dtype='"F8_E4M3"', shape="[16]"), "a is of type F8_E4M3, which cannot be read"),
    ],
)
def test_damaged_header(tmp_path: Path, header: str, message: str) -> None:
    """Each is refused by the library; none of them gives an array."""
    path, raw = tmp_path / "x.safetensors", b"{" + header.encode() + b"}"
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(16))
    with pytest.raises(InputError, match=message):
        read_safetensors(path)


def test_something_else_named_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"<!DOCTYPE html><title>not found</title>")
    with pytest.raises(InputError, match="no safetensors file: header too large"):
        read_safetensors(path)
    with pytest.raises(InputError, match="cannot read weights"):
        read_safetensors(tmp_path)


# Paddle's pickles


def _pdparams(folder: Path, content: object) -> Path:
    (folder / "config.json").write_text(json.dumps(TINY))
    path = folder / "model_state.pdparams"
    path.write_bytes(pickle.dumps(content, protocol=4))
    return path


def test_pdparams_of_a_state_dict_and_of_lone_tensors(tmp_path: Path) -> None:
    arrays = paddle_from_hub(HUB)
    table = {name: f"linear_{n}.w_0" for n, name in enumerate(arrays)}
    lone = {name: (table[name], array) for name, array in arrays.items()}
    for content in (arrays | {"StructuredToParameterName@@": table}, lone):
        _pdparams(tmp_path, content)
        read, _, vocab, conversion = read_checkpoint(tmp_path)
        _assert_hub(read)
        assert conversion.layout == "paddle" and vocab is None


class _Hostile:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.mark,)  # type: ignore[return-value]


def test_hostile_pdparams_is_refused_and_not_run(tmp_path: Path) -> None:
    path = _pdparams(tmp_path, {"bert.x": _Hostile(tmp_path / "mark")})
    with pytest.raises(InputError, match="cannot read weights safely: refused"):
        read_pdparams(path)
    assert not (tmp_path / "mark").exists()
    pickle.loads(path.read_bytes())  # the control: an ordinary loader does run it
    assert (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "no state dict but list"),
        ({"a": 3}, "a is no tensor but int"),
        ({"a": {"b": np.ones(2)}}, "inside of 'a'"),
        ({"a": {"b": 3}}, "but dict"),
    ],
)
def test_other_pickles_are_refused(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_pdparams(_pdparams(tmp_path, content))
    assert "paddle.save" in str(caught.value)


def test_pdparams_cut_off(tmp_path: Path) -> None:
    path = _pdparams(tmp_path, paddle_from_hub(HUB))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match="cannot read weights safely"):
        read_checkpoint(tmp_path)
    with pytest.raises(InputError, match="cannot read weights: Is a directory"):
        read_pdparams(tmp_path)
