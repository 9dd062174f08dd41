"""What people hand in is right, or refused in stage ``inputs`` with the file and what to do; never found later."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.checkpoint import read_checkpoint
from repro.checkpoint.tensors import read_safetensors, write_safetensors
from repro.config.paths import sha256_file
from repro.errors import InputError
from repro.stages.checks import check_sums
from repro.stages.inputs import is_published
from repro.stages.locate import vocab_files, weights_files
from tests.data.samples import HEADER, document, write_file
from tests.stages.handed_in import CONFIG, TEXT, HandedIn, hub_weights

WORDS = "splinter.embeddings.word_embeddings.weight"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
PAGE = "<!DOCTYPE html>\n<html><title>404</title></html>\n"


@pytest.fixture
def files(tmp_path: Path) -> HandedIn:
    return HandedIn(tmp_path)


def test_the_files_as_they_are(files: HandedIn) -> None:
    resolved = files.resolve()
    assert resolved.warnings == () and resolved.tokenizer.ids.question == 104
    counts = resolved.data.counts["dev"]
    assert (counts.examples, counts.skipped, counts.windows) == (3, 0, 3)
    files.convert()


# Each: what is done to the files, the file at fault, and the message.
def surrogate(files: HandedIn) -> None:
    lines = files.dev.read_text().splitlines()
    lines[2] = lines[2].replace('"king"', '"king\\ud83d"')
    files.dev.write_text("\n".join(lines))


def no_windows(files: HandedIn) -> None:
    write_file(files.dev, HEADER, document("\u200b", answer=None))


def no_answers(files: HandedIn) -> None:
    doc = document(TEXT)
    doc["qas"][0]["detected_answers"][0]["char_spans"] = [[0, 0]]
    write_file(files.train, HEADER, doc)


def unanswerable(files: HandedIn) -> None:
    write_file(files.train, HEADER, document(TEXT, answer=None))


def with_tensor(array: np.ndarray) -> Callable[[HandedIn], None]:
    return lambda files: write_safetensors(files.tensors, hub_weights() | {WORDS: array}, "pt")


def with_number(value: float) -> Callable[[HandedIn], None]:
    words = hub_weights()[WORDS].copy()
    words[3, 1] = value
    return with_tensor(words)


def float8(files: HandedIn) -> None:
    raw = files.tensors.read_bytes()
    end = 8 + struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:end])
    body, offset = b"", 0
    for entry in header.values():
        if "shape" in entry:
            size = int(np.prod(entry["shape"]))
            entry |= {"dtype": "F8_E4M3", "data_offsets": [offset, offset + size]}
            body, offset = body + bytes(size), offset + size
    text = json.dumps(header).encode()
    files.tensors.write_bytes(struct.pack("<Q", len(text)) + text + body)


def content(name: str, text: str) -> Callable[[HandedIn], None]:
    return lambda files: (getattr(files, name).write_text(text), None)[1]


def config(**changes: Any) -> Callable[[HandedIn], None]:
    return lambda files: files.set_config(**changes)


REFUSED: dict[str, tuple[Callable[[HandedIn], None], str, str]] = {
    "lone surrogate": (surrogate, "dev", "half of a surrogate pair .* stands alone"),
    "dev without a window": (no_windows, "dev", "none of the 1 questions can be used: no context has anything"),
    "no answer in its place": (no_answers, "train", "none of the 1 questions can be used: in none is the answer"),
    "nothing to train on": (unanswerable, "train", "no detected answer to train on"),
    "NaN": (with_number(np.nan), "tensors", "word_embeddings.weight holds 1 of .* NaN or infinite"),
    "infinity": (with_number(np.inf), "tensors", "NaN or infinite"),
    "integers": (with_tensor(np.zeros((len(hub_weights()[WORDS]), 8), np.int8)), "tensors", "holds int8"),
    "rounded": (with_tensor(np.full((CONFIG["vocab_size"], 8), 0.1)), "tensors", "that float32 would round"),
    "shape": (with_tensor(np.zeros((3, 8), np.float32)), "tensors", "wrong shape"),
    "float8": (float8, "tensors", "is of type F8_E4M3, which cannot be read"),
    "positions": (config(max_position_embeddings=64), "tensors", "wrong shape"),
    "relative positions": (config(position_embedding_type="relative_key"), "config", "positions are absolute|absolute"),
    "epsilon": (config(layer_norm_eps="1e-12"), "config", "layer_norm_eps must be a number"),
    "layers": (config(num_hidden_layers=10**9), "config", "more than any model has"),
    "dropout": (config(hidden_dropout_prob=1), "config", "hidden_dropout_prob must be a number from 0 to below 1"),
    "style": (config(initializer_style="other"), "config", "no initializer style 'other'"),
    "id": (config(question_token_id=104.0), "config", "question_token_id must be a token's number"),
    "another question token": (config(question_token_id=7), "config", r"\[QUESTION\] has id 104"),
    "another mask": (config(mask_token_id=4), "config", r"mask_token_id is 4, but .* \[MASK\] has id 103"),
    "NaN in the configuration": (content("config", '{"a": NaN}'), "config", "cannot read the configuration"),
    "deep configuration": (content("config", "[" * 100_000), "config", "not valid JSON"),
    "casing": (content("tokenizer", '{"do_lower_case": "no"}'), "tokenizer", "do_lower_case is 'no'"),
    "vocabulary without marks": (content("vocab", "a\nb\n"), "vocab", r"lacks \[PAD\]"),
    "sums": (content("sums", "nonsense\n"), "sums", "no line of sha256sum"),
    "sums of no file": (
        content("sums", f"{'0' * 64}  {'x' * 9000}\n"),
        "weights",
        "not the file that SHA256SUMS lists",
    ),
    "recipe": (content("recipe", "start: ["), "recipe", "cannot read the recipe"),
    **{f"pointer: {name}": (content(name, POINTER), name, "a Git LFS pointer") for name in ("dev", "vocab", "config")},
    **{f"page: {name}": (content(name, PAGE), name, "an HTML page") for name in ("train", "vocab", "tokenizer")},
    "pointer: weights": (content("tensors", POINTER), "tensors", "a Git LFS pointer"),
    "page: weights": (content("tensors", PAGE), "tensors", "an HTML page"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_the_file(files: HandedIn, case: str) -> None:
    damage, culprit, message = REFUSED[case]
    damage(files)
    with pytest.raises(InputError, match=message) as caught:
        files.resolve()
    assert str(getattr(files, culprit)) in str(caught.value) and caught.value.exit_code == 2
    assert not files.run.inputs.exists()


def test_windows_longer_than_the_model_are_refused(files: HandedIn) -> None:
    with pytest.raises(InputError, match="the model has 80 positions, a window 96"):
        files.resolve(features__max_seq_length=96)


def test_a_protocol_that_would_train_on_nothing_is_refused(files: HandedIn) -> None:
    write_file(files.train, HEADER, document(TEXT))
    with pytest.raises(InputError, match="leaves such batches out") as caught:
        files.resolve(protocol="published")
    assert str(files.train) in str(caught.value)
    files.resolve()
    write_file(files.train, HEADER, document(TEXT), document(TEXT, name="q2"))
    files.resolve(protocol="published")


def test_dropped_examples_are_counted(files: HandedIn, capsys: pytest.CaptureFixture[str]) -> None:
    docs = [document(TEXT, name=str(number)) for number in range(16)]
    for doc in docs[1:]:
        doc["qas"][0]["detected_answers"][0]["char_spans"] = [[0, 0]]
    write_file(files.train, HEADER, *docs)
    resolved = files.resolve()
    counts = resolved.data.counts["train-16-42"]
    assert (counts.examples, counts.skipped, counts.windows) == (16, 15, 1)
    (warning,) = resolved.warnings
    assert warning.startswith("train.jsonl: 15 of 16 examples are left out") and warning in capsys.readouterr().out


def test_unknown_words_are_named(files: HandedIn, capsys: pytest.CaptureFixture[str]) -> None:
    write_file(files.dev, HEADER, document("the king ж ж ж ж", name="q"))
    resolved = files.resolve()
    (warning,) = resolved.warnings
    assert "dev.jsonl: 4 of" in warning and "are [UNK]" in warning and warning in capsys.readouterr().out


def test_lower_case_for_a_vocabulary_with_capitals_is_named(files: HandedIn) -> None:
    files.tokenizer.write_text(json.dumps({"do_lower_case": True}))
    resolved = files.resolve()
    assert resolved.tokenizer.lower_case and "entries of the vocabulary hold capital letters" in resolved.warnings[0]


# What is read although it looks odd.


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
    assert files.resolve().data.counts["train-16-42"].windows == 1


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
        written = json.loads((files.run.checkpoint(backend) / "config.json").read_text())
        assert [written[f"{name}_token_id"] for name in ids] == [1, 2, 3, 4, 5]


def test_weights_are_hashed_once(files: HandedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    files.sums.write_text(f"{sha256_file(files.tensors)}  {files.tensors.name}\n")
    hashed: list[Path] = []

    def counting(path: Path) -> str:
        hashed.append(path)
        return sha256_file(path)

    monkeypatch.setattr("repro.results.inputs.sha256_file", counting)
    monkeypatch.setattr("repro.stages.checks.sha256_file", counting)
    files.resolve()
    assert hashed.count(files.tensors) == 1
    assert read_safetensors(files.tensors)


@pytest.mark.needs_shared
def test_published_files_are_known_by_their_content(tmp_path: Path, shared: Path) -> None:
    name = "squad-train-seed-42-num-examples-16_qass.jsonl"
    assert is_published(shared / "squad-few-shot" / name)
    (tmp_path / name).write_bytes((shared / "squad-few-shot" / name).read_bytes() + b"\n")
    assert not is_published(tmp_path / name)


def test_the_casing_is_part_of_what_the_tasks_depend_on(files: HandedIn) -> None:
    elsewhere = files.folder / "vocab.txt"
    elsewhere.write_bytes(files.vocab.read_bytes())
    beside = [files.vocab, files.tokenizer]
    assert vocab_files(files.profile(), files.weights) == beside and files.tokenizer in weights_files(files.weights)
    assert vocab_files(files.profile(weights__vocab=elsewhere), files.weights) == [elsewhere]
