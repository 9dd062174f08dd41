"""The best answer spans of each question, from start and end logits.

Equal to ``transformers``' ``compute_predictions_logits`` and ``get_final_text``
(``data/metrics/squad_metrics.py``) with ``version_2_with_negative=False``: same
candidates, order among equals, texts and probabilities. Logits are added in float64, as there (the original
passes Python floats).
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypedDict

import numpy as np

from repro.data.basic_tokenizer import split_word
from repro.data.features import Features
from repro.data.mrqa import Example
from repro.errors import InputError

NO_CANDIDATE = "empty"
_ROWS_AT_ONCE = 1024


class Answer(TypedDict):
    """One span as the original's n-best file has it; ``probability`` is the softmax over the kept spans."""

    text: str
    probability: float
    start_logit: float
    end_logit: float


class _Spans(NamedTuple):
    """Admissible spans in the order in which the original would list them: (spans,) each."""

    rows: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    start_logits: np.ndarray
    end_logits: np.ndarray


def best_answers(
    examples: Sequence[Example],
    features: Features,
    start_logits: np.ndarray,
    end_logits: np.ndarray,
    tokens_of_ids: Sequence[str],
    *,
    n_best: int = 20,
    max_answer_length: int = 10,
    lower_case: bool = False,
) -> tuple[dict[str, str], dict[str, list[Answer]]]:
    """Text of the best span of every question, and its ``n_best`` spans with different texts.

    Args:
        examples: those of the features.
        features: N windows of T tokens, evaluation.
        start_logits: (N, T), any float dtype.
        end_logits: (N, T), any float dtype.
        tokens_of_ids: vocabulary, id -> token.
        n_best: starts and ends considered in each window, and spans kept for each question.
        max_answer_length: in tokens.
        lower_case: the vocabulary is one for text in lower case.

    Returns:
        question id -> text; question id -> answers, best first. A question without an admissible span gets the text
        ``empty``.

    Raises:
        InputError: logits or vocabulary do not fit the features.
    """
    for name, logits in (("start", start_logits), ("end", end_logits)):
        if logits.shape != features.input_ids.shape:
            raise InputError(f"{name} logits are {logits.shape}, features {features.input_ids.shape}")
    if len(features) and features.input_ids.max() >= len(tokens_of_ids):
        raise InputError(f"features hold ids beyond the {len(tokens_of_ids)} tokens of this vocabulary")
    spans = _admissible(features, start_logits, end_logits, n_best, max_answer_length)
    owners = features.example_index[spans.rows]
    order = np.argsort(owners, kind="stable")
    bounds = np.searchsorted(owners[order], np.arange(len(examples) + 1))
    predictions, nbest = {}, {}
    for index, example in enumerate(examples):
        of_example = _Spans(*(column[order[bounds[index] : bounds[index + 1]]] for column in spans))
        entries = _distinct(example, features, of_example, tokens_of_ids, n_best, lower_case)
        nbest[example.qas_id] = _with_probabilities(entries)
        predictions[example.qas_id] = entries[0][0]
    return predictions, nbest


def _admissible(
    features: Features, start_logits: np.ndarray, end_logits: np.ndarray, n_best: int, max_length: int
) -> _Spans:
    """Spans whose start and end are among the ``n_best`` of their window and that could be an answer."""
    parts = []
    for first in range(0, len(features), _ROWS_AT_ONCE):
        block = slice(first, first + _ROWS_AT_ONCE)
        start_scores = np.asarray(start_logits[block], dtype=np.float64)
        end_scores = np.asarray(end_logits[block], dtype=np.float64)
        columns = np.arange(start_scores.shape[1])
        inside = (features.token_to_word[block] >= 0) & (columns < features.token_counts[block, None])
        starts = best_indexes(start_scores, n_best)  # (rows, n)
        ends = best_indexes(end_scores, n_best)
        start_ok = np.take_along_axis(inside & features.max_context[block], starts, axis=1)
        end_ok = np.take_along_axis(inside, ends, axis=1)
        length = ends[:, None, :] - starts[:, :, None] + 1  # (rows, n, n)
        admissible = start_ok[:, :, None] & end_ok[:, None, :] & (length >= 1) & (length <= max_length)
        row, i, j = np.nonzero(admissible)
        start, end = starts[row, i], ends[row, j]
        parts.append(_Spans(row + first, start, end, start_scores[row, start], end_scores[row, end]))
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return _Spans(none, none, none, none.astype(np.float64), none.astype(np.float64))
    return _Spans(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def best_indexes(scores: np.ndarray, count: int) -> np.ndarray:
    """(rows, min(count, columns)) columns of the highest scores, the lower column first among equals.

    NaN has no place in an order; where there is one, the row is sorted as Python's ``sorted`` sorts it.
    """
    order: np.ndarray = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    for row in np.flatnonzero(np.isnan(scores).any(axis=1)):
        order[row] = descending(scores[row])[:count]
    return order


def descending(scores: np.ndarray) -> list[int]:
    """Positions of (K,) scores, highest first, equal ones in their order, NaN as ``sorted`` leaves it."""
    if np.isnan(scores).any():
        values = scores.tolist()
        return sorted(range(len(values)), key=values.__getitem__, reverse=True)
    positions: list[int] = np.argsort(-scores, kind="stable").tolist()
    return positions


def _distinct(
    example: Example, features: Features, spans: _Spans, tokens_of_ids: Sequence[str], n_best: int, lower_case: bool
) -> list[tuple[str, float, float]]:
    """(text, start logit, end logit) of the best spans; of those with the same text only the best."""
    entries: dict[str, tuple[str, float, float]] = {}
    for row, start, end, start_logit, end_logit in _best_first(spans):
        if len(entries) >= n_best:
            break
        words = features.token_to_word[row, [start, end]].tolist()
        original = example.doc_tokens[words[0] : words[1] + 1]
        ids = features.input_ids[row, start : end + 1].tolist()
        text = final_text(_joined([tokens_of_ids[i] for i in ids]), original, lower_case)
        if text not in entries:
            entries[text] = (text, start_logit, end_logit)
    return list(entries.values()) or [(NO_CANDIDATE, 0.0, 0.0)]


def _best_first(spans: _Spans) -> Iterator[tuple[int, int, int, float, float]]:
    rows, starts, ends, start_logits, end_logits = (column.tolist() for column in spans)
    with np.errstate(invalid="ignore"):  # inf - inf of a run that went wrong is sorted as the NaN that it is
        totals = spans.start_logits + spans.end_logits
    for at in descending(totals):
        yield rows[at], starts[at], ends[at], start_logits[at], end_logits[at]


def _joined(pieces: list[str]) -> str:
    """WordPieces as text, continuations attached."""
    return " ".join(" ".join(pieces).replace(" ##", "").split())


def final_text(predicted: str, words: Sequence[str], lower_case: bool = False) -> str:
    """The part of the context that a predicted text of tokens stands for.

    Characters are matched one to one, blanks of both texts ignored. Where that is impossible (the text does not occur,
    lengths differ, an end on a blank) the whole text of the words is the answer.

    Args:
        predicted: tokens joined, single blanks.
        words: words of the context that the tokens belong to.
        lower_case: the tokens are in lower case, without accents.
    """
    original = " ".join(words)
    tokenised = " ".join([token for word in words for token in split_word(word, lower_case)])
    first = tokenised.find(predicted)
    if first < 0 or not predicted:
        return original
    places = [place for place, char in enumerate(original) if char != " "]
    if len(places) != len(tokenised) - tokenised.count(" "):
        return original
    last = first + len(predicted) - 1
    if tokenised[first] == " " or tokenised[last] == " ":
        return original
    before = first - tokenised.count(" ", 0, first)
    inside = len(predicted) - predicted.count(" ")
    return original[places[before] : places[before + inside - 1] + 1]


def _with_probabilities(entries: list[tuple[str, float, float]]) -> list[Answer]:
    """Softmax over the kept spans, summed from the best down, on which the last digits depend."""
    totals = [start + end for _, start, end in entries]
    highest = max(totals)
    exponentials = [math.exp(total - highest) for total in totals]
    whole = 0.0
    for value in exponentials:  # not sum(): Python 3.12 compensates it
        whole += value
    return [
        {"text": text, "probability": value / whole, "start_logit": start, "end_logit": end}
        for (text, start, end), value in zip(entries, exponentials, strict=True)
    ]
