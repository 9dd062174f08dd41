"""Margins of the best answers, and how far an error of the logits can reduce them.

Bound. The score of a span is its start logit plus its end logit. If no start logit of a question's windows is off by
more than ds and no end logit by more than de, the difference of two scores moves by at most 2 (ds + de). The best
answer can change only if its margin over the best span with another text is no larger than that.

A span enters the comparison only if its start and end are among the ``n_best`` logits of their window, a rank that the
error may change as well. So callers also check that every answer that changed is one of those that could.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repro.data.candidates import best_answers
from repro.data.features import Features
from repro.data.metric import squad_metric
from repro.data.mrqa import Example


@dataclass(frozen=True)
class Answered:
    """One run's answers.

    Attributes:
        texts: (Q,) best answers.
        below: per question, how far each candidate text's score is below the best (0 first).
        f1: per question, F1 of each of these texts in percent.
        full: (Q,) whether there may be more candidates than the list holds.
    """

    texts: list[str]
    below: list[np.ndarray]
    f1: list[np.ndarray]
    full: np.ndarray

    @property
    def margins(self) -> np.ndarray:
        """(Q,) score of the best answer less that of the best with another text; infinite if there is none."""
        return np.array([gaps[1] if gaps.size > 1 else np.inf for gaps in self.below])

    @property
    def score(self) -> float:
        """F1 in percent."""
        return float(np.mean([values[0] for values in self.f1]))

    def worst(self, reach: np.ndarray, could: np.ndarray) -> float:
        """F1 if every question that could change took the worst text within its reach."""
        scores = []
        for number, (gaps, values) in enumerate(zip(self.below, self.f1, strict=True)):
            within = values[gaps <= reach[number]] if could[number] else values[:1]
            unseen = could[number] and self.full[number] and within.size == values.size
            scores.append(0.0 if unseen else float(within.min()))
        return float(np.mean(scores))


def answered(
    examples: Sequence[Example],
    features: Features,
    logits: np.ndarray,
    tokens_of_ids: Sequence[str],
    *,
    n_best: int,
    max_answer_length: int,
    lower_case: bool = False,
) -> Answered:
    """Answers to logits (2, N, T), start and end, of the windows of these questions; as ``best_answers``."""
    predictions, nbest = best_answers(
        examples,
        features,
        logits[0],
        logits[1],
        tokens_of_ids,
        n_best=n_best,
        max_answer_length=max_answer_length,
        lower_case=lower_case,
    )
    below, f1 = [], []
    for example in examples:
        entries = nbest[example.qas_id]
        totals = np.array([entry["start_logit"] + entry["end_logit"] for entry in entries])
        below.append(totals[0] - totals)
        scores = [squad_metric([example], {example.qas_id: entry["text"]})["f1"] for entry in entries]
        f1.append(np.array(scores))
    full = np.array([gaps.size >= n_best for gaps in below])
    return Answered([predictions[example.qas_id] for example in examples], below, f1, full)


def reach(a: np.ndarray, b: np.ndarray, features: Features, count: int) -> np.ndarray:
    """(count,) 2 (ds + de): how far the difference of two scores can move between logits (2, N, T) a and b."""
    columns = np.arange(a.shape[-1])
    inside = (features.token_to_word >= 0) & (columns < features.token_counts[:, None])
    apart = np.where(inside, np.abs(a.astype(np.float64) - b.astype(np.float64)), 0.0).max(-1)  # (2, N)
    largest = np.zeros((2, count))
    for side in range(2):
        np.maximum.at(largest[side], features.example_index, apart[side])
    total: np.ndarray = 2.0 * largest.sum(0)
    return total
