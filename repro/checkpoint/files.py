"""Checkpoint folders: weights, ``config.json`` and vocabulary, in any layout."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from repro.checkpoint.geometry import ModelConfig, check_config, config_for
from repro.checkpoint.layouts import Conversion, as_float32, from_hub, to_hub
from repro.checkpoint.names import Layout
from repro.checkpoint.tensors import read_pdparams, read_safetensors, write_safetensors
from repro.config.paths import atomic_bytes, atomic_json
from repro.data.vocabulary import TOKENIZER_CONFIG, read_vocabulary
from repro.errors import InputError
from repro.numerics.arrays import Arrays
from repro.untrusted.text import read_object, refuse_stand_in

BinReader = Callable[[Path], Arrays]

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
VOCAB = "vocab.txt"
# In order of preference where several lie in one folder.
WEIGHT_FILES = (WEIGHTS, "pytorch_model.bin", "model_state.pdparams")
CONFIG_FILES = (CONFIG, "model_config.json")


def find_weights(path: Path) -> Path:
    """The weights file of a checkpoint folder, or the file itself.

    Raises:
        InputError: there is none.
    """
    if path.is_file():
        return path
    for name in WEIGHT_FILES:
        if (path / name).is_file():
            return path / name
    if not path.exists():
        raise InputError("no such checkpoint", where=path, next_step="name a folder with weights, or a file of weights")
    if not path.is_dir():
        what = f"weights are in a file or a folder, and this is {kind_of(path)}"
        raise InputError(what, where=path, next_step="save it as a file first")
    names = sorted(p.name for p in path.iterdir())
    if index := next((name for name in names if name.endswith(".index.json")), None):
        what = f"the weights are split over several files ({index}), which are not read"
        next_step = "save them as one: model.save_pretrained(DIR, max_shard_size='100GB')"
        raise InputError(what, where=path, next_step=next_step)
    there, known = ", ".join(names[:8]) or "nothing", ", ".join(WEIGHT_FILES)
    next_step = f"it needs one of: {known}; or name the file itself"
    raise InputError(f"no weights in this folder; there is: {there}", where=path, next_step=next_step)


def kind_of(path: Path) -> str:
    """What lies at a path where a file was to be, in words."""
    if path.is_symlink() and not path.exists():
        return "a link to nothing"
    if path.is_dir():
        return "a folder"
    return "a file" if path.is_file() else "a pipe, socket or device"


def config_file(folder: Path) -> Path:
    """The configuration of a checkpoint folder. Raises InputError if there is none."""
    path = next((folder / name for name in CONFIG_FILES if (folder / name).is_file()), None)
    if path is None:
        raise InputError("no config.json beside the weights", where=folder, next_step="put the model's there")
    return path


def stated_config(folder: Path) -> dict[str, object]:
    """What ``config.json`` (or Paddle's ``model_config.json``) of a checkpoint folder says, unchecked.

    Old Paddle models nest the arguments of each class in a list ``init_args`` of the next one's; the inner ones count.

    Raises:
        InputError: there is none, or it is no JSON object.
    """
    content = read_object(config_file(folder), "configuration")
    while isinstance(nested := content.pop("init_args", None), list | dict):
        inner = nested if isinstance(nested, dict) else next((part for part in nested if isinstance(part, dict)), {})
        content |= inner
    content.pop("init_class", None)
    return content


def read_config(folder: Path) -> ModelConfig:
    """``stated_config``, checked and with defaults filled in.

    Raises:
        InputError: there is none, it is not JSON, or it does not describe a BERT.
    """
    return check_config(stated_config(folder), config_file(folder))


def _check_vocab(vocab: Path, embeddings: int) -> None:
    lines = len(read_vocabulary(vocab).tokens)
    if lines > embeddings:
        what = f"vocabulary has {lines} entries, the model {embeddings} word embeddings"
        raise InputError(what, where=vocab, next_step="does it belong to these weights? Empty lines count as entries")


def _read_arrays(weights: Path, bin_reader: BinReader | None) -> Arrays:
    refuse_stand_in(weights)
    with weights.open("rb") as file:
        head = file.read(9)
    is_zip = head.startswith(b"PK\x03\x04")
    if is_zip and weights.suffix in (".safetensors", ".pdparams"):
        what = f"{weights.name} holds what torch.save writes"
        raise InputError(what, where=weights, next_step="rename it to pytorch_model.bin")
    # by content as well: the length of a header, then JSON
    if weights.suffix == ".safetensors" or (
        head[8:] == b"{" and int.from_bytes(head[:8], "little") < weights.stat().st_size
    ):
        return read_safetensors(weights)
    if weights.suffix == ".pdparams":
        return read_pdparams(weights)
    if weights.suffix not in (".bin", ".pt", ".pth"):
        next_step = "known are .safetensors, .bin and .pdparams"
        raise InputError(f"weights of an unknown kind: {weights.name}", where=weights, next_step=next_step)
    if bin_reader is None:
        raise InputError(
            "a .bin file can be read only where PyTorch is installed",
            where=weights,
            next_step="convert it first: repro convert SRC DST --to hub",
        )
    return bin_reader(weights)


def read_checkpoint(
    path: Path, head_seed: int | None = None, bin_reader: BinReader | None = None
) -> tuple[Arrays, ModelConfig, Path | None, Conversion]:
    """Read a checkpoint of any layout.

    Args:
        path: folder with ``model.safetensors``, ``pytorch_model.bin`` or ``model_state.pdparams``, or one
            such file with ``config.json`` beside it.
        head_seed: seed of the new QASS head that an encoder-only checkpoint gets.
        bin_reader: reads a ``.bin`` file (``repro.backends.pytorch.weights.read_weights``); this layer imports no
            framework.

    Returns:
        hub arrays in float32, configuration with defaults filled in, ``vocab.txt`` beside the weights or None, and how
        it was read.

    Raises:
        InputError: a file is missing, cut off, malformed or only a pointer; the tensors do not fit names or
            configuration; or float32 does not hold one exactly.
    """
    weights = find_weights(path)
    config = read_config(weights.parent)
    vocab = weights.parent / VOCAB
    if vocab.is_file():
        _check_vocab(vocab, config["vocab_size"])
    arrays = _read_arrays(weights, bin_reader)
    try:
        conversion = as_float32(to_hub(arrays, config, head_seed=head_seed))
    except InputError as error:
        raise InputError(error.what, where=weights, next_step=error.next_step) from error
    return conversion.arrays, config, vocab if vocab.is_file() else None, conversion


def write_checkpoint(
    folder: Path, arrays: Mapping[str, np.ndarray], config: Mapping[str, object], vocab: Path | None, layout: Layout
) -> None:
    """Write hub arrays in one layout as ``model.safetensors``, ``config.json`` and ``vocab.txt``.

    Old weights are removed first and the new ones written last, so that a folder with weights is always complete.

    Raises:
        InputError: the tensors or the vocabulary do not fit the configuration.
    """
    converted = from_hub(arrays, config, layout)
    checked = check_config(config)
    words: dict[str, bytes] = {}
    if vocab is not None:
        _check_vocab(vocab, checked["vocab_size"])
        casing = vocab.with_name(TOKENIZER_CONFIG)
        words = {VOCAB: vocab.read_bytes()} | ({TOKENIZER_CONFIG: casing.read_bytes()} if casing.is_file() else {})
    for name in (WEIGHTS, TOKENIZER_CONFIG):
        (folder / name).unlink(missing_ok=True)
    for name, content in words.items():
        atomic_bytes(folder / name, content)
    atomic_json(folder / CONFIG, config_for(checked, layout))
    write_safetensors(folder / WEIGHTS, converted, "pd" if layout == "paddle" else "pt")
