"""What the table of claims needs of a run: the figures of its report, as they stand there."""

import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

from repro.config.paths import RunPaths
from repro.errors import InputError
from repro.results.audit import AuditReport
from repro.results.report import Report

Excerpt = dict[str, Any]  # JSON


def excerpt(folder: Path) -> tuple[str, Excerpt]:
    """Name and figures of a run: its profile, with the protocol if that is not the paper's; or ``audit``.

    Raises:
        InputError: the folder holds neither a report nor an audit.
    """
    run = RunPaths(folder)
    if run.report_json.is_file():
        report = Report.read(run.report_json)
        protocol = "" if report.run.protocol == "paper" else f"_{report.run.protocol}"
        return f"{report.run.profile}{protocol}", _of_report(report)
    if (folder / "audit.json").is_file():
        summary = AuditReport.read(folder / "audit.json").summary
        return "audit", {"claims": dict(summary.claims), "findings": dict(summary.findings)}
    raise InputError("no report to take figures from", where=folder, next_step="name a finished run or audit")


def _of_report(report: Report) -> Excerpt:
    zeros = [claim.measured for claim in report.claims if claim.kind == "zero" and claim.measured is not None]
    counts, clean = report.selftest.summary, report.selftest.summary and report.selftest.summary.clean
    return {
        "seconds": round(report.run.durations.elapsed),
        "verdicts": {verdict: count for verdict, count in report.summary.claims.items() if count},
        "zeros": {"total": len(zeros), "zero": sum(value == 0.0 for value in zeros)},
        "steps": {str(step.step): {"status": step.status, **step.counts} for step in report.steps},
        "claims": {
            claim.id: claim.model_dump(mode="json", include={"documented", "measured", "relative", "verdict"})
            for claim in report.claims
            if claim.kind != "zero"
        },
        "f1": _means(report),
        "selftest": counts and counts.model_dump(mode="json", exclude={"clean"}),
        "clean": clean and clean.model_dump(mode="json"),
    }


def _means(report: Report) -> dict[str, dict[str, dict[str, float]]]:
    """Start weights -> framework -> number of examples -> mean F1 in percent."""
    scores: dict[str, dict[str, dict[str, list[float]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for entry in report.training:
        if entry.f1 is not None:
            scores[entry.init][entry.backend][str(entry.size)].append(entry.f1)
    return {
        init: {side: {size: statistics.fmean(f1) for size, f1 in sizes.items()} for side, sizes in sides.items()}
        for init, sides in scores.items()
    }
