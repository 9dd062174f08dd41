"""Check that a finished run has a complete report: schema, trainings, verdicts. Called by .ci/run."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import jsonschema

from repro.paths import PACKAGE, RunPaths

SCHEMA = PACKAGE / "report" / "schema.json"
STEPS = range(1, 12)


def faults(report: dict[str, Any], schema: dict[str, Any], trainings: int) -> list[str]:
    """What is wrong with a report.

    Args:
        trainings: number of trainings from pretrained weights that it must hold, all different.
    """
    found = [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(report)]
    if found:
        return [f"schema: {message}" for message in found]
    runs = {(run["backend"], run["size"], run["seed"]) for run in report["training"] if run["init"] == "pretrained"}
    if len(runs) != trainings:
        found.append(f"{len(runs)} trainings from pretrained weights, {trainings} expected")
    if missing := set(STEPS) - {claim["step"] for claim in report["claims"]}:
        found.append(f"no claim about step(s) {sorted(missing)}")
    if not report["selftest"]["passed"]:
        found.append(f"self-test: {report['selftest']['reason'] or report['selftest']['sentence']}")
    if idle := [claim["id"] for claim in report["claims"] if claim["verdict"] == "not run"]:
        found.append(f"claims that no step answered: {', '.join(idle)}")
    return found


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--trainings", type=int, default=30)
    options = parser.parse_args()
    run = RunPaths(options.run)
    report = json.loads(run.report_json.read_text(encoding="utf-8"))
    found = faults(report, json.loads(SCHEMA.read_text(encoding="utf-8")), options.trainings)
    if not run.report_md.is_file() or run.report_md.stat().st_size == 0:
        found.append("report.md is missing or empty")
    print("\n".join(found) or f"report complete: {options.trainings} trainings, {len(report['claims'])} claims")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
