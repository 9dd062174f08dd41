"""Stage ``report``: everything that the run says, for a reader and for a program.

Reads the results of all other stages; writes ``report.json`` and, for readers, ``report.md``, ``report.zh.md``,
``report.html`` and ``figures/``.
"""

from repro.report import build_report, render_text
from repro.results.report import Report
from repro.results.stamp import altered
from repro.stages.base import Stage


def run(stage: Stage) -> None:
    """Write the report and print what it says."""
    with stage.task():
        path = build_report(stage.run, altered(stage.run))
        print(render_text(Report.read(stage.run.report_json)))
        print(path)
