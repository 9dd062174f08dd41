"""MRQA as all its data sets are shipped: long contexts, marks inside texts, answers in several places, id or qid."""

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.data.candidates import best_answers
from repro.data.features import make_features
from repro.data.metric import squad_metric
from repro.data.mrqa import Example, read_examples
from repro.data.vocabulary import read_vocabulary
from tests.data.oracle import differing, expected_answers, expected_features, load_tokenizer
from tests.data.samples import HEADER, vocabulary, write_file, write_vocabulary
from tests.data.test_candidates import as_file, draw_logits
from tests.data.test_metric import theirs

SIZES = {"max_seq_length": 384, "doc_stride": 128, "max_query_length": 20}
LIMITS: dict[str, Any] = {"n_best": 20, "max_answer_length": 10}
WORDS = (
    "The king was born in 1918 near a great River , who where é 中国 Él (18) 3–4 kings' a\u0301 \u200b ﬁ U.S.".split()
)
MARKS = ["[PAR]", "[DOC]", "[TLE]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "##ing"]


def mrqa_document(generator: random.Random, number: int, length: int, key: str) -> dict[str, Any]:
    """A context of so many words, some apart by several blanks, and three questions with answers in several places."""
    words: list[Any] = []
    place = generator.choice([0, 0, 3])
    for index in range(length):
        mark = index % 40 == 0 or generator.random() < 0.02
        words.append([generator.choice(MARKS if mark else WORDS), place])
        place += len(words[-1][0]) + generator.choice([0, 1, 1, 1, 1, 4])
    text = [" "] * place
    for word, start in words:
        text[start : start + len(word)] = word
    qas = []
    for question in range(3):
        detected = []
        for _ in range(generator.choice([1, 2, 4])):
            spans = [
                sorted((first, min(first + generator.randrange(4), length - 1))) for first in _draw(generator, length)
            ]
            chars = [[words[a][1], words[b][1] + len(words[b][0]) - 1] for a, b in spans]
            answer = " ".join(word for word, _ in words[spans[0][0] : spans[0][1] + 1])
            detected.append({"text": answer, "token_spans": spans, "char_spans": chars})
        asked = " ".join(generator.choices(WORDS + MARKS[:4], k=generator.choice([3, 30])))
        qas.append({key: f"{number}-{question}", "question": asked, "detected_answers": detected, "answers": []})
    return {"id": "", "context": "".join(text), "context_tokens": words, "qas": qas}


def _draw(generator: random.Random, length: int) -> list[int]:
    return [generator.randrange(length) for _ in range(generator.choice([1, 3]))]


def original_place(document: dict[str, Any], answer: dict[str, Any]) -> tuple[str, int, int]:
    """Text, first and last word of an answer by the original's table with one entry for each character."""
    words = document["context_tokens"]
    starts = [0, *(start for _, start in words[1:]), words[-1][1] + len(words[-1][0])]
    table = [number for number, (low, high) in enumerate(pairwise(starts)) for _ in range(low, high)]
    first, last = answer["token_spans"][0]
    text = " ".join(word for word, _ in words[first : last + 1])
    place = answer["char_spans"][0][0]
    return text, table[place], table[min(place + len(text) - 1, len(table) - 1)]


def documents(key: str) -> list[dict[str, Any]]:
    generator = random.Random(7)
    return [mrqa_document(generator, number, length, key) for number, length in enumerate((1, 7, 300, 1200))]


@pytest.mark.parametrize("key", ["id", "qid"])
def test_examples_are_the_originals(tmp_path: Path, key: str) -> None:
    file = write_file(tmp_path / "few.jsonl", HEADER, *documents(key))
    training, evaluation = (read_examples(file, training=training) for training in (True, False))
    questions = [(document, qa) for document in documents(key) for qa in document["qas"]]
    assert len(training) == len(evaluation) == len(questions)
    for train, dev, (document, qa) in zip(training, evaluation, questions, strict=True):
        assert train.qas_id == dev.qas_id == qa.get("id", qa.get("qid"))
        assert train.doc_tokens == dev.doc_tokens == tuple(word for word, _ in document["context_tokens"])
        place = original_place(document, qa["detected_answers"][0])
        assert (train.answer_text, train.start_position, train.end_position) == place
        assert dev.answers == tuple(original_place(document, answer)[0] for answer in qa["detected_answers"])


@pytest.mark.parametrize("lower_case", [False, True])
def test_features_candidates_and_metric_are_the_originals(tmp_path: Path, lower_case: bool) -> None:
    file = write_file(tmp_path / "few.jsonl", HEADER, *documents("qid"))
    vocab = write_vocabulary(tmp_path)
    tokenizer = load_tokenizer(vocab, lower_case)
    for training in (True, False):
        examples = read_examples(file, training=training)
        features = make_features(examples, tokenizer, training=training, **SIZES)
        assert differing(features, expected_features(examples, tokenizer, training=training, **SIZES)) == []
        assert len(features) > 40
    start, end = draw_logits("normal", 5, features.input_ids.shape)
    tokens = read_vocabulary(vocab).tokens
    predictions, nbest = best_answers(examples, features, start, end, tokens, lower_case=lower_case, **LIMITS)
    expected, expected_file = expected_answers(examples, tokenizer, (start, end), LIMITS, **SIZES)
    assert predictions == expected and as_file(nbest) == expected_file
    assert squad_metric(examples, predictions) == theirs(examples, expected)


def test_lower_case_changes_the_answers_text(tmp_path: Path) -> None:
    """What a comparison without the casing would miss: the text of tokens in lower case is found in its words."""
    tokenizer = load_tokenizer(write_vocabulary(tmp_path), lower_case=True)
    king = Example("q", "who ? [MASK].", ("The", "KING"))
    features = make_features([king], tokenizer, training=False, **SIZES)
    start = np.zeros(features.input_ids.shape)
    start[0, features.token_to_word[0] == 1] = 9.0
    answers = [
        best_answers([king], features, start, start, vocabulary(), lower_case=lower)[0] for lower in (False, True)
    ]
    assert answers[1] == {"q": "KING"}
