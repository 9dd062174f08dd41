"""Stage ``deviations-compare``: what each deviation of the published programs is worth.

Reads ``deviations/{backend}/`` and ``training/``; writes ``deviations/deviations.json``, ``deviations.md`` and
``deviations.svg``.
"""

from repro.config.paths import atomic_text
from repro.deviations.compare import compare
from repro.deviations.tables import page
from repro.report.figures import deviations, deviations_loss
from repro.stages.base import Stage

PICTURES = (deviations, deviations_loss)


def run(stage: Stage) -> None:
    """Compare every deviation with its reference."""
    folder = stage.run.deviations
    with stage.task():
        result = compare(stage.run, stage.profile)
        figures = [module.drawn(result) for module in PICTURES]
        for figure in figures:
            atomic_text(folder / f"{figure.name}.svg", figure.svg + "\n")
        pictures = {f"{figure.name}.svg": figure.title.text for figure in figures}
        atomic_text(folder / "deviations.md", page(result, pictures))
        result.write(folder / "deviations.json")
