"""Stage ``compare``: both frameworks' dumps and trainings judged, without a framework.

Reads dumps, ``precision/`` and ``training/``; writes ``records/stepNN.json``, one task per step.
"""

from repro.alignment.compare import compare_step
from repro.stages.base import Stage


def run(stage: Stage) -> None:
    """Compare both frameworks step by step."""
    for step in stage.parts([str(step) for step in stage.profile.steps]):
        with stage.task(step):
            compare_step(stage.run, stage.profile, int(step))
