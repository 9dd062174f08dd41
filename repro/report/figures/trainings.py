"""Loss curves of the trainings, both frameworks over each other."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from repro.config.paths import RunPaths
from repro.config.profile import BACKEND_NAMES, BackendName
from repro.markdown import number
from repro.pages import Phrase, phrase
from repro.pages.figure_style import SIDES, Drawing, canvas, legend
from repro.report.figures.figure import Figure
from repro.report.figures.loss_curves import Curves, loss_curves, pairs
from repro.results.report import Report

NAME = "training-losses"
PANEL = 1.5  # inches
WINDOWS = 40  # a point is the mean of this part of a training
LINES: dict[BackendName, dict[str, Any]] = {
    "pytorch": {"linewidth": 4.0, "alpha": 0.45},
    "paddle": {"linewidth": 1.5, "linestyle": "--"},
}


def _smoothed(losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps and mean losses of ``WINDOWS`` equal parts."""
    parts = np.array_split(np.arange(losses.size), min(WINDOWS, losses.size))
    return np.array([part.mean() for part in parts]), np.array([losses[part].mean() for part in parts])


def _plot(figure: Drawing, axes: Axes, curves: Curves, size: int) -> None:
    """The first seed of each kind of start weights, in each framework."""
    for (examples, init, backend), seeds in curves.items():
        if examples == size:
            steps, losses = _smoothed(seeds[min(seeds)])
            label = BACKEND_NAMES[backend] if init == "pretrained" else ""
            axes.plot(steps, losses, color=SIDES[backend], label=label, **LINES[backend])
            if backend == "pytorch":
                axes.annotate(
                    figure.say(Phrase(init)),
                    (steps[-1], losses[-1]),
                    xytext=(3, 0),
                    textcoords="offset points",
                    fontsize=9,
                    va="center",
                )
    axes.set_ylim(bottom=0.0)
    axes.set_title(figure.say(phrase("{n} examples", n=size)), loc="left")


def _caption(curves: Curves) -> Iterator[Phrase]:
    gaps = [float(np.abs(a - b).max()) for both in pairs(curves).values() for a, b in both]
    yield phrase(
        "Loss against training step, mean over each fortieth of the training; of several seeds the first is drawn."
        " Wide: PyTorch, dashed: Paddle."
    )
    if gaps:
        yield phrase(
            "Pairs of trainings: {n}; no single loss differs by more than {gap}.",
            n=str(len(gaps)),
            gap=number(max(gaps), 2),
        )


def draw(run: RunPaths, report: Report) -> Figure | None:
    """None without the losses of a finished training."""
    curves = loss_curves(run, report)
    if not curves:
        return None
    sizes = sorted({size for size, _, _ in curves})
    figure = canvas(0.8 + PANEL * len(sizes))
    panels = figure.subplots(len(sizes), sharey=True, squeeze=False)[:, 0]
    for axes, size in zip(panels, sizes, strict=True):
        _plot(figure, axes, curves, size)
    panels[-1].set_xlabel(figure.say(phrase("training step")))
    figure.supylabel(figure.say(phrase("loss")), fontsize=10.5)
    legend(figure, panels[0], columns=2)
    title = phrase("Loss curves of the trainings in both frameworks")
    return Figure.of(figure, NAME, 11, title, _caption(curves))
