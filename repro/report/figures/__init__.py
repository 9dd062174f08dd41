"""The figures of a report: one module each, all in one style."""

from repro.config.paths import RunPaths
from repro.report.figures.figure import Figure
from repro.results.report import Report

__all__ = ["Figure", "figures"]


def figures(run: RunPaths, report: Report) -> tuple[Figure, ...]:
    """The figures that this run has the data for, in the order of the report."""
    # here: only the stage `report` waits for matplotlib
    from repro.pages.figure_style import styled
    from repro.report.figures import (
        deviations,
        deviations_loss,
        documented,
        errors,
        f1,
        losses,
        margins,
        power,
        training_gaps,
        trainings,
    )

    modules = (f1, documented, errors, margins, losses, trainings, training_gaps, deviations, deviations_loss, power)
    with styled():
        drawn = [module.draw(run, report) for module in modules]
    return tuple(figure for figure in drawn if figure is not None)
