"""Answers and n-best lists equal ``compute_predictions_logits``, to the last digit of its file."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers.data.metrics.squad_metrics import get_final_text

from repro.data.basic_tokenizer import split_word
from repro.data.candidates import best_answers, best_indexes, final_text
from repro.data.features import Features, make_features
from repro.data.mrqa import Example, read_examples
from repro.errors import InputError
from tests.data.oracle import expected_answers
from tests.data.samples import evaluation_examples, lengths, vocabulary, words
from tests.draws import draws

SHORT = {"max_seq_length": 24, "doc_stride": 7, "max_query_length": 6}
PAPER = {"max_seq_length": 384, "doc_stride": 128, "max_query_length": 64}
KING = Example("q1", "who ? [MASK].", ("the", "king", "(1918)", "was", "born", "in", "rivers", ".", "king's"))
QUESTIONS = [KING, replace(KING, qas_id="q2", doc_tokens=KING.doc_tokens * 4)]

# Few distinct values make many ties; infinities and NaN come from runs that went wrong.
SCORES = {
    "ties": [0.0, -0.0, 1.0, 2.5],
    "float32": [0.1, 0.2, 0.3, 1e-8, -7.7, 12.345678, 88.0],
    "extreme": [-10000.0, 10000.0, 1e30, -1e30, float("inf"), float("-inf")],
    "nan": [float("nan"), 1.0, 2.0, float("-inf")],
}
kinds = st.sampled_from(["normal", *SCORES])


def draw_logits(kind: str, seed: int, shape: tuple[int, ...], dtype: str = "float32") -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    both = (2, *shape)
    scores = generator.normal(size=both) if kind == "normal" else generator.choice(SCORES[kind], both)
    start, end = scores.astype(dtype)
    return start, end


def as_file(nbest: dict[str, Any]) -> str:
    return json.dumps(nbest, indent=4) + "\n"


@settings(max_examples=draws(80), deadline=None)
@given(
    examples=evaluation_examples(),
    sizes=lengths,
    logits_of=st.tuples(kinds, st.integers(0, 2**32), st.sampled_from(["float32", "float64"])),
    limits=st.fixed_dictionaries(
        {"n_best": st.sampled_from([1, 3, 20, 100]), "max_answer_length": st.sampled_from([1, 4, 10])}
    ),
)
def test_equal_to_transformers(
    tokenizer: Any,
    examples: list[Example],
    sizes: dict[str, int],
    logits_of: tuple[str, int, str],
    limits: dict[str, Any],
) -> None:
    features = make_features(examples, tokenizer, training=False, **sizes)
    kind, seed, dtype = logits_of
    logits = draw_logits(kind, seed, features.input_ids.shape, dtype)
    predictions, nbest = best_answers(examples, features, logits[0], logits[1], vocabulary(), **limits)
    expected, expected_file = expected_answers(examples, tokenizer, logits, limits, **sizes)
    assert predictions == expected and list(predictions) == list(expected)
    assert as_file(nbest) == expected_file


def test_question_without_candidate_is_answered_empty(tokenizer: Any) -> None:
    features = features_of([KING], tokenizer)
    start = np.zeros(features.input_ids.shape)
    predictions, nbest = best_answers([KING], features, start, start, vocabulary(), n_best=1)
    assert predictions == {"q1": "empty"}
    assert nbest == {"q1": [{"text": "empty", "probability": 1.0, "start_logit": 0.0, "end_logit": 0.0}]}


def test_example_without_a_window_does_not_move_the_others(tokenizer: Any) -> None:
    """``transformers`` numbers only examples that have windows, and would answer the next question here."""
    blank = replace(KING, qas_id="q0", doc_tokens=("\u00ad",))
    features = features_of([blank, KING], tokenizer)
    start, end = draw_logits("normal", 1, features.input_ids.shape)
    alone, _ = best_answers([KING], features_of([KING], tokenizer), start, end, vocabulary())
    both, _ = best_answers([blank, KING], features, start, end, vocabulary())
    assert both == {"q0": "empty", **alone}


def features_of(examples: list[Example], tokenizer: Any) -> Features:
    return make_features(examples, tokenizer, training=False, **SHORT)


@pytest.mark.parametrize("fault", ["max_context", "token_to_word", "token_counts", "example_index", "tie", "length"])
def test_comparison_catches_planted_fault(tokenizer: Any, fault: str) -> None:
    features = features_of(QUESTIONS, tokenizer)
    kind = "ties" if fault == "tie" else "normal"
    start, end = draw_logits(kind, 3, features.input_ids.shape)
    limits: dict[str, Any] = {"n_best": 20, "max_answer_length": 4}
    expected = expected_answers(QUESTIONS, tokenizer, (start, end), limits, **SHORT)[1]
    assert as_file(best_answers(QUESTIONS, features, start, end, vocabulary(), **limits)[1]) == expected
    words_of_tokens = features.token_to_word
    wrong = {
        "max_context": np.ones_like(features.max_context),
        "token_to_word": np.where(words_of_tokens > 0, words_of_tokens - 1, words_of_tokens),
        "token_counts": features.token_counts - 3,
        "example_index": 1 - features.example_index,
    }
    if fault == "tie":
        start = start + np.linspace(0, 1e-6, start.shape[1], dtype=start.dtype)
    elif fault == "length":
        limits["max_answer_length"] += 1
    else:
        features = replace(features, **{fault: wrong[fault]})
    assert as_file(best_answers(QUESTIONS, features, start, end, vocabulary(), **limits)[1]) != expected


def test_sums_are_made_in_float64(tokenizer: Any) -> None:
    """In float32 the two spans would be equal, and the order another."""
    features = features_of([KING], tokenizer)
    start = np.full(features.input_ids.shape, -1e4, dtype=np.float32)
    end = start.copy()
    first = int(np.flatnonzero(features.token_to_word[0] == 0)[0])
    start[0, first], end[0, first], end[0, first + 1] = 1.0, 1e-9, 2e-9
    predictions, _ = best_answers([KING], features, start, end, vocabulary())
    assert predictions["q1"] == "the king"


def test_logits_of_another_shape_and_a_vocabulary_too_small_are_refused(tokenizer: Any) -> None:
    features = features_of([KING], tokenizer)
    with pytest.raises(InputError, match="start logits"):
        best_answers([KING], features, np.zeros((1, 3)), np.zeros((1, 3)), vocabulary())
    logits = np.zeros(features.input_ids.shape)
    with pytest.raises(InputError, match="beyond the 3 tokens"):
        best_answers([KING], features, logits, logits, ["a", "b", "c"])


@settings(max_examples=draws(80), deadline=None)
@given(st.lists(st.sampled_from([0.0, -0.0, 1.0, 2.0, np.nan, np.inf]), min_size=1, max_size=40), st.integers(1, 45))
def test_best_indexes_order_equals_sorted(scores: list[float], count: int) -> None:
    expected = [i for i, _ in sorted(enumerate(scores), key=lambda pair: pair[1], reverse=True)][:count]
    assert best_indexes(np.array([scores]), count)[0].tolist() == expected


@st.composite
def aligned_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Words, and a token text that is theirs, a part of theirs, or something else."""
    original = draw(st.lists(words, min_size=1, max_size=5))
    whole = " ".join(token for word in original for token in split_word(word))
    low = draw(st.integers(0, len(whole)))
    high = draw(st.integers(low, len(whole)))
    return draw(st.one_of(st.just(whole), st.just(whole[low:high]), st.text(max_size=4))), original


@settings(max_examples=draws(150), deadline=None)
@given(aligned_texts())
@example(("steve smith", ["steve", "smith's"]))
@example(("", [" king"]))
@example(("", [""]))
@example((" king", ["the", "king"]))
@example(("é", ["xe\u0301", "é"]))
def test_final_text_equals_transformers(case: tuple[str, list[str]]) -> None:
    predicted, original = case
    assert final_text(predicted, original) == get_final_text(predicted, " ".join(original), False)


@pytest.mark.needs_shared
@pytest.mark.parametrize("kind", ["normal", "ties"])
def test_real_questions_equal_transformers(shared: Path, published_tokenizer: Any, kind: str) -> None:
    examples = read_examples(shared / "squad-few-shot" / "dev_qass_50.jsonl", training=False)[::7]
    features = make_features(examples, published_tokenizer, training=False, **PAPER)
    logits = draw_logits(kind, 5, features.input_ids.shape)
    tokens = published_tokenizer.convert_ids_to_tokens(range(published_tokenizer.vocab_size))
    predictions, nbest = best_answers(examples, features, *logits, tokens)
    limits = {"n_best": 20, "max_answer_length": 10}
    expected, file = expected_answers(examples, published_tokenizer, logits, limits, **PAPER)
    assert predictions == expected and as_file(nbest) == file
