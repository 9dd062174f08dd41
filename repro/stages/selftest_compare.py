"""Stage ``selftest-compare``: which steps detect the planted faults, and whether a clean run raises an alarm.

Reads the dumps of the self-test; writes ``selftest/detections/{part}.json``, one task for the clean runs and one for
each group of faults in each framework.
"""

from repro.selftest import FAULT_NAMES, SelftestPaths
from repro.selftest.detect import compare_runs, runs_to_compare
from repro.stages.base import Stage


def run(stage: Stage) -> None:
    """Compare the runs of the self-test."""
    paths, settings = SelftestPaths(stage.run.selftest), stage.profile.selftest
    runs = runs_to_compare(paths, settings.chosen(FAULT_NAMES), settings.clean)
    for part in stage.parts(list(runs)):
        with stage.task(part):
            compare_runs(paths, part, runs[part])
