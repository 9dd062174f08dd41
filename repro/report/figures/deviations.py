"""What each deviation of the published programs changes in F1, with intervals, in both frameworks at every size."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

from repro.config.paths import RunPaths
from repro.config.profile import BACKEND_NAMES, BackendName
from repro.errors import InputError
from repro.pages import phrase
from repro.pages.figure_style import FAINT, INK, SIDES, canvas, legend, styled
from repro.report.figures.figure import Figure
from repro.results.deviations import DeviationsResult, Effect
from repro.results.report import Report

NAME = "deviations"
ROW = 0.34  # inches
MARKS: dict[BackendName, tuple[str, float]] = {"pytorch": ("o", -0.15), "paddle": ("s", 0.15)}


def _draw(axes: Axes, rows: Mapping[float, Effect], marker: str, side: BackendName) -> None:
    """One framework's effects: ordinate -> effect."""
    means, reach = [effect.mean for effect in rows.values()], [_reach(effect) for effect in rows.values()]
    style: dict[str, Any] = {"fmt": marker, "color": SIDES[side], "label": BACKEND_NAMES[side], "markersize": 5}
    for place, effect in rows.items():
        axes.plot(effect.differences, [place] * len(effect.differences), ".", color=SIDES[side], alpha=0.4)
    if rows:
        axes.errorbar(means, [*rows], xerr=list(zip(*reach, strict=True)), **style)


def _reach(effect: Effect) -> tuple[float, float]:
    """How far the interval goes below and above the mean; 0 where there is none."""
    low, high = effect.interval or (effect.mean, effect.mean)
    return effect.mean - low, high - effect.mean


def drawn(result: DeviationsResult) -> Figure:
    """A panel a size, a row a deviation."""
    names = list(dict.fromkeys(item.variant for item in result.comparisons))
    sizes = list(dict.fromkeys(item.size for item in result.comparisons))
    with styled():
        figure = canvas(1.2 + ROW * len(names))
        say = figure.say
        panels = figure.subplots(1, len(sizes), sharex=True, sharey=True, squeeze=False)[0]
        for axes, size in zip(panels, sizes, strict=True):
            shade: dict[str, Any] = {"color": FAINT, "alpha": 0.5, "linewidth": 0}
            axes.axvspan(-result.margin, result.margin, label=say(phrase("margin")), **shade)
            axes.axvline(0.0, color=INK, linewidth=0.8)
            for side, (marker, offset) in MARKS.items():
                rows = {
                    names.index(item.variant) + offset: effect
                    for item in result.comparisons
                    for effect in item.effects
                    if (item.size, effect.backend) == (size, side)
                }
                _draw(axes, rows, marker, side)
            axes.set_title(say(phrase("{n} examples", n=size)))
            axes.set_xlabel(say(phrase("change of F1, points")))
        panels[0].set_yticks(range(len(names)), names)
        panels[0].set_ylim(len(names) - 0.5, -0.5)
        legend(figure, panels[0], columns=3)
        caption = phrase(
            "Change of F1 by each deviation: every training file (dots), their mean, its 95 % interval. Shaded: the"
            " margin of ±{margin}.",
            margin=f"{result.margin:g}",
        )
        title = phrase("Effect of each deviation on F1")
        return Figure.of(figure, NAME, None, title, (caption,))


def measured(run: RunPaths) -> DeviationsResult | None:
    """What the run says of the deviations; None where they were not measured."""
    try:
        return DeviationsResult.read(run.deviations / "deviations.json")
    except InputError:
        return None


def draw(run: RunPaths, report: Report) -> Figure | None:
    """None where the deviations were not measured."""
    result = measured(run)
    return drawn(result) if result else None
