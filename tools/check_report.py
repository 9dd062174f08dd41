"""Check that a finished run has a complete report: types, trainings, verdicts. Called by .ci/run."""

import argparse
import sys
from pathlib import Path

from repro.claims import load_claims
from repro.config.paths import RunPaths
from repro.errors import InputError
from repro.results.report import Report

MOST_LINES = 300  # of report.md that a reader sees before anything is unfolded


def unfolded(markdown: str) -> list[str]:
    """Lines that a reader sees before anything is unfolded."""
    lines, depth = [], 0
    for line in markdown.splitlines():
        if depth == 0:
            lines.append(line)
        depth += line.startswith("<details") - line.startswith("</details")
    return lines


def faults(report: Report, trainings: int) -> list[str]:
    """What is wrong with a report.

    Args:
        trainings: number of trainings from pretrained weights that it must hold, all different and complete.
    """
    lines = []
    done = {entry.folder for entry in report.training if entry.init == "pretrained" and entry.status == "done"}
    if len(done) != trainings:
        lines.append(f"{len(done)} trainings from pretrained weights, {trainings} expected")
    if [claim.id for claim in report.claims] != list(load_claims()):
        lines.append("the report does not hold every documented claim once, in the order of the document")
    if not report.selftest.passed:
        lines.append(f"self-test: {report.selftest.reason or report.selftest.sentence}")
    if idle := [claim.id for claim in report.claims if claim.verdict == "not run"]:
        lines.append(f"claims that no step answered: {', '.join(idle)}")
    return lines


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--trainings", type=int, default=30)
    options = parser.parse_args()
    run = RunPaths(options.run)
    try:
        report = Report.read(run.report_json)
    except InputError as error:
        print(error)
        return 1
    lines = faults(report, options.trainings)
    for page in (run.report_md, run.report_zh, run.report_html):
        if not page.is_file() or page.stat().st_size == 0:
            lines.append(f"{page.name} is missing or empty")
        elif page.suffix == ".md" and (shown := len(unfolded(page.read_text(encoding="utf-8")))) > MOST_LINES:
            lines.append(f"{page.name} shows {shown} lines unfolded, more than {MOST_LINES}")
    print("\n".join(lines) or f"report complete: {options.trainings} trainings, {len(report.claims)} claims")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
