"""Where and how fast the losses of the two frameworks part in training, beside what step 8 counts as rounding."""

from collections.abc import Iterator

import numpy as np

from repro.alignment.step08_backward.perturbation_growth import GROWTH
from repro.config.paths import RunPaths
from repro.markdown import number
from repro.numerics.perturbation_growth import largest_so_far, relative_gap
from repro.numerics.verdict import EPS32, SCATTER
from repro.pages import Phrase, phrase
from repro.pages.figure_style import FAINT, INK, MUTED, PAPER, canvas, legend, logarithmic
from repro.report.figures.columns import columns
from repro.report.figures.figure import Figure
from repro.report.figures.loss_curves import loss_curves, pairs
from repro.results.report import Report

NAME = "training-gaps"
FIRST = 20  # steps that the caption names
LINES = (("-", INK), ("--", PAPER), (":", MUTED))  # by size


def _caption(gaps: list[np.ndarray], bound: bool) -> Iterator[Phrase]:
    yield phrase(
        "How far the losses of both frameworks have parted by each training step, relative: one line for each of {n}"
        " pairs of trainings from pretrained weights. At most {first} in the first {steps} steps, {last} in all.",
        n=str(len(gaps)),
        first=number(max(float(gap[:FIRST].max()) for gap in gaps), 2),
        steps=str(FIRST),
        last=number(max(float(gap.max()) for gap in gaps), 2),
    )
    if bound:
        yield phrase(
            "Shaded: what step 8 counts as rounding over its own steps, {bound} times the growth of 1 ulp in every"
            " start weight, measured without dropout.",
            bound=f"{SCATTER:.0f}",
        )


def draw(run: RunPaths, report: Report) -> Figure | None:
    """None without a training from pretrained weights that both frameworks finished, or if no loss differs at all."""
    gaps = {
        size: [largest_so_far(relative_gap(a, b), least=0.0) for a, b in both]
        for (size, init), both in sorted(pairs(loss_curves(run, report)).items())
        if init == "pretrained"
    }
    every = [curve for curves in gaps.values() for curve in curves]
    if not any(curve.any() for curve in every):
        return None
    figure = canvas(3.2)
    axes = figure.subplots()
    growth = columns(report, 8, GROWTH)
    if growth:
        steps, limit = growth[0] + 1, growth[-1]
        axes.fill_between(steps, limit, np.full_like(limit, EPS32 / 4), color=FAINT, alpha=0.6, linewidth=0)
    for index, (size, curves) in enumerate(gaps.items()):
        line, colour = LINES[index % len(LINES)]
        for first, curve in enumerate(curves):
            shown = np.where(curve > 0.0, curve, np.nan)  # no gap yet has no place on a logarithmic axis
            label = "" if first else figure.say(phrase("{n} examples", n=size))
            axes.plot(np.arange(1, curve.size + 1), shown, color=colour, linestyle=line, linewidth=1.2, label=label)
    logarithmic(axes, "x", "y")
    axes.set_xlabel(figure.say(phrase("training step")))
    axes.set_ylabel(figure.say(phrase("largest gap so far, relative")))
    legend(figure, axes, columns=3)
    title, caption = phrase("Gap of the losses of both frameworks by training step"), _caption(every, bool(growth))
    return Figure.of(figure, NAME, 11, title, caption)
