"""What is read although it looks odd: the right result, and said where something changed."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.checkpoint import read_checkpoint
from repro.checkpoint.tensors import write_safetensors
from repro.config.paths import sha256_file
from repro.errors import InputError
from repro.stages.checks import check_sums
from tests.data.samples import HEADER, document, write_file
from tests.stages.handed_in import CONFIG, TEXT, HandedIn, hub_weights


@pytest.fixture
def files(tmp_path: Path) -> HandedIn:
    return HandedIn(tmp_path)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_floats_become_float32_exactly(files: HandedIn, capsys: pytest.CaptureFixture[str], dtype: str) -> None:
    weights = {name: array.astype(np.float16).astype(np.float32) for name, array in hub_weights().items()}
    if dtype == "bfloat16":
        bits = {name: (array.view(np.uint32) >> 16).astype(np.uint16) for name, array in weights.items()}
        weights = {name: (array.astype(np.uint32) << 16).view(np.float32) for name, array in bits.items()}
        write_safetensors(files.tensors, bits, "pt")
        raw = files.tensors.read_bytes()
        end = 8 + struct.unpack("<Q", raw[:8])[0]
        header = raw[8:end].replace(b'"U16"', b'"BF16"')
        files.tensors.write_bytes(struct.pack("<Q", len(header)) + header + raw[end:])
    else:
        write_safetensors(files.tensors, {name: array.astype(dtype) for name, array in weights.items()}, "pt")
    resolved = files.resolve()
    said = f"55 tensors of {dtype} were converted to float32"
    assert said in resolved.weights.reading and said in capsys.readouterr().out
    files.convert()
    for backend in ("pytorch", "paddle"):
        arrays = read_checkpoint(files.run.checkpoint(backend, "pretrained"))[0]
        assert all(array.dtype == np.float32 for array in arrays.values())
        assert all(np.array_equal(arrays[name], weights[name]) for name in weights)


def test_a_dev_file_with_a_question_without_an_answer(files: HandedIn) -> None:
    write_file(files.dev, HEADER, document(TEXT), document(TEXT, name="none", answer=None))
    assert files.resolve().data.counts["dev"].skipped == 0


@pytest.mark.parametrize("blanks", [1, 9])
def test_one_word_after_blanks(files: HandedIn, blanks: int) -> None:
    place = [blanks, blanks + 3]
    answer = {"text": "king", "char_spans": [place], "token_spans": [[0, 0]]}
    doc = {"context": " " * blanks + "king", "context_tokens": [["king", blanks]]}
    write_file(files.train, HEADER, doc | {"qas": [{"id": "q", "question": "who?", "detected_answers": [answer]}]})
    assert files.resolve().data.counts["train-3-42"].windows == 1


def test_a_byte_order_mark_before_the_header(files: HandedIn) -> None:
    before = files.resolve().data.counts
    for path in (files.dev, files.train):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert files.resolve().data.counts == before


def test_line_separators_in_the_vocabulary_are_no_line_ends(files: HandedIn) -> None:
    words = files.vocab.read_text(encoding="utf-8").split("\n")
    words[110] = "x\u2028y\x0bz"
    files.vocab.write_text("\n".join(words), encoding="utf-8")
    files.resolve()
    files.convert()


def test_gelu_python_is_the_exact_gelu(files: HandedIn) -> None:
    files.set_config(hidden_act="gelu_python")
    files.resolve()
    files.convert()
    assert read_checkpoint(files.run.checkpoint("pytorch"))[1]["hidden_act"] == "gelu"


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_nested_configurations_of_old_paddle_models(files: HandedIn, depth: int) -> None:
    nested: dict[str, Any] = {**CONFIG, "init_class": "BertModel"}
    for level in range(depth):
        nested = {"init_args": [nested, 2], "init_class": f"Model{level}", "num_classes": 2}
    files.config.unlink()
    (files.weights / "model_config.json").write_text(json.dumps(nested))
    files.resolve()
    files.convert()


@pytest.mark.parametrize("line", ["{} *{}", "{}  ./{}", "\n\n{}  {}\r", "# sums\n{}  {}\n"])
def test_forms_of_sha256sum(files: HandedIn, line: str) -> None:
    files.sums.write_text(line.format(sha256_file(files.tensors).upper(), files.tensors.name) + "\n")
    files.resolve()
    files.sums.write_text(line.format("0" * 64, files.tensors.name) + "\n")
    with pytest.raises(InputError, match=r"model\.safetensors is not the file that SHA256SUMS lists"):
        check_sums(files.weights)


def test_special_tokens_first(files: HandedIn) -> None:
    """Their ids reach the configuration of both frameworks, whatever the source's says nothing of."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[QUESTION]"]
    words = [word for word in files.vocab.read_text(encoding="utf-8").split("\n") if word not in special and word]
    files.vocab.write_text("\n".join([*special, *words]) + "\n", encoding="utf-8")
    ids = ("unk", "cls", "sep", "mask", "question")
    files.set_config(**{f"{name}_token_id": None for name in ids})
    assert files.resolve().tokenizer.ids.mask == 4
    files.convert()
    for backend in ("pytorch", "paddle"):
        config = json.loads((files.run.checkpoint(backend) / "config.json").read_text())
        assert [config[f"{name}_token_id"] for name in ids] == [1, 2, 3, 4, 5]
