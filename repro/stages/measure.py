"""Stage ``measure``: determinism, noise floor and error by operation of one framework, on which verdicts rest.

Reads start weights, features and both frameworks' dumps of step 1; writes ``precision/{backend}.json``.
"""

from repro.analysis.measure import measure
from repro.backends import load
from repro.stages.base import Stage


def run(stage: Stage) -> None:
    """Measure one framework."""
    load(stage.framework)
    with stage.task():
        measure(stage.run, stage.profile, stage.framework)
