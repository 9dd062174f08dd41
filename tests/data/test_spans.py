"""Recurring span selection: clusters, masking and its invariants."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from repro.data.corpus.passages import pretraining_passage
from repro.data.corpus.relations import template_words
from repro.data.spans import (
    QUESTION,
    Cluster,
    MaskedPassage,
    MaskingLimits,
    mask_spans,
    recurring_spans,
    sentence_numbers,
    words_of,
)

TEXT = "Ada Kelner wrote Blue Door . Blue Door came from Ada Kelner . Kelner lives in Tarby ."
STOP = frozenset("wrote came from lives in".split())
LIMITS = MaskingLimits(frequent_share=1.0)


def check(words: list[str], masked: MaskedPassage) -> None:
    """Everything that must hold between a passage and its masking; raises AssertionError."""
    assert [number for number, word in enumerate(masked.words) if word == QUESTION] == masked.questions
    assert len(masked.answers) == len(masked.questions)
    answers = {}
    for question, (first, last) in zip(masked.questions, masked.answers, strict=True):
        assert 0 <= first <= last < len(masked.words)
        answers[question] = masked.words[first : last + 1]
        assert QUESTION not in answers[question]
    rebuilt = []
    for number, word in enumerate(masked.words):
        rebuilt += answers.get(number, [word])
    assert rebuilt == words
    sentence = sentence_numbers(masked.words)
    asked_in = [sentence[question] for question in masked.questions]
    assert len(set(asked_in)) == len(asked_in)
    assert not {sentence[first] for first, _ in masked.answers} & set(asked_in)


def test_clusters_are_maximal_and_hold_no_stop_word() -> None:
    clusters = recurring_spans(TEXT.split(), STOP)
    assert clusters == [
        Cluster(("Ada", "Kelner"), (0, 10)),
        Cluster(("Kelner",), (1, 11, 13)),
        Cluster(("Blue", "Door"), (3, 6)),
    ]


def test_a_forgotten_stop_word_is_seen() -> None:
    words = "Ada lives here . Ilse lives there .".split()
    assert recurring_spans(words, frozenset({"lives"})) == []
    assert recurring_spans(words, frozenset()) == [Cluster(("lives",), (1, 5))]


def test_occurrences_do_not_overlap() -> None:
    assert recurring_spans("a a a".split(), frozenset()) == [Cluster(("a",), (0, 1, 2))]
    assert Cluster(("a", "a"), (0, 2)) in recurring_spans("a a a a".split(), frozenset())


def test_words_and_sentences() -> None:
    words = words_of("Where was Ada born? In Tarby.")
    assert words == ["Where", "was", "Ada", "born", "?", "In", "Tarby", "."]
    assert sentence_numbers(words) == [0, 0, 0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("hard", [False, True])
def test_invariants_on_generated_passages(hard: bool) -> None:
    rng, stop = Random(3), template_words()
    limits = MaskingLimits()
    questions = 0
    for _ in range(200):
        words = words_of(pretraining_passage(rng, hard=hard))
        masked = mask_spans(words, recurring_spans(words, stop), rng, limits)
        if masked is not None:
            check(words, masked)
            assert len(masked.questions) <= limits.questions
            questions += len(masked.questions)
    assert questions > 200


def test_only_names_and_values_are_masked() -> None:
    rng, stop = Random(4), template_words()
    for _ in range(100):
        words = words_of(pretraining_passage(rng, hard=True))
        assert not any(set(cluster.words) & stop for cluster in recurring_spans(words, stop))


def test_rare_clusters_only_where_frequent_ones_are_not_wanted() -> None:
    words = TEXT.split()
    clusters = [Cluster(("Kelner",), (1, 11, 13))]
    assert mask_spans(words, clusters, Random(0), replace(LIMITS, frequent_share=0.0)) is None
    masked = mask_spans(words, clusters, Random(0), LIMITS)
    assert masked is not None and len(masked.questions) == 2


def test_limits_hold() -> None:
    words = TEXT.split()
    clusters = recurring_spans(words, STOP)
    assert mask_spans(words, clusters, Random(0), replace(LIMITS, clusters=0)) is None
    assert mask_spans(words, clusters, Random(0), replace(LIMITS, questions=0)) is None


def test_same_stream_same_masking() -> None:
    words = TEXT.split()
    clusters = recurring_spans(words, STOP)
    assert mask_spans(words, clusters, Random(7), LIMITS) == mask_spans(words, clusters, Random(7), LIMITS)


@pytest.mark.parametrize("fault", ["answer one word late", "question forgotten", "answer masked as well"])
def test_planted_faults_break_the_invariants(fault: str) -> None:
    words = "Ada wrote Blue Door . Silas read Blue Door .".split()
    masked = mask_spans(words, [Cluster(("Blue", "Door"), (2, 7))], Random(0), LIMITS)
    assert masked is not None
    check(words, masked)
    first, last = masked.answers[0]
    if fault == "answer one word late":
        bad = replace(masked, answers=[(first + 1, last + 1)])
    elif fault == "question forgotten":
        bad = replace(masked, questions=[], answers=[])
    else:
        bad = replace(masked, words=[QUESTION if n == first else word for n, word in enumerate(masked.words)])
    with pytest.raises(AssertionError):
        check(words, bad)
