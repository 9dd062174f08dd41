"""Counts made without a framework equal those of the features."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.data.counts import PieceCounter, count_split, pieces_of
from repro.data.features import make_features
from repro.data.mrqa import Example
from repro.data.vocabulary import Vocabulary, read_vocabulary
from tests.data.oracle import load_tokenizer
from tests.data.samples import evaluation_examples, lengths, training_examples, words, write_vocabulary
from tests.draws import draws


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return read_vocabulary(write_vocabulary(tmp_path_factory.mktemp("counts")))


@pytest.fixture(scope="module")
def uncased(vocabulary: Vocabulary) -> Any:
    return load_tokenizer(vocabulary.path, lower_case=True)


def compared(examples: list[Example], vocabulary: Vocabulary, tokenizer: Any, training: bool, sizes: Any) -> None:
    counts = count_split(examples, vocabulary, training=training, **sizes)
    features = make_features(examples, tokenizer, training=training, **sizes)
    assert (counts.examples, counts.windows, counts.skipped) == (len(examples), len(features), len(features.skipped))


@settings(max_examples=100, deadline=None)
@given(examples=st.lists(training_examples(), min_size=1, max_size=3), sizes=lengths)
def test_training_counts(vocabulary: Vocabulary, tokenizer: Any, examples: list[Example], sizes: Any) -> None:
    compared(examples, vocabulary, tokenizer, True, sizes)


@settings(max_examples=100, deadline=None)
@given(examples=evaluation_examples(), sizes=lengths)
def test_evaluation_counts(vocabulary: Vocabulary, tokenizer: Any, examples: list[Example], sizes: Any) -> None:
    compared(examples, vocabulary, tokenizer, False, sizes)


@settings(max_examples=draws(100), deadline=None)
@given(word=words)
def test_pieces_and_unknown_ones_are_the_tokenizers(vocabulary: Vocabulary, tokenizer: Any, word: str) -> None:
    pieces = tokenizer.tokenize(word)
    assert PieceCounter(vocabulary).of_word(word) == (len(pieces), pieces.count("[UNK]"))


@settings(max_examples=draws(100), deadline=None)
@given(word=words)
def test_the_same_in_lower_case(vocabulary: Vocabulary, uncased: Any, word: str) -> None:
    pieces = uncased.tokenize(word)
    lower = Vocabulary(vocabulary.path, vocabulary.tokens, True, None)
    assert PieceCounter(lower).of_word(word) == (len(pieces), pieces.count("[UNK]"))


def test_a_context_counts_once_and_each_question_by_itself(vocabulary: Vocabulary) -> None:
    context = ("the", "king", "ж")
    examples = [Example(str(n), "who? [MASK].", context) for n in range(3)]
    sizes = {"max_seq_length": 20, "doc_stride": 2, "max_query_length": 4}
    counts = count_split(examples, vocabulary, training=False, **sizes)
    assert (counts.tokens, counts.unknown, counts.skipped) == (3 + 3 * 4, 1, 0)


def test_pieces_of_a_token() -> None:
    known = {"play", "##ing", "##s"}
    assert [pieces_of(token, known) for token in ("play", "playings", "player", "x" * 101)] == [1, 3, 0, 0]
