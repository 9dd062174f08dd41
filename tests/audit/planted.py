"""Faults planted into healthy evidence, and what the audit reports: ``python -m tests.audit.planted [SEEDS]``."""

import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from repro.audit import audit
from repro.audit.findings import KINDS
from repro.results.audit import AuditFinding, AuditReport
from tests.audit.fault_registry import Fault, Place
from tests.audit.faults import FAULTS
from tests.audit.reproduction import healthy

# Notes on clean folders: equal results give equal files, weights are converted, no file backs a table.
CLEAN_NOTES: tuple[Place, ...] = (
    ("same bytes", "2_data/"),
    ("same bytes", "3_metric/"),
    ("same bytes", "6_learning_rate/"),
    ("dtypes differ", "[mask]"),
    ("scalar shapes", "4_loss/"),
    ("bit-equal", "weights_*.bin"),
    ("bit-equal", "[lr]"),
    ("no evidence", "notes.md"),
)
# What follows from many faults: dumps that differ, fail their threshold, and a log that says so.
FAILURES: tuple[Place, ...] = (("log says failed", ""), ("fails its threshold", ""), ("sides differ", ""))


def make_reproduction(folder: Path, fault: str | None, seed: int) -> Path:
    """Write a reproduction with one fault, or a healthy one; returns its folder."""
    reproduction = healthy(seed)
    if fault:
        FAULTS[fault].plant(reproduction, np.random.default_rng([seed, 1]))
    return reproduction.write(folder)


def run(fault: str | None, seed: int, folder: Path) -> AuditReport:
    """Audit of such a reproduction, written below ``folder``."""
    return audit(make_reproduction(folder / f"{fault}-{seed}".replace(" ", "-"), fault, seed))


def _is(place: Place, finding: AuditFinding) -> bool:
    return finding.kind == place[0] and place[1] in f"{finding.where} {finding.text}"


def detected(item: Fault, report: AuditReport) -> bool:
    """Whether every required finding is there, about the right place."""
    return all(any(_is(place, finding) for finding in report.findings) for place in item.required)


def alarms(item: Fault | None, report: AuditReport) -> list[str]:
    """Findings, including notes, that neither the fault nor its consequences nor healthy evidence explain."""
    expected = CLEAN_NOTES + ((*item.required, *item.consequences, *FAILURES) if item else ())
    unexplained = [f for f in report.findings if not any(_is(place, f) for place in expected)]
    return [f"{finding.kind}: {finding.where}: {finding.text}" for finding in unexplained]


def main(seeds: int = 10) -> int:
    """Print faults, detections and false alarms; returns 1 if a fault is missed or an alarm is false."""
    print(f"{'fault':46}{'required':31}{'level':8}detected  false alarms")
    wrong = False
    with tempfile.TemporaryDirectory() as folder:
        for item in (*FAULTS.values(), None):
            name = item.name if item else None
            reports = [run(name, seed, Path(folder)) for seed in range(seeds if item else 3 * seeds)]
            hits = sum(item is None or detected(item, report) for report in reports)
            false = Counter(alarm for report in reports for alarm in alarms(item, report))
            wrong |= hits < len(reports) or bool(false)
            required = ", ".join(kind for kind, _ in item.required) if item else "-"
            level = KINDS[item.kind].level if item else "-"
            print(f"{name or 'none (clean)':46}{required:31}{level:8}{f'{hits}/{len(reports)}':9} {false.total()}")
            for alarm in false:
                print(f"    {alarm}")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
