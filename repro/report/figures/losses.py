"""The first training steps: how far the frameworks part, how far rounding alone grows, and the bound."""

from collections.abc import Iterator

import numpy as np
from matplotlib.ticker import MaxNLocator

from repro.alignment.step08_backward.perturbation_growth import GROWTH
from repro.config.paths import RunPaths
from repro.markdown import number
from repro.numerics.verdict import SCATTER
from repro.pages import Phrase, phrase
from repro.pages.figure_style import FAINT, INK, PADDLE, PYTORCH, canvas, legend, logarithmic
from repro.report.figures.columns import columns
from repro.report.figures.figure import Figure
from repro.results.report import Report

NAME = "losses"
SMALLEST = 2.0**-25  # a quarter of an ulp of float32: where the shaded part begins


def _caption(report: Report, gap: np.ndarray, ratio: np.ndarray) -> Iterator[Phrase]:
    yield phrase(
        "How far the losses of {n} training steps differ, relative to the loss. The frameworks part by at most {gap},"
        " which is at most {ratio} times what 1 ulp in every start weight does to one of them; up to {bound} times"
        " (shaded) is rounding. A line has a gap where no digit changes.",
        n=str(gap.size),
        gap=number(gap.max(), 2),
        ratio=number(ratio.max(), 2),
        bound=f"{SCATTER:.0f}",
    )
    claim = next(claim for claim in report.claims if claim.id == "8.loss20")
    if claim.relative is not None and isinstance(claim.measured, float):
        yield phrase(
            "The notes give {documented} for the mean difference; here it is {measured}, {relative} relative.",
            documented=number(float(claim.documented), 3),
            measured=number(claim.measured, 3),
            relative=number(claim.relative, 2),
        )


def draw(run: RunPaths, report: Report) -> Figure | None:
    """None where step 8 was left out or did not repeat its training from perturbed weights."""
    table = columns(report, 8, GROWTH)
    if not table:
        return None
    steps, gap, moved_a, moved_b, ratio, limit = table
    figure = canvas(3.4)
    say = figure.say
    axes = figure.subplots()
    axes.fill_between(steps, limit, np.full_like(limit, SMALLEST), color=FAINT, alpha=0.6, linewidth=0)
    axes.plot(steps, limit, color=INK, linestyle="--", label=say(phrase("bound")))
    for label, values, colour, marker in (
        (phrase("gap between the frameworks"), gap, INK, "D"),
        (phrase("1 ulp in every weight, {framework}", framework="PyTorch"), moved_a, PYTORCH, "o"),
        (phrase("1 ulp in every weight, {framework}", framework="Paddle"), moved_b, PADDLE, "s"),
    ):
        shown = np.where(values > 0.0, values, np.nan)
        axes.plot(steps, shown, color=colour, marker=marker, markersize=4, label=say(label))
    logarithmic(axes, "y")
    axes.set_xlabel(say(phrase("training step")))
    axes.set_ylabel(say(phrase("relative to the loss")))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(figure, axes)
    title = phrase("Gap of the losses, growth of a perturbation of 1 ulp, and the bound")
    caption = _caption(report, gap, ratio)
    return Figure.of(figure, NAME, 8, title, caption)
