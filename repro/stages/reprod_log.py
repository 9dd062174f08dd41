"""Stage ``reprod-log``: the log that ``reprod_log`` itself writes about each pair of dumps.

Reads dumps of both frameworks; writes ``reprod_log/stepNN.txt``.
"""

import importlib

from repro.config.profile import BACKENDS
from repro.stages.base import Stage


def run(stage: Stage) -> None:
    """Write the log of every step but the trainings."""
    # by name: reprod_log imports Paddle
    write_log = importlib.import_module("repro.backends.paddle.diff_log").write_log
    with stage.task():
        for step in stage.profile.steps:
            if step != 11:
                dumps = [stage.run.dump(backend, step) for backend in BACKENDS]
                write_log(*dumps, stage.run.reprod_log(step))
