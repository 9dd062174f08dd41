"""What the logits' error can do to the answers: how many could change, how many do, and what that is in F1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from repro.claims import load_claims
from repro.data.features import Features
from repro.data.margins import Answered, answered, reach
from repro.data.mrqa import Example
from repro.steps.context import Inputs
from repro.steps.pair import NAMES, SIDES, CompareContext
from repro.steps.s01_forward import PUBLISHED_SIZE, attended

DOCUMENTED = "1.model_output"
QUANTILES = (0.0, 0.1, 0.5, 0.9, 1.0)


def questions(inputs: Inputs) -> tuple[list[Example], Features]:
    """The first dev questions and their windows."""
    features = inputs.features("dev")
    examples = inputs.examples("dev", training=False)[: inputs.profile.alignment.metric_questions]
    return examples, features.take(np.flatnonzero(features.example_index < len(examples)))


@dataclass(frozen=True)
class Pair:
    """Two runs of the same questions.

    Attributes:
        reach: (Q,) how far the difference of two scores can move from one to the other.
        changed: (Q,) whether the answers are different texts.
    """

    title: str
    first: Answered
    second: Answered | None
    reach: np.ndarray
    changed: np.ndarray

    @property
    def could(self) -> np.ndarray:
        """(Q,) whether the error is large enough to change the answer."""
        found: np.ndarray = (self.reach > 0.0) & (self.first.margins <= self.reach)
        return found

    @property
    def worst(self) -> float:
        """F1 if every answer that could change did, to the worst text within reach."""
        return self.first.worst(self.reach, self.could)

    def shares(self) -> np.ndarray:
        """Reach in units of the margin, of the questions that have one."""
        some = self.first.margins > 0.0
        found: np.ndarray = self.reach[some] / self.first.margins[some]
        return found

    def row(self) -> list[Any]:
        """As the table has it."""
        changed, score = None, None
        if self.second is not None:
            changed, score = int(self.changed.sum()), self.second.score
        share = float(self.shares().max(initial=0.0))
        return [
            *(self.title, float(self.reach.max()), share, int(self.could.sum()), changed),
            *(self.first.score, self.worst, score),
        ]


def _answers(inputs: Inputs, logits: np.ndarray) -> Answered:
    settings = inputs.profile.training
    return answered(
        *questions(inputs),
        logits,
        inputs.vocabulary(),
        n_best=settings.n_best,
        max_answer_length=settings.max_answer_length,
    )


def pairs(context: CompareContext) -> list[Pair]:
    """Between the frameworks; each against its own float64 logits; between them if they differed as documented."""
    examples, features = questions(context.inputs["pytorch"])
    narrow = [context.side(side)["logits"] for side in SIDES]
    given = [_answers(context.inputs[side], logits) for side, logits in zip(SIDES, narrow, strict=True)]

    def pair(title: str, first: Answered, second: Answered, a: np.ndarray, b: np.ndarray) -> Pair:
        changed = np.array([x != y for x, y in zip(first.texts, second.texts, strict=True)])
        return Pair(title, first, second, reach(a, b, features, len(examples)), changed)

    between = pair("PyTorch against Paddle, float32", given[0], given[1], narrow[0], narrow[1])
    found = [between]
    if context.has("float64"):
        for side, own, logits in zip(SIDES, given, narrow, strict=True):
            wide = context.side(side, "float64")["logits"]
            exact = _answers(context.inputs[side], wide)
            found.append(pair(f"{NAMES[side]}, float32 against float64", own, exact, logits, wide))
    for title, factor in _documented(narrow[0], narrow[1], attended(features.arrays())):
        text = f"PyTorch against Paddle, if the logits differed by {title}"
        found.append(Pair(text, given[0], None, between.reach * factor, np.zeros(0)))
    return found


def _documented(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> list[tuple[str, float]]:
    """The documented mean difference, relative and as it is, and how many times the measured one either is."""
    documented = float(load_claims()[DOCUMENTED].value)
    apart = np.abs(a.astype(np.float64) - b)
    inner = float(apart[:, mask == 1].mean())
    if inner == 0.0:
        return []
    size = float(np.sqrt(np.mean(a[:, mask == 1].astype(np.float64) ** 2)))
    share = documented / PUBLISHED_SIZE
    return [
        (f"the documented {share:.2g} of their size", share * size / inner),
        (f"the documented {documented:.2g} itself", documented / float(apart.mean())),
    ]


def tables(found: Sequence[Pair]) -> list[dict[str, Any]]:
    """One row per pair; distribution of margins and reach between the frameworks."""
    columns = ["logits", "largest move of a score difference", "largest share of a margin", "could change", "do change"]
    columns += ["F1", "F1 if all that could did, to the worse", "F1 of the other"]
    between = found[0]
    margins = between.first.margins
    rows: list[list[Any]] = []
    for title, values in (
        ("margin of the best answer over the second", margins[np.isfinite(margins)]),
        ("move of a score difference, at most", between.reach),
        ("share of the margin", between.shares()),
    ):
        if values.size:
            rows.append([title, values.size, *np.quantile(values, QUANTILES).tolist()])
    parts = ["PyTorch against Paddle, float32", "questions", *(f"{100 * q:.0f} %" for q in QUANTILES)]
    return [
        {"title": "What the logits' error could change", "columns": columns, "rows": [pair.row() for pair in found]},
        {"title": "Margins and errors, in units of the logits", "columns": parts, "rows": rows},
    ]


def sentence(found: Sequence[Pair]) -> str:
    """The consequence of the logits' error, in words."""
    between = found[0]
    margins, could = between.first.margins, between.could
    smallest = float(margins.min())
    text = (
        f"The smallest margin of a best answer is {smallest:.3g}, the largest move of a score difference between the"
        f" frameworks {float(between.reach.max()):.3g}: "
    )
    if could.any():
        text += (
            f"{int(could.sum())} of {could.size} answers could change, {int(between.changed.sum())} do; F1 could fall"
            f" from {between.first.score:.2f} to {between.worst:.2f}."
        )
    else:
        text += "no answer can change, so this error cannot move F1."
    if unexplained := int((between.changed & ~could).sum()):
        text += f" {unexplained} answers changed that this error does not explain."
    scaled = [pair for pair in found if pair.second is None]
    for pair, words in zip(scaled, ("relative to their size", "in absolute numbers"), strict=False):
        told = f"{int(pair.could.sum())} could change" if pair.could.any() else "none could change"
        fall = f" and F1 fall to {pair.worst:.2f}" if pair.worst < pair.first.score else ""
        text += f" If the logits differed as documented {words}, {told}{fall}."
    return text
