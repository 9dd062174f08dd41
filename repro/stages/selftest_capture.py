"""Stage ``selftest-capture``: dumps of one framework as it is, over several seeds, and with each fault planted in it.

Reads ``selftest/clean/{seed}/``; writes dumps there and ``selftest/faults/{backend}/{fault}/``, one task per seed
(``clean-{seed}``) and per fault.
"""

from repro.backends import load
from repro.selftest import FAULT_NAMES, FAULTS, SelftestPaths, capture_clean, capture_fault
from repro.stages.base import Stage

CLEAN = "clean-"


def group_of(part: str) -> str:
    """The job that does a part. A framework's parts are split, so that the last of them do not run alone."""
    return "clean" if part.startswith(CLEAN) else FAULTS[part].group


def run(stage: Stage) -> None:
    """Capture the clean runs and those with a fault planted."""
    load(stage.framework)  # here, so that it is no part of the first task's time
    paths, settings = SelftestPaths(stage.run.selftest), stage.profile.selftest
    known = [*(f"{CLEAN}{seed}" for seed in range(settings.clean)), *settings.chosen(FAULT_NAMES)]
    for part in stage.parts(known):
        with stage.task(part):
            if part.startswith(CLEAN):
                capture_clean(paths, stage.framework, int(part.removeprefix(CLEAN)))
            else:
                capture_fault(paths, stage.framework, part)
