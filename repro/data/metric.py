"""SQuAD's exact match and F1, equal to ``squad_evaluate`` of ``transformers`` without no-answer probabilities."""

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence

from repro.data.mrqa import Example
from repro.errors import InputError

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_MARKS = str.maketrans("", "", string.punctuation)

Scores = dict[str, float]


def normalise(text: str) -> str:
    """Lower case, without ASCII punctuation, articles and superfluous white space."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_MARKS)).split())


def squad_metric(examples: Sequence[Example], predictions: Mapping[str, str]) -> dict[str, float]:
    """Scores in percent, unrounded.

    Args:
        examples: all questions; one without answers counts as answered by the empty text.
        predictions: question id -> text. Their order is the one in which ``best_f1`` is summed.

    Returns:
        ``exact f1 total``, then the same of questions with answers (``HasAns_…``) and without (``NoAns_…``)
        as far as there are any, then ``best_exact best_exact_thresh best_f1 best_f1_thresh`` (thresholds on the
        probability that there is no answer, which is 0 for all questions).

    Raises:
        InputError: no questions, or a question without a prediction.
    """
    answered = {example.qas_id: bool(example.answers) for example in examples}
    missing = [key for key in answered if key not in predictions]
    if not answered or missing:
        what = f"no prediction for {len(missing)} questions, such as {missing[0]!r}" if missing else "no question"
        raise InputError(what, next_step="evaluate predictions on the file that they belong to")
    exact: Scores = {}
    f1: Scores = {}
    for example in examples:
        exact[example.qas_id], f1[example.qas_id] = _score(example, predictions[example.qas_id])
    result = _averages("", list(exact), exact, f1)
    for prefix, kind in (("HasAns_", True), ("NoAns_", False)):
        chosen = [key for key, has_answer in answered.items() if has_answer is kind]
        if chosen:
            result |= _averages(prefix, chosen, exact, f1)
    for name, scores in (("exact", exact), ("f1", f1)):
        result |= {f"best_{name}": _best(scores, predictions, answered), f"best_{name}_thresh": 0.0}
    return result


def _score(example: Example, prediction: str) -> tuple[int, float]:
    """Exact match and F1 against the answer that fits best; answers that normalise to nothing do not count."""
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


def _averages(prefix: str, keys: list[str], exact: Scores, f1: Scores) -> dict[str, float]:
    total = len(keys)
    return {
        f"{prefix}exact": 100.0 * sum(exact[key] for key in keys) / total,
        f"{prefix}f1": 100.0 * sum(f1[key] for key in keys) / total,
        f"{prefix}total": total,
    }


def _best(scores: Scores, predictions: Mapping[str, str], answered: dict[str, bool]) -> float:
    """Best score of any number of first predictions, the questions after them left unanswered.

    Each prediction adds its score, or takes 1 away if its question has no answer and gets one all the same.
    """
    best: float = sum(not has_answer for has_answer in answered.values())
    current = best
    for key, text in predictions.items():
        if key in scores:
            current += scores[key] if answered[key] else -bool(text)
            best = max(best, current)
    return 100.0 * best / len(scores)
