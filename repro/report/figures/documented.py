"""Documented differences beside the measured ones, and what the measured ones are relative to the tensor."""

import math
from collections.abc import Iterator

from repro.config.paths import RunPaths
from repro.markdown import number
from repro.pages import Phrase, phrase
from repro.pages.figure_style import FAINT, INK, PADDLE, PAPER, PYTORCH, canvas, legend, logarithmic
from repro.report.figures.figure import Figure
from repro.results.report import Report, ReportedClaim

NAME = "documented-measured"
ROW = 0.27  # inches


def _differences(report: Report) -> list[ReportedClaim]:
    """Documented differences between the frameworks that were measured again; zeros have no place on a log axis."""
    return [
        claim
        for claim in report.claims
        if claim.kind == "number" and claim.step != 11 and isinstance(claim.measured, float) and claim.measured > 0.0
    ]


def _caption(report: Report, claims: list[ReportedClaim]) -> Iterator[Phrase]:
    relative = [claim.relative for claim in claims if claim.relative]
    documented = sorted(float(claim.documented) for claim in claims)
    yield phrase(
        "{n} documented differences (mean |PyTorch - Paddle|), from {least} to {most}, beside the same measured now.",
        n=str(len(claims)),
        least=number(documented[0], 2),
        most=number(documented[-1], 2),
    )
    if relative:
        yield phrase(
            "Divided by the size of its tensor, each measured one lies between {least} and {most}; 1 ulp of float32 is"
            " 1.2e-07. Absolute sizes depend on weights and width, relative ones do not.",
            least=number(min(relative), 2),
            most=number(max(relative), 2),
        )
    zeros = [claim for claim in report.claims if claim.kind == "zero"]
    yield phrase(
        "{equal} of the {n} documented zeros are zero here too and have no place on this axis.",
        equal=str(sum(claim.measured == 0.0 for claim in zeros)),
        n=str(len(zeros)),
    )


def draw(run: RunPaths, report: Report) -> Figure | None:
    """None where no documented difference was measured."""
    claims = _differences(report)
    if not claims:
        return None
    figure = canvas(1.2 + ROW * len(claims))
    axes = figure.subplots()
    places = range(len(claims))
    for label, marker, colour, cells in (
        (phrase("documented"), "D", INK, [claim.documented for claim in claims]),
        (phrase("from the published files"), "^", PAPER, [claim.rederived for claim in claims]),
        (phrase("measured"), "o", PYTORCH, [claim.measured for claim in claims]),
        (phrase("measured, relative to the tensor"), "x", PADDLE, [claim.relative for claim in claims]),
    ):
        values = [float(cell or "nan") for cell in cells]
        if not all(map(math.isnan, values)):
            axes.plot(values, places, marker, color=colour, label=figure.say(label), zorder=3)
    axes.axvline(2.0**-23, color=FAINT, linewidth=3, zorder=1)
    logarithmic(axes, "x")
    axes.set_yticks(places, [claim.id for claim in claims])
    axes.invert_yaxis()
    axes.set_xlabel(figure.say(phrase("mean |PyTorch - Paddle|; the bar is 1 ulp of float32")))
    legend(figure, axes)
    title, caption = phrase("Documented and measured differences"), _caption(report, claims)
    return Figure.of(figure, NAME, 1, title, caption)
