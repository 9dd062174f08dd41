"""SQuAD's exact match and F1, equal to ``squad_evaluate`` of ``transformers``."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from repro.errors import InputError

THRESHOLD = 1.0
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_MARKS = str.maketrans("", "", string.punctuation)

Scores = dict[str, float]


class Answered(Protocol):
    """A question with its id and the texts of its accepted answers (``repro.data.mrqa.Example``)."""

    @property
    def qas_id(self) -> str: ...
    @property
    def answers(self) -> Sequence[str]: ...


def normalise(text: str) -> str:
    """Lower case, without ASCII punctuation, articles and superfluous white space."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_MARKS)).split())


def squad_metric(
    examples: Sequence[Answered],
    predictions: Mapping[str, str],
    no_answer_probs: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Scores in percent, unrounded.

    Args:
        examples: all questions; one without answers counts as answered by the empty text.
        predictions: question id -> text. Their order is the one in which ``best_f1`` is summed.
        no_answer_probs: question id -> probability that there is no answer; 0 for all if not given.

    Returns:
        ``exact f1 total``, then the same of questions with answers (``HasAns_…``) and without (``NoAns_…``)
        as far as there are any, then ``best_exact best_exact_thresh best_f1 best_f1_thresh``.

    Raises:
        InputError: no questions, or a question without a prediction or a probability.
    """
    answered = {example.qas_id: bool(example.answers) for example in examples}
    missing = [key for key in answered if key not in predictions]
    if not answered or missing:
        what = f"no prediction for {len(missing)} questions, such as {missing[0]!r}" if missing else "no question"
        raise InputError(what, next_step="evaluate predictions on the file that they were made for")
    doubts = dict.fromkeys(predictions, 0.0) if no_answer_probs is None else dict(no_answer_probs)
    unknown = [key for key in answered if key not in doubts]
    if unknown:
        raise InputError(f"no probability of no answer for {len(unknown)} questions, such as {unknown[0]!r}")
    raw_exact: Scores = {}
    raw_f1: Scores = {}
    for example in examples:
        raw_exact[example.qas_id], raw_f1[example.qas_id] = _score(example, predictions[example.qas_id])
    exact, f1 = (_below_threshold(raw, doubts, answered) for raw in (raw_exact, raw_f1))
    result = _averages("", list(exact), exact, f1)
    for prefix, kind in (("HasAns_", True), ("NoAns_", False)):
        chosen = [key for key, has_answer in answered.items() if has_answer is kind]
        if chosen:
            result |= _averages(prefix, chosen, exact, f1)
    for name, raw in (("exact", raw_exact), ("f1", raw_f1)):
        best, cut = _best_threshold(raw, predictions, doubts, answered)
        result |= {f"best_{name}": best, f"best_{name}_thresh": cut}
    return result


def _score(example: Answered, prediction: str) -> tuple[int, float]:
    """Exact match and F1 against the answer that fits best; those that normalise to nothing are left out."""
    gold = [text for text in map(normalise, example.answers) if text] or [""]
    said = normalise(prediction)
    return max(int(text == said) for text in gold), max(_f1(text.split(), said.split()) for text in gold)


def _f1(gold: list[str], said: list[str]) -> float:
    if not gold or not said:
        return int(gold == said)
    common = sum((Counter(gold) & Counter(said)).values())
    if common == 0:
        return 0
    precision, recall = common / len(said), common / len(gold)
    return (2 * precision * recall) / (precision + recall)


def _below_threshold(scores: Scores, doubts: Mapping[str, float], answered: dict[str, bool]) -> Scores:
    """A question whose probability of no answer exceeds the threshold counts as left unanswered."""
    return {key: float(not answered[key]) if doubts[key] > THRESHOLD else score for key, score in scores.items()}


def _averages(prefix: str, keys: list[str], exact: Scores, f1: Scores) -> dict[str, float]:
    total = len(keys)
    return {
        f"{prefix}exact": 100.0 * sum(exact[key] for key in keys) / total,
        f"{prefix}f1": 100.0 * sum(f1[key] for key in keys) / total,
        f"{prefix}total": total,
    }


def _best_threshold(
    scores: Scores, predictions: Mapping[str, str], doubts: Mapping[str, float], answered: dict[str, bool]
) -> tuple[float, float]:
    """Best score that any threshold on the probability of no answer would give, and that threshold.

    Questions are answered from the least doubtful on; each adds its score, or takes 1 away if it has no
    answer and gets one all the same.
    """
    current: float = sum(1 for has_answer in answered.values() if not has_answer)
    best, threshold = current, 0.0
    for key in sorted(doubts, key=lambda key: doubts[key]):
        if key not in scores:
            continue
        if answered[key]:
            current += scores[key]
        elif predictions[key]:
            current -= 1
        if current > best:
            best, threshold = current, doubts[key]
    return 100.0 * best / len(scores), threshold
