"""Stage ``report``: everything that the run says, for a reader and for a program.

Reads the results of all other stages; writes ``report.md`` and ``report.json``.
"""

from repro.report import build_report
from repro.stages.base import Stage


def run(stage: Stage) -> None:
    """Write the report and print what it says."""
    with stage.task():
        print(build_report(stage.run))
