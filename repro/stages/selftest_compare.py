"""Stage ``selftest-compare``: which steps detect the planted faults, and whether a clean run raises an alarm.

Reads the dumps of the self-test; writes ``selftest/selftest.json`` and ``selftest/selftest.md``.
"""

import os

from repro.selftest import FAULT_NAMES, SelftestPaths
from repro.selftest.conclude import conclude
from repro.stages.base import Stage


def run(stage: Stage) -> None:
    """Compare the runs of the self-test."""
    settings = stage.profile.selftest
    with stage.task():
        paths = SelftestPaths(stage.run.selftest)
        # most of the run is over by now: whatever cores are free
        workers = len(os.sched_getaffinity(0))
        conclude(paths, settings.chosen(FAULT_NAMES), settings.clean, workers=workers)
