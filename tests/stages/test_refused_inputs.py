"""What people hand in is right, or refused in stage ``inputs`` with the file and what to do; never found later."""

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.checkpoint.tensors import read_safetensors, write_safetensors
from repro.config.paths import sha256_file
from repro.errors import EnvironmentFault, InputError
from repro.fetch import WEIGHTS
from repro.fetch.verify import verify
from repro.results.inputs import NOT_VERIFIED
from repro.stages.inputs import is_published
from repro.stages.locate import check_inputs, vocab_files, weights_files
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


def counts(files: HandedIn) -> None:
    files.vocab.write_text("".join(f"{word}\t7\n" for word in files.vocab.read_text().splitlines()))


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
    "vocabulary with counts": (counts, "vocab", "its lines hold more than a word piece"),
    "sums": (content("sums", "nonsense\n"), "sums", "no line of sha256sum"),
    "sums of no file": (
        content("sums", f"{'0' * 64}  {'x' * 9000}\n"),
        "weights",
        "not the file that SHA256SUMS lists",
    ),
    "recipe": (content("recipe", "start: ["), "recipe", "not YAML"),
    "aliases in the recipe": (content("recipe", "a: &a [x]\nstart: *a"), "recipe", "aliases are not allowed"),
    "decoder": (config(is_decoder=True), "config", "is_decoder is True"),
    "heads": (config(num_attention_heads=3), "config", "does not divide into 3 heads"),
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
    resolved = files.resolve(alignment__size=16)
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


def test_a_file_of_another_size_and_two_files_of_the_same_bytes_are_named(files: HandedIn) -> None:
    """Both would fill a table with numbers that are not what its columns say."""
    resolved = files.resolve(alignment__size=16, data__dev="train.jsonl")
    size, same = resolved.warnings
    assert size == "train.jsonl: it holds 3 examples, and stands for 16 in every table."
    assert same.startswith("The files of dev, train-16-42 hold the same bytes")


def test_seeded_weights_without_room_for_them(files: HandedIn) -> None:
    geometry = {**CONFIG, "hidden_size": 1 << 23}
    changes = {"weights__path": None, "weights__source": "seeded", "weights__vocab": files.vocab}
    with pytest.raises(EnvironmentFault, match=r"takes .* GiB of memory, there are .*\n  where: weights.geometry"):
        files.resolve(**changes, weights__geometry=geometry)


def test_weights_by_path_are_the_published_ones_only_if_their_bytes_are(
    files: HandedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRO_CACHE", str(files.folder / "cache"))
    resolved = files.resolve(weights__source="fetched")
    assert NOT_VERIFIED in resolved.warnings and not resolved.weights.published
    verify(WEIGHTS[-1], files.tensors, where="here")  # records what was fetched
    resolved = files.resolve(weights__source="fetched")
    assert resolved.weights.published and resolved.warnings == ()


@pytest.mark.parametrize("kind", ["folder", "pipe", "loop", "link to nothing"])
def test_what_is_no_file_is_named(files: HandedIn, kind: str) -> None:
    files.dev.unlink()
    if kind == "folder":
        files.dev.mkdir()
    elif kind == "pipe":
        os.mkfifo(files.dev)
    else:
        files.dev.symlink_to(files.dev if kind == "loop" else "nowhere")
    with pytest.raises(InputError, match=r"this is no file but a (folder|pipe|link to nothing)") as caught:
        check_inputs(files.run, files.profile())
    assert caught.value.where == files.dev
    if kind == "folder":
        files.dev.rmdir()
    else:
        files.dev.unlink()


def test_a_file_for_the_folder_and_a_folder_for_the_notes(files: HandedIn) -> None:
    with pytest.raises(InputError, match="this is a file, not the folder"):
        check_inputs(files.run, files.profile(data__directory=files.dev))
    evidence = {"evidence.source": "path", "evidence.directory": files.data, "evidence.notes": files.data}
    with pytest.raises(InputError, match="no such file of alignment notes"):
        check_inputs(files.run, files.profile(**evidence))


def test_a_folder_that_may_not_be_looked_into_is_named(files: HandedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(files.dev))

    monkeypatch.setattr("repro.stages.locate.split_paths", refused)
    with pytest.raises(InputError, match="this user may not look into a folder on the way to this file") as caught:
        check_inputs(files.run, files.profile())
    assert caught.value.where == str(files.dev)
