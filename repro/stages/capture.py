"""Stage ``capture``: one framework's dumps of steps 1 to 10.

Reads features and start weights; writes ``dumps/{backend}/stepNN.npy`` (float32), ``stepNN.float64.npy`` and
``stepNN.json``, one task per step.
"""

from repro.alignment.capture import capture_step
from repro.backends import load
from repro.stages.base import Stage


def run(stage: Stage) -> None:
    """Capture each step with one framework."""
    load(stage.framework)  # here, so that it is no part of the first step's time
    for step in stage.parts([str(step) for step in stage.profile.steps if step != 11]):
        with stage.task(step):
            capture_step(stage.run, stage.profile, stage.framework, int(step))
