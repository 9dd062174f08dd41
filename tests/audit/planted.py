"""Faults planted into healthy evidence, and what the audit says. ``python -m tests.audit.planted`` prints the table."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from repro.audit import Audit, audit
from repro.audit.findings import KINDS, Finding
from tests.audit import combined  # noqa: F401, adds to FAULTS
from tests.audit.faults import FAULTS, Fault, Place
from tests.audit.reproduction import healthy

# What clean folders may show: equal results make equal files, weights are converted, no file stands behind a table.
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


def make_reproduction(folder: Path, fault: str | None, seed: int) -> Path:
    """Write a reproduction with one fault, or a healthy one; returns its folder."""
    made = healthy(seed)
    if fault is not None:
        FAULTS[fault].plant(made, np.random.default_rng([seed, 1]))
    return made.write(folder)


def run(fault: str | None, seed: int, folder: Path) -> Audit:
    """Audit of such a reproduction, written below ``folder``."""
    return audit(make_reproduction(folder / f"{fault}-{seed}".replace(" ", "-"), fault, seed))


def _is(place: Place, finding: Finding) -> bool:
    return finding.kind == place[0] and place[1] in f"{finding.where} {finding.text}"


def found(item: Fault, result: Audit) -> bool:
    """Whether every finding that is owed is there, about the right place."""
    return all(any(_is(place, finding) for finding in result.findings) for place in item.owed)


def alarms(item: Fault | None, result: Audit) -> list[str]:
    """Findings, notes too, that neither the fault nor its consequences nor healthy evidence explain."""
    expected = CLEAN_NOTES + ((*item.owed, *item.consequences) if item else ())
    unexplained = [f for f in result.findings if not any(_is(place, f) for place in expected)]
    return [f"{finding.kind}: {finding.where}: {finding.text}" for finding in unexplained]


def main(seeds: int = 10) -> int:
    """Print fault, found, false alarms; exit code 1 if a fault is missed or an alarm is false."""
    print(f"{'fault':46}{'owed':31}{'level':8}found  false alarms")
    wrong = False
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for item in FAULTS.values():
            results = [run(item.name, seed, folder) for seed in range(seeds)]
            hits = sum(found(item, result) for result in results)
            false = Counter(alarm for result in results for alarm in alarms(item, result))
            wrong |= hits < seeds or bool(false)
            more = f" + {len(item.owed) - 1}" if len(item.owed) > 1 else ""
            print(f"{item.name:46}{item.kind + more:31}{KINDS[item.kind].level:8}{hits}/{seeds}  {false.total()}")
            print(*(f"    {alarm}" for alarm in false), sep="\n", end="\n" if false else "")
        clean = [run(None, seed, folder) for seed in range(3 * seeds)]
        false = Counter(alarm for result in clean for alarm in alarms(None, result))
        print(f"{'none (clean)':85}{len(clean)} folders  {false.total()}")
        print(*(f"    {alarm}" for alarm in false), sep="\n", end="\n" if false else "")
    return int(wrong or bool(false))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
