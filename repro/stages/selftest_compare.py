"""Stage ``selftest-compare``: which steps detect the planted faults, and whether a clean run raises an alarm.

Reads the dumps of the self-test; writes ``selftest/detections/{part}.json``, one task for the clean runs and one for
each group of faults in each framework.
"""

from repro.config.paths import RunPaths
from repro.config.profile import BACKENDS
from repro.selftest import COMPARED, FAULT_NAMES, FAULTS, SelftestPaths
from repro.selftest.detect import compare_runs
from repro.stages.base import Stage


def run(stage: Stage) -> None:
    """Compare the runs of the self-test."""
    paths, settings = SelftestPaths(stage.run.selftest), stage.profile.selftest
    runs: dict[str, list[RunPaths]] = {part: [] for part in COMPARED}
    runs["clean"] += [paths.clean(seed) for seed in range(settings.clean)]
    for backend in BACKENDS:
        for name in settings.chosen(FAULT_NAMES):
            runs[f"{backend}-{FAULTS[name].group}"].append(paths.fault(name, backend))
    for part in stage.parts(COMPARED):
        with stage.task(part):
            compare_runs(paths, part, runs[part])
