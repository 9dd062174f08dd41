"""How the float32 error grows through the network: what each operation adds, what it only passes on."""

from collections.abc import Iterator

from repro.config.paths import RunPaths
from repro.config.profile import BACKEND_NAMES
from repro.errors import InputError
from repro.markdown import number
from repro.pages import Phrase, phrase
from repro.pages.figure_style import INK, PALE, SIDES, canvas, legend
from repro.report.figures.figure import Figure
from repro.results.precision import Attribution, PrecisionMeasurement
from repro.results.report import Report

NAME = "error-by-operation"
ROW = 0.21  # inches


def _attributions(run: RunPaths, report: Report) -> dict[str, Attribution]:
    """By framework; empty where one of them was not measured."""
    measured: dict[str, Attribution] = {}
    for side in report.run.backends:
        try:
            attribution = PrecisionMeasurement.read(run.precision(side)).attribution
        except InputError:
            return {}
        if attribution is None:
            return {}
        measured[side] = attribution
    return measured


def _caption(measured: dict[str, Attribution]) -> Iterator[Phrase]:
    yield phrase(
        "Error of each operation's float32 result against float64, relative L2. Wide bar: the whole error; narrow bar:"
        " what the operation adds itself; the rest comes with its inputs (squares add up). Tick: the noise floor, which"
        " is how far the result moves when every weight moves by 1 ulp, or rows or threads change."
    )
    for side, attribution in measured.items():
        errors = attribution.errors
        worst = max(errors, key=lambda name: errors[name].relative("local"))
        yield phrase(
            "{framework} adds most in {operation} ({local}) and ends with {total}.",
            framework=BACKEND_NAMES[side],
            operation=worst,
            local=number(errors[worst].relative("local"), 2),
            total=number(errors[list(errors)[-1]].relative("total"), 2),
        )


def draw(run: RunPaths, report: Report) -> Figure | None:
    """None where step 1 was left out or its operations were not measured."""
    floors = {record.name: record.noise_floor for record in report.steps[0].records}
    measured = _attributions(run, report) if floors else {}
    if not measured:
        return None
    names = list(next(iter(measured.values())).operations)
    places = range(len(names))
    figure = canvas(1.1 + ROW * len(names))
    say = figure.say
    panels = figure.subplots(1, len(measured), sharey=True, sharex=True, squeeze=False)[0]
    for axes, (side, attribution) in zip(panels, measured.items(), strict=True):
        errors = [attribution.errors[name] for name in names]
        total, local = ([error.relative(part) for error in errors] for part in ("total", "local"))
        outline = {"edgecolor": SIDES[side], "linewidth": 0.8}
        axes.barh(places, total, color=PALE[side], label=say(phrase("error of the result")), **outline)
        axes.barh(places, local, height=0.4, color=SIDES[side], label=say(phrase("added by the operation")))
        floor = [floors.get(name) or float("nan") for name in names]
        axes.plot(floor, places, "|", color=INK, markersize=9, label=say(phrase("noise floor")))
        axes.set_title(BACKEND_NAMES[side], loc="left")
        axes.grid(visible=False, axis="y")
        axes.ticklabel_format(axis="x", scilimits=(0, 0))
        axes.set_ylim(len(names) - 0.4, -0.6)
    panels[0].set_yticks(places, names, fontsize=8.5)
    legend(figure, panels[0], columns=3)
    title = phrase("Float32 error of every operation of the forward pass")
    return Figure.of(figure, NAME, 1, title, _caption(measured))
