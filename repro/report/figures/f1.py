"""F1 against the number of training examples: the paper, the published run, both frameworks."""

import statistics
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from repro.config.paths import RunPaths
from repro.config.profile import BACKEND_NAMES
from repro.pages import Phrase, phrase
from repro.pages.figure_style import INK, PAPER, SIDES, canvas, legend, logarithmic
from repro.report.figures.figure import Figure
from repro.results.report import Report

NAME = "f1"
DODGE = 1.07  # factor between the abscissas of two curves, whose marks would hide each other


@dataclass
class Curve:
    """F1 in percent by number of examples, one value a training."""

    label: Phrase
    colour: str
    line: str
    marker: str
    scores: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))

    def means(self) -> list[float]:
        """By increasing number of examples."""
        return [statistics.fmean(self.scores[size]) for size in sorted(self.scores)]

    def text(self) -> str:
        """``56.8 → 65.7 → 75.2``."""
        return " → ".join(f"{mean:.1f}" for mean in self.means())


def _documented(report: Report) -> list[Curve]:
    paper = Curve(phrase("documented: the paper"), PAPER, "--", "^")
    published = Curve(phrase("documented: published Paddle run"), INK, "--", "D")
    for claim in report.claims_of(11):
        _, kind, size, *seed = claim.id.split(".")
        if kind == "paper":
            paper.scores[int(size)].append(float(claim.documented))
        elif seed[0].isdecimal():
            published.scores[int(size)].append(float(claim.documented))
    return [paper, published]


def _measured(report: Report) -> dict[tuple[str, str], Curve]:
    curves: dict[tuple[str, str], Curve] = {}
    for entry in sorted(report.training, key=lambda entry: entry.init):
        if entry.f1 is not None:
            name, line = BACKEND_NAMES[entry.backend], "-" if entry.init == "pretrained" else ":"
            label = phrase("measured: {framework}", framework=name)
            if entry.init != "pretrained":
                label = phrase("measured: {framework}, random start", framework=name)
            marker = "o" if entry.backend == "pytorch" else "s"
            curve = Curve(label, SIDES[entry.backend], line, marker)
            curves.setdefault((entry.init, entry.backend), curve).scores[entry.size].append(entry.f1)
    return curves


def _caption(report: Report, measured: dict[tuple[str, str], Curve]) -> Iterator[Phrase]:
    yield phrase("F1 by number of training examples, mean and standard deviation over the trainings.")
    if any(claim.verdict == "not comparable in this profile" for claim in report.claims_of(11)):
        yield phrase(
            "The documented values belong to other weights and data than those of profile {profile}: compare the"
            " shapes, not the heights.",
            profile=report.run.profile,
        )
    sides: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (init, backend), curve in measured.items():
        sides[init, curve.text()].append(BACKEND_NAMES[backend])
    for (init, means), names in sides.items():
        values = {"frameworks": ", ".join(names), "means": means}
        if init == "pretrained":
            yield phrase("From pretrained weights: {means} ({frameworks}).", **values)
        else:
            yield phrase("From random weights: {means} ({frameworks}).", **values)


def draw(run: RunPaths, report: Report) -> Figure | None:
    """None without a finished training."""
    measured = _measured(report)
    if not measured:
        return None
    figure = canvas(3.9)
    axes = figure.subplots()
    curves = [*_documented(report), *measured.values()]
    for number, curve in enumerate(curves):
        sizes = sorted(curve.scores)
        places = [size * DODGE ** (number - (len(curves) - 1) / 2) for size in sizes]
        deviations = [statistics.stdev(values) if len(values := curve.scores[size]) > 1 else 0.0 for size in sizes]
        style: dict[str, Any] = {"color": curve.colour, "linestyle": curve.line, "marker": curve.marker}
        axes.errorbar(places, curve.means(), deviations, label=figure.say(curve.label), **style)
    sizes = sorted({size for curve in curves for size in curve.scores})
    logarithmic(axes, "x")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.set_xlabel(figure.say(phrase("training examples")))
    axes.set_ylabel(figure.say(phrase("F1 in percent")))
    axes.set_ylim(0, 100)
    legend(figure, axes)
    title, caption = phrase("F1 by number of training examples"), _caption(report, measured)
    return Figure.of(figure, NAME, None, title, caption)
