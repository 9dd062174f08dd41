"""Answer stability: how many answers the logits' error could change, how many it does, and what that is in F1."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from repro.analysis.activations import PUBLISHED_SIZE, attended
from repro.claims import load_claims
from repro.config.profile import BACKEND_NAMES, BACKENDS
from repro.context.compare import CompareContext
from repro.context.data import RunData, questions
from repro.data.margins import Answered, answered, reach
from repro.results import Cell, Table

DOCUMENTED = "1.model_output"
QUANTILES = (0.0, 0.1, 0.5, 0.9, 1.0)
COULD_CHANGE, BY_QUESTION = "What the logits' error could change", "Margin and error of every question"


@dataclass(frozen=True)
class ComparedRuns:
    """Two runs on the same questions (Q).

    Attributes:
        second: None for a run that is only assumed, with an error of a certain size.
        reach: (Q,) how far the difference of two scores can move from one run to the other.
        changed: (Q,) whether the answers are different texts; (0,) without a second run.
    """

    title: str
    first: Answered
    second: Answered | None
    reach: np.ndarray
    changed: np.ndarray

    @property
    def could(self) -> np.ndarray:
        """(Q,) whether the error is large enough to change the answer."""
        could: np.ndarray = (self.reach > 0.0) & (self.first.margins <= self.reach)
        return could

    @property
    def worst(self) -> float:
        """F1 if every answer that could change did, to the worst text within reach."""
        return self.first.worst(self.reach, self.could)

    def shares(self) -> np.ndarray:
        """Reach in units of the margin, of the questions that have a margin."""
        positive = self.first.margins > 0.0
        shares: np.ndarray = self.reach[positive] / self.first.margins[positive]
        return shares

    def row(self) -> list[Cell]:
        changed, score = (int(self.changed.sum()), self.second.score) if self.second else (None, None)
        row: list[Cell] = [self.title, float(self.reach.max()), float(self.shares().max(initial=0.0))]
        return [*row, int(self.could.sum()), changed, self.first.score, self.worst, score]


def compared_runs(context: CompareContext) -> list[ComparedRuns]:
    """PyTorch against Paddle; each against its float64 logits; both again, if they differed as documented."""
    examples, features = questions(context.data["pytorch"])
    logits = [context.side(side)["logits"] for side in BACKENDS]
    answers = [_answers(context.data[side], array) for side, array in zip(BACKENDS, logits, strict=True)]

    def runs(title: str, first: Answered, second: Answered, a: np.ndarray, b: np.ndarray) -> ComparedRuns:
        changed = np.array([x != y for x, y in zip(first.texts, second.texts, strict=True)])
        return ComparedRuns(title, first, second, reach(a, b, features, len(examples)), changed)

    between = runs("PyTorch against Paddle, float32", answers[0], answers[1], logits[0], logits[1])
    compared = [between]
    for side, first, f32 in zip(BACKENDS, answers, logits, strict=True):
        f64 = context.side(side, "float64")["logits"]
        exact = _answers(context.data[side], f64)
        compared.append(runs(f"{BACKEND_NAMES[side]}, float32 against float64", first, exact, f32, f64))
    for title, factor in _documented(logits[0], logits[1], attended(features.arrays())):
        text = f"PyTorch against Paddle, if the logits differed by {title}"
        compared.append(ComparedRuns(text, answers[0], None, between.reach * factor, np.zeros(0)))
    return compared


def _answers(data: RunData, logits: np.ndarray) -> Answered:
    examples, features = questions(data)
    return answered(examples, features, logits, data.vocabulary(), **data.answer_limits)


def _documented(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> list[tuple[str, float]]:
    """The documented mean difference, relative and absolute, and how many times the measured one either is."""
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


def tables(compared: Sequence[ComparedRuns]) -> list[Table]:
    """One row per pair of runs; distribution of margins and reach between the frameworks, and both by question."""
    columns = ["logits", "largest move of a score difference", "largest share of a margin", "could change", "do change"]
    columns += ["F1", "F1 if all that could did, for the worse", "F1 of the other"]
    between = compared[0]
    margins = between.first.margins
    distributions = {
        "margin of the best answer over the second": margins[np.isfinite(margins)],
        "move of a score difference, at most": between.reach,
        "share of the margin": between.shares(),
    }
    rows = [
        [title, values.size, *np.quantile(values, QUANTILES).tolist()]
        for title, values in distributions.items()
        if values.size
    ]
    pairs = zip(margins.tolist(), between.reach.tolist(), strict=True)
    by_question = [
        [number, margin if np.isfinite(margin) else None, reach] for number, (margin, reach) in enumerate(pairs)
    ]
    each = ["question", "margin of the best answer over the second", "move of a score difference, at most"]
    parts = ["PyTorch against Paddle, float32", "questions", *(f"{100 * q:.0f} %" for q in QUANTILES)]
    return [
        Table(title=COULD_CHANGE, columns=columns, rows=[runs.row() for runs in compared]),
        Table(
            title="Quantiles of margin and error over the questions, in units of the logits", columns=parts, rows=rows
        ),
        Table(title=BY_QUESTION, columns=each, rows=by_question),
    ]


def sentence(compared: Sequence[ComparedRuns]) -> str:
    """What the logits' error can do, in words."""
    between = compared[0]
    margins, could = between.first.margins, between.could
    text = (
        f"The smallest margin of a best answer is {float(margins.min()):.3g}, the largest move of a score difference"
        f" between the frameworks {float(between.reach.max()):.3g}: "
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
    assumed = [runs for runs in compared if runs.second is None]
    for runs, words in zip(assumed, ("relative to their size", "in absolute numbers"), strict=False):
        change = f"{int(runs.could.sum())} could change" if runs.could.any() else "none could change"
        fall = f" and F1 fall to {runs.worst:.2f}" if runs.worst < runs.first.score else ""
        text += f" If the logits differed as documented {words}, {change}{fall}."
    return text
