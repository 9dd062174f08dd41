"""Stage ``selftest-conclude``: the table of what the steps detect.

Reads ``selftest/detections/``; writes ``selftest/selftest.json`` and ``selftest/selftest.md``.
"""

from repro.selftest import FAULT_NAMES, SelftestPaths
from repro.selftest.conclude import conclude
from repro.stages.base import Stage


def run(stage: Stage) -> None:
    """Conclude the self-test."""
    settings = stage.profile.selftest
    with stage.task():
        conclude(SelftestPaths(stage.run.selftest), settings.chosen(FAULT_NAMES), settings.clean)
