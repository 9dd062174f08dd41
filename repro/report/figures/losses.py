"""The first training steps: how far the frameworks part, how far rounding alone grows, and the bound."""

from collections.abc import Iterator

import numpy as np
from matplotlib.ticker import MaxNLocator

from repro.alignment.step08_backward.perturbation_growth import GROWTH
from repro.config.paths import RunPaths
from repro.markdown import number
from repro.numerics.verdict import SCATTER
from repro.pages import Phrase, phrase
from repro.pages.figure_style import FAINT, INK, PADDLE, PYTORCH, canvas, legend, logarithmic, svg
from repro.report.figures.columns import columns
from repro.report.figures.figure import Figure
from repro.results.report import Report

NAME = "losses"
SMALLEST = 2.0**-25  # a quarter of an ulp of float32: where the shaded part begins


def _caption(report: Report, gap: np.ndarray, ratio: np.ndarray) -> Iterator[Phrase]:
    yield phrase(
        "Losses of {n} training steps, relative. The gap between the frameworks reaches {gap}; it is at most {ratio}"
        " times what 1 ulp in every start weight does to one framework. Up to {bound} times that is rounding (shaded).",
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
    axes = figure.subplots()
    axes.fill_between(steps, limit, np.full_like(limit, SMALLEST), color=FAINT, alpha=0.6, linewidth=0)
    axes.plot(steps, limit, color=INK, linestyle="--", label="bound")
    curves = {
        "gap between the frameworks": (gap, INK, "-", "D"),
        "1 ulp in every weight, PyTorch": (moved_a, PYTORCH, "-", "o"),
        "1 ulp in every weight, Paddle": (moved_b, PADDLE, "-", "s"),
    }
    for label, (values, colour, line, marker) in curves.items():
        shown = np.where(values > 0.0, values, np.nan)
        axes.plot(steps, shown, color=colour, linestyle=line, marker=marker, markersize=4, label=label)
    logarithmic(axes, "y")
    axes.set(xlabel="training step", ylabel="relative to the loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(figure, axes)
    label = "Gap of the losses, growth of a perturbation of 1 ulp, and the bound"
    return Figure(NAME, 8, tuple(_caption(report, gap, ratio)), svg(figure, NAME, label))
