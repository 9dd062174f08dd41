"""An uncased vocabulary with its special tokens first: both frameworks' features are ``transformers``' own."""

import json
import random
import string
from pathlib import Path
from typing import Any

import pytest
from transformers import BertTokenizer

from repro.config.profile import BACKENDS
from repro.data.counts import count_split
from repro.data.features import Features, make_features
from repro.data.mrqa import read_examples
from repro.data.vocabulary import TOKENIZER_CONFIG, read_vocabulary
from tests.data.oracle import differing, expected_features
from tests.data.samples import HEADER, document, write_file
from tests.frameworks import run_in

SIZES = {"max_seq_length": 64, "doc_stride": 24, "max_query_length": 16}
QUESTIONS = 1000
SCRIPT = """
import sys
from pathlib import Path
from repro.backends import load
from repro.data.features import make_features
from repro.data.mrqa import read_examples
folder, backend = Path(sys.argv[1]), sys.argv[2]
sizes = dict(zip(("max_seq_length", "doc_stride", "max_query_length"), map(int, sys.argv[3:])))
tokenizer = load(backend).load_tokenizer(folder / "vocab.txt")
features = make_features(read_examples(folder / "few.jsonl", training=True), tokenizer, training=True, **sizes)
features.save(folder / f"{backend}.npz")
"""
WORDS = "The QUEEN wasn't born in Málaga , ÉTÉ ΣΊΣΥΦΟΣ İstanbul Straße 中国 (1918) £10 10° x-Ray \u212bngstrom".split()
WORDS += ["e\u0301t\u00e9", "A\u0308", "[SEP]", "[sep]", "[MASK]", "ΑΣ", "Σ", "ǅ", "\u1e9e", "a\u00adb"]
SYMBOLS = "αβγδεζηθικλμνξοπρσςτυφχψωß°£中国ǆ"


def vocabulary() -> list[str]:
    """Special tokens first, then single letters and a few whole words, all in lower case without accents."""
    letters = [*string.ascii_lowercase, *string.digits, *SYMBOLS]
    whole = ["the", "queen", "born", "in", "malaga", "ete", "who"]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[QUESTION]"]
    return [*special, *whole, *letters, *(f"##{letter}" for letter in letters), *string.punctuation]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uncased")
    (folder / "vocab.txt").write_text("\n".join(vocabulary()) + "\n", encoding="utf-8")
    (folder / TOKENIZER_CONFIG).write_text(json.dumps({"do_lower_case": True}))
    generator = random.Random(3)
    lines: list[Any] = [HEADER]
    for number in range(QUESTIONS):
        words = generator.choices(WORDS, k=generator.randint(3, 40))
        question = " ".join(generator.choices(WORDS, k=generator.randint(1, 12)))
        lines.append(document(" ".join(words), question, generator.choice(words), str(number)))
    write_file(folder / "few.jsonl", *lines)
    return folder


def features_by(backend: str, folder: Path) -> Features:
    """Features of the file by one backend, in a process of its own."""
    run_in(backend, SCRIPT, folder, backend, *SIZES.values())
    return Features.load(folder / f"{backend}.npz")


@pytest.fixture(scope="module")
def expected(folder: Path) -> Features:
    tokenizer = BertTokenizer.from_pretrained(folder)
    assert tokenizer.do_lower_case
    examples = read_examples(folder / "few.jsonl", training=True)
    return expected_features(examples, tokenizer, training=True, **SIZES)


@pytest.mark.parametrize("backend", BACKENDS)
def test_features_are_the_librarys_own(folder: Path, expected: Features, backend: str) -> None:
    assert differing(features_by(backend, folder), expected) == []
    assert len(expected) > QUESTIONS


def test_a_cased_tokenizer_would_be_noticed(folder: Path, expected: Features) -> None:
    examples = read_examples(folder / "few.jsonl", training=True)
    cased = BertTokenizer(str(folder / "vocab.txt"), do_lower_case=False)
    assert "input_ids" in differing(make_features(examples, cased, training=True, **SIZES), expected)


def test_almost_nothing_is_unknown(folder: Path) -> None:
    counts = count_split(
        read_examples(folder / "few.jsonl", training=True),
        read_vocabulary(folder / "vocab.txt"),
        training=True,
        **SIZES,
    )
    assert counts.unknown < 0.001 * counts.tokens and counts.skipped == 0
