"""Vocabularies: ids of the special tokens, casing, and those that are refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import BertTokenizer

from repro.data.vocabulary import TOKENIZER_CONFIG, Vocabulary, read_vocabulary
from repro.errors import InputError
from repro.results.inputs import TokenIds
from tests.data.samples import vocabulary

FIRST = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[QUESTION]", "the", "King"]
SCIBERT = ["[PAD]", *(f"[unused{n}]" for n in range(100)), "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "king"]
UNCASED = ["[PAD]", *(f"[unused{n}]" for n in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused99]", "the"]


def written(folder: Path, tokens: list[str], **config: Any) -> Vocabulary:
    path = folder / "vocab.txt"
    path.write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8")
    if config:
        (folder / TOKENIZER_CONFIG).write_text(json.dumps(config))
    return read_vocabulary(path)


def ids(vocabulary: Vocabulary, **config: object) -> TokenIds:
    return vocabulary.special_ids({"vocab_size": len(vocabulary.tokens), **config}, "config.json")


def test_ids_come_from_the_vocabulary(tmp_path: Path) -> None:
    assert ids(written(tmp_path, vocabulary())) == TokenIds()
    assert ids(written(tmp_path, FIRST)) == TokenIds(pad=0, unk=1, cls=2, sep=3, mask=4, question=5)
    assert ids(written(tmp_path, SCIBERT)) == TokenIds(pad=0, unk=101, cls=102, sep=103, mask=104, question=1)
    assert ids(written(tmp_path, UNCASED), sep_token_id=None, question_token_id=None) == TokenIds()
    assert ids(written(tmp_path, SCIBERT), question_token_id=100).question == 100
    assert ids(written(tmp_path, FIRST[:5]), vocab_size=7, question_token_id=6).question == 6  # a row without a token


@pytest.mark.parametrize(
    ("tokens", "config", "message"),
    [
        (FIRST, {"question_token_id": 104}, r"question_token_id is 104, but .* \[QUESTION\] has id 5"),
        (SCIBERT, {"question_token_id": 104}, r"question_token_id is 104, but .* no \[unused…\] entry"),
        (FIRST, {"question_token_id": True}, "question_token_id is True"),
        (SCIBERT, {"question_token_id": 107}, "no further embedding"),
        (FIRST, {"mask_token_id": 103}, r"mask_token_id is 103, but .* \[MASK\] has id 4"),
        (FIRST, {"pad_token_id": 1}, r"pad_token_id is 1, but .* \[PAD\] has id 0"),
        (FIRST[:5], {}, r"neither \[QUESTION\] nor an \[unused…\] entry"),
        (FIRST[1:], {}, r"lacks \[PAD\]"),
        (["\ufeff[PAD]", *FIRST[1:]], {}, r"lacks \[PAD\]; the file begins with a byte order mark"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, tokens: list[str], config: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        ids(written(tmp_path, tokens), **config)
    assert caught.value.where in ("config.json", tmp_path / "vocab.txt")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("odd", ["a\u2028b", "a\x0bb", "\x85", "\x1c", ""])
def test_lines_end_where_the_tokenizers_end_them(tmp_path: Path, end: str, odd: str) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes("".join(f"{token}{end}" for token in [*FIRST, odd, "last"]).encode())
    ours, theirs = read_vocabulary(path), BertTokenizer(str(path))
    assert ours.tokens == [*FIRST, odd, "last"]
    assert ours.ids == dict(theirs.vocab)


def test_casing(tmp_path: Path) -> None:
    assert not written(tmp_path, FIRST).lower_case
    assert written(tmp_path, UNCASED).lower_case  # no capital letter, and nothing says otherwise
    assert not written(tmp_path, UNCASED, do_lower_case=False).lower_case
    both = written(tmp_path, FIRST, do_lower_case=True, strip_accents=False)
    assert (both.lower_case, both.strip_accents) == (True, False)
    assert not written(tmp_path, FIRST, do_lower_case=None).lower_case
    for config in ({"do_lower_case": "no"}, {"tokenize_chinese_chars": False}, {"do_basic_tokenize": False}):
        with pytest.raises(InputError, match=next(iter(config))):
            written(tmp_path, FIRST, **config)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a Git LFS pointer"),
        (b"../.git/annex/objects/xx\n", "a git-annex pointer"),
        (b"\xef\xbb\xbf \n<!DOCTYPE html><title>Not found</title>", "an HTML page"),
        (b"Entry not found", "an error message"),
        (b"[PAD]\n\xff\n", "cannot read the vocabulary"),
        (b"\n\n", "vocabulary is empty"),
        (b"", "vocabulary is empty"),
    ],
)
def test_what_is_no_vocabulary_says_what_it_is(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "vocab.txt"
    with pytest.raises(InputError, match="vocabulary is missing"):
        read_vocabulary(path)
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_vocabulary(path)
    assert caught.value.where == path
