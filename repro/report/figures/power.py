"""Detection power: by how much each planted fault exceeds the bound that has to catch it."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from repro.config.paths import RunPaths
from repro.config.profile import BACKEND_NAMES, BackendName
from repro.errors import InputError
from repro.pages import Phrase, phrase
from repro.pages.figure_style import INK, SIDES, canvas, legend, logarithmic
from repro.report.figures.figure import Figure
from repro.results.report import Report
from repro.results.selftest import SelftestResult

NAME = "detection-power"
NAMED = 3
ROW = 0.33  # inches


class Planted(NamedTuple):
    """A fault that a step saw; ``margin`` times its bound, infinite where it breaks an equality."""

    fault: str
    backend: BackendName
    step: int
    margin: float


def _planted(result: SelftestResult) -> list[Planted]:
    """The closest first."""
    seen = [
        Planted(fault.fault, backend, planted.clue.step, planted.clue.margin or math.inf)
        for fault in result.faults
        for backend, planted in fault.planted.items()
        if planted.clue
    ]
    return sorted(seen, key=lambda planted: planted.margin)


def _caption(result: SelftestResult, planted: list[Planted]) -> Iterator[Phrase]:
    yield phrase(
        "Each mark is a fault planted in one framework's running code, at the step that has to see it. Right of the"
        " dashed line it is seen; {far} of {n} exceed their bound more than a million times.",
        far=str(sum(one.margin > 1e6 for one in planted)),
        n=str(len(planted)),
    )
    if others := result.summary.seen - len(planted):
        yield phrase("The {n} others, counted at the right, break an equality and have no distance.", n=str(others))


def draw(run: RunPaths, report: Report) -> Figure | None:
    """None where the self-test did not run."""
    try:
        result = SelftestResult.read(run.selftest / "selftest.json")
    except InputError:
        return None
    seen = _planted(result)
    planted = [one for one in seen if math.isfinite(one.margin)]
    if not planted:
        return None
    steps = sorted({one.step for one in seen})
    figure = canvas(1.3 + ROW * len(steps))
    axes = figure.subplots()
    for backend, (marker, offset) in {"pytorch": ("o", -0.13), "paddle": ("s", 0.13)}.items():
        shown = [one for one in planted if one.backend == backend]
        places = [steps.index(one.step) + offset for one in shown]
        label = figure.say(phrase("fault in {framework}", framework=BACKEND_NAMES[backend]))
        margins = [one.margin for one in shown]
        axes.plot(margins, places, marker, color=SIDES[backend], label=label, alpha=0.7, markersize=5)
    named = list(dict.fromkeys(one.fault for one in planted))[:NAMED]
    for fault in named:
        one = next(one for one in planted if one.fault == fault)
        place = (one.margin, steps.index(one.step) + 0.2)
        axes.annotate(fault, place, xytext=(0, -3), textcoords="offset points", va="top", fontsize=9)
    axes.axvline(1.0, color=INK, linestyle="--", label=figure.say(phrase("bound")))
    logarithmic(axes, "x")
    axes.set_yticks(range(len(steps)), [figure.say(phrase("step {n}", n=step)) for step in steps])
    axes.set_ylim(len(steps) - 0.4, -0.6)
    equalities = Counter(one.step for one in seen if math.isinf(one.margin))
    for step, count in equalities.items():
        axes.annotate(f"+ {count}", (1.01, steps.index(step)), xycoords=("axes fraction", "data"), va="center")
    axes.set_xlabel(figure.say(phrase("times its bound (+: faults that break an equality)")))
    legend(figure, axes, columns=3)
    title = phrase("Distance of every planted fault from the bound of the check that sees it")
    caption = _caption(result, planted)
    return Figure.of(figure, NAME, None, title, caption)
