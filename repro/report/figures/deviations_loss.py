"""How each deviation changes the loss, step by step, in both frameworks at every size, beside what rounding does."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from repro.config.paths import RunPaths
from repro.config.profile import BACKEND_NAMES
from repro.config.switches import ROUNDING
from repro.numerics.perturbation_growth import largest_so_far
from repro.numerics.verdict import SCATTER
from repro.pages import phrase
from repro.pages.figure_style import MUTED, SIDES, canvas, legend, logarithmic, styled
from repro.report.figures.deviations import measured
from repro.report.figures.figure import Figure
from repro.results.deviations import Comparison, DeviationsResult
from repro.results.report import Report

NAME = "deviations-loss"
ROW = 0.62  # inches
LINES = {"pytorch": "-", "paddle": "--"}


def drawn(result: DeviationsResult) -> Figure:
    """A column a size, a row a deviation."""
    deviations = [item for item in result.comparisons if item.variant != ROUNDING]
    rounding = {item.size: item for item in result.comparisons if item.variant == ROUNDING}
    names, sizes = (list(dict.fromkeys(of)) for of in zip(*((i.variant, i.size) for i in deviations), strict=True))
    with styled():
        figure = canvas(1.2 + ROW * len(names))
        say = figure.say
        panels = figure.subplots(len(names), len(sizes), sharex="col", sharey=True, squeeze=False)
        for item in deviations:
            axes = panels[names.index(item.variant)][sizes.index(item.size)]
            _draw(axes, item, rounding[item.size], say(phrase("rounding")))
        for axes, size in zip(panels[0], sizes, strict=True):
            axes.set_title(say(phrase("{n} examples", n=size)))
        for row, name in zip(panels, names, strict=True):
            row[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for axes in panels[-1]:
            axes.set_xlabel(say(phrase("training step")))
        legend(figure, panels[0][0], columns=3)
        caption = phrase(
            "Relative change of the training loss by each deviation, the largest of all seeds at each step. Within the"
            " grey area rounding alone explains it. A panel without a line: no loss changes."
        )
        title = phrase("Change of the loss by each deviation, step by step")
        return Figure.of(figure, NAME, None, title, (caption,))


def _draw(axes: Axes, item: Comparison, rounding: Comparison, shaded: str) -> None:
    moved = np.array([effect.curve.change for effect in rounding.effects]).max(axis=0)
    limit = SCATTER * largest_so_far(moved)
    axes.fill_between(range(limit.size), limit, 1e-9, color=MUTED, alpha=0.25, linewidth=0, label=shaded)
    for effect in item.effects:
        style: dict[str, Any] = {"color": SIDES[effect.backend], "linestyle": LINES[effect.backend]}
        axes.plot(effect.curve.change, label=BACKEND_NAMES[effect.backend], linewidth=1.2, **style)
    logarithmic(axes, "y")
    axes.set_ylim(1e-8, 3.0)


def draw(run: RunPaths, report: Report) -> Figure | None:
    """None where the deviations were not measured."""
    result = measured(run)
    return drawn(result) if result else None
