"""Stage ``selftest-compare``: which steps detect the planted faults, and whether a clean run raises an alarm.

Reads the dumps of the self-test; writes ``selftest/detections/{part}.json``, one task for the clean runs and one for
the faults in each framework.
"""

from repro.config.profile import BACKENDS
from repro.selftest import FAULT_NAMES, SelftestPaths
from repro.selftest.detect import compare_runs
from repro.stages.base import Stage


def run(stage: Stage) -> None:
    """Compare the runs of the self-test."""
    paths, settings = SelftestPaths(stage.run.selftest), stage.profile.selftest
    runs = {"clean": [paths.clean(seed) for seed in range(settings.clean)]}
    for backend in BACKENDS:
        runs[backend] = [paths.fault(name, backend) for name in settings.chosen(FAULT_NAMES)]
    for part in stage.parts(list(runs)):
        with stage.task(part):
            compare_runs(paths, part, runs[part])
