"""The report of a run: ``report.json``, its schema beside it, and ``report.md`` rendered from it."""

from pathlib import Path

from repro.claims import load_document
from repro.config.paths import RunPaths, atomic_json, atomic_text
from repro.report.assemble import assemble, exit_code
from repro.report.collect import collect
from repro.report.render import render
from repro.results.report import SCHEMA_NAME, Report

__all__ = ["build_report", "exit_code", "render"]


def build_report(run: RunPaths) -> Path:
    """Write ``report.json``, its schema beside it and then ``report.md``, each atomically.

    Whatever is missing or unreadable in the run stands in the report as ``not run`` with the reason.

    Returns:
        Path of ``report.md``; ``exit_code`` of the report beside it says how the run ended.

    Raises:
        InputError: the directory holds no run.
    """
    document = load_document()
    report = assemble(collect(run, document), document)
    text = render(report)
    atomic_json(run.root / SCHEMA_NAME, Report.model_json_schema())
    report.write(run.report_json)
    atomic_text(run.report_md, text)
    return run.report_md
