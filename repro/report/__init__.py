"""The report of a run: ``report.json``, and ``report.md`` rendered from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from repro.claims import load_document
from repro.paths import RunPaths, atomic_bytes, atomic_json, atomic_text
from repro.report.collect import collect
from repro.report.json_report import SCHEMA_FILE, SCHEMA_NAME, exit_code, make_report, validate
from repro.report.power import power_section
from repro.report.sections import section
from repro.report.summary import summary

__all__ = ["build_report", "exit_code", "render"]


def render(report: dict[str, Any]) -> str:
    """``report.md`` of a report: one text that stands alone, the same for the same report."""
    lines = summary(report)
    for step in report["steps"]:
        lines += [f'<a id="step-{step["step"]}"></a>', "", *section(report, step)]
    lines += power_section(report["selftest"])
    return "\n".join(lines).rstrip() + "\n"


def build_report(run: RunPaths) -> Path:
    """Write ``report.json``, its schema beside it and then ``report.md``, each atomically.

    Whatever is missing or unreadable in the run stands in the report as ``not run`` with the reason.

    Returns:
        Path of ``report.md``; ``exit_code`` of the JSON beside it tells how the run ended.

    Raises:
        InputError: the directory holds no run, or the report does not fit its own schema.
    """
    document = load_document()
    titles = {number: heading.title for number, heading in document.steps.items()}
    claims = {number: {claim.id for claim in document.claims if claim.step == number} for number in titles}
    report = make_report(collect(run, titles, claims), document)
    validate(report, document)
    text = render(report)
    atomic_bytes(run.root / SCHEMA_NAME, SCHEMA_FILE.read_bytes())
    atomic_json(run.report_json, report)
    atomic_text(run.report_md, text)
    return run.report_md
