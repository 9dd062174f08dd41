"""Stage ``selftest-prepare``: what both frameworks share of the self-test's runs: corpus, inputs and start weights.

Reads the shipped vocabulary; writes ``selftest/clean/{seed}/``, one task per seed.
"""

from repro.selftest import SelftestPaths, prepare_clean
from repro.stages.base import Stage


def run(stage: Stage) -> None:
    """Prepare the clean runs."""
    for seed in stage.parts([str(seed) for seed in range(stage.profile.selftest.clean)]):
        with stage.task(seed):
            prepare_clean(SelftestPaths(stage.run.selftest), int(seed))
