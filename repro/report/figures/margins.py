"""Step 3, question by question: the margin of the answer against what the error of the logits can move."""

from collections.abc import Iterator

import numpy as np

from repro.alignment.step03_metric.answer_stability import BY_QUESTION, COULD_CHANGE
from repro.config.paths import RunPaths
from repro.markdown import number
from repro.pages import Phrase, phrase
from repro.pages.figure_style import FAINT, INK, PADDLE, PYTORCH, canvas, legend, logarithmic
from repro.report.figures.columns import columns
from repro.report.figures.figure import Figure
from repro.results.report import Report

NAME = "answer-margins"
RELATIVE = 3  # row of the table: if the logits differed by the documented part of their size


def _caption(margins: np.ndarray, moves: np.ndarray, documented: float | None) -> Iterator[Phrase]:
    yield phrase(
        "Each of {n} questions: how far its best answer leads, and how far the error of the logits can move that lead"
        " at most. In the shaded part an answer can change; {could} lie there.",
        n=str(margins.size),
        could=str((margins <= moves).sum()),
    )
    closest = int(np.argmin(margins / moves))
    yield phrase(
        "The closest leads by {lead}, {times} times what the error can move.",
        lead=number(margins[closest], 2),
        times=number(margins[closest] / moves[closest], 3),
    )
    if documented is not None:
        yield phrase(
            "Crosses: the same if the logits differed by the documented part of their size; {could} could change.",
            could=str((margins <= moves * documented).sum()),
        )


def draw(run: RunPaths, report: Report) -> Figure | None:
    """None where step 3 was left out or no logit differs."""
    by_question, pairs = columns(report, 3, BY_QUESTION), columns(report, 3, COULD_CHANGE)
    if not by_question or not pairs:
        return None
    _, margins, moves = by_question
    plotted = (margins > 0.0) & (moves > 0.0)
    margins, moves = margins[plotted], moves[plotted]
    if not margins.size:
        return None
    largest = pairs[1]
    documented = float(largest[RELATIVE] / largest[0]) if largest.size > RELATIVE else None
    figure = canvas(3.4)
    say = figure.say
    axes = figure.subplots()
    axes.plot(margins, moves, "o", color=PYTORCH, label=say(phrase("PyTorch against Paddle")), markersize=5)
    if documented is not None:
        label = say(phrase("as far apart as documented"))
        axes.plot(margins, moves * documented, "x", color=PADDLE, label=label, markersize=5)
    logarithmic(axes, "x", "y")
    ends = np.array([min(margins.min(), moves.min()), margins.max()])
    axes.fill_between(ends, ends, ends[1], color=FAINT, alpha=0.6, linewidth=0)
    axes.plot(ends, ends, color=INK, linestyle="--", label=say(phrase("above, an answer can change")))
    axes.set_xlabel(say(phrase("lead of the best answer over the second, in units of the logits")))
    axes.set_ylabel(say(phrase("largest move of the lead")))
    legend(figure, axes)
    title, caption = phrase("Lead of every answer and the error of the logits"), _caption(margins, moves, documented)
    return Figure.of(figure, NAME, 3, title, caption)
