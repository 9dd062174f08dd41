"""Reproductions of many habits, with one planted fault or none: ``python -m tests.audit.habits.planted [FOLDERS]``."""

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from repro.audit import audit
from repro.results.audit import AuditFinding, AuditReport
from tests.audit.habits.faults import FAULTS, MEANINGS, Fault
from tests.audit.habits.layouts import HABITS, Habit
from tests.audit.habits.numbers import healthy
from tests.audit.habits.writing import Project

HEALTHY_SHARE = 5  # every so many folders one is healthy


@dataclass(frozen=True)
class Case:
    """One folder: a habit, a fault or none, and a seed."""

    habit: Habit
    fault: Fault | None
    seed: int

    def project(self) -> Project:
        rng = np.random.default_rng([self.seed, HABITS.index(self.habit)])
        items = healthy(rng)
        project = Project(self.habit, {name: items[name] for name in self.habit.items or items})
        if self.fault:
            self.fault.plant(project, project.items[self.fault.item], rng)
        return project


@dataclass(frozen=True)
class Outcome:
    """What the audit said of a case: whether the fault was detected, false alarms, items without a pair."""

    case: Case
    detected: bool
    alarms: tuple[str, ...]
    unpaired: tuple[str, ...]


def cases(count: int) -> Iterator[Case]:
    """Habits and faults in turn, with another seed each round; one case in ``HEALTHY_SHARE`` has no fault."""
    planted = [(habit, fault) for fault in FAULTS.values() for habit in HABITS if fault.fits(habit)]
    for number in range(count):
        round_, place = divmod(number, HEALTHY_SHARE)
        if place == HEALTHY_SHARE - 1:
            yield Case(HABITS[round_ % len(HABITS)], None, number)
        else:
            habit, fault = planted[(number - round_) % len(planted)]
            yield Case(habit, fault, number)


def _about(case: Case, finding: AuditFinding) -> bool:
    """Whether a finding is about what was planted: its item by name, its step, or a file that holds all items."""
    if case.fault is None:
        return False
    return case.fault.item in f"{finding.where} {finding.text}"


def judge(case: Case, project: Project, report: AuditReport) -> Outcome:
    """Detected: a finding that means the fault. A false alarm: a fault about something that was not touched."""
    kinds = MEANINGS[case.fault.meaning] if case.fault else ()
    hits = [item for item in report.findings if item.kind in kinds]
    alarms = [item for item in report.findings if item.level == "fault" and item not in hits and not _about(case, item)]
    paired = " ".join(check.pair for check in report.checks)
    missing = [name for name, item in project.items.items() if not item.left_out and name not in paired]
    texts = tuple(f"{item.kind}: {item.where}: {item.text}" for item in alarms)
    return Outcome(case, case.fault is None or bool(hits), texts, tuple(missing))


def run(case: Case, folder: Path) -> Outcome:
    """Write a case into a folder, audit it, and remove it."""
    project = case.project()
    project.write(folder)
    outcome = judge(case, project, audit(folder))
    shutil.rmtree(folder)
    return outcome


def main(count: int = 1000) -> int:
    """Print detections by fault and false alarms by habit; returns 1 if a fault is missed or an alarm is false."""
    with tempfile.TemporaryDirectory() as folder:
        outcomes = [run(case, Path(folder) / "case") for case in cases(count)]
    faulty = [outcome for outcome in outcomes if outcome.case.fault]
    total, hit = Counter[str](), Counter[str]()
    for outcome in faulty:
        assert outcome.case.fault
        total[outcome.case.fault.name] += 1
        hit[outcome.case.fault.name] += outcome.detected
    for name, number in total.items():
        print(f"{name:42}{FAULTS[name].meaning:26}{hit[name]}/{number}")
        missed = {o.case.habit.name for o in faulty if o.case.fault is FAULTS[name] and not o.detected}
        print(f"    missed: {', '.join(sorted(missed))}\n" if missed else "", end="")
    alarms = Counter(f"{o.case.habit.name}: {alarm[:200]}" for o in outcomes for alarm in o.alarms)
    unpaired = Counter(f"{o.case.habit.name}: no pair of {name}" for o in outcomes for name in o.unpaired)
    for text, number in (*alarms.most_common(40), *unpaired.most_common(40)):
        print(f"{number:4} × {text}")
    clean = [outcome for outcome in outcomes if not outcome.case.fault]
    print(
        f"{len(outcomes)} folders of {len(HABITS)} habits: {hit.total()} of {total.total()} faults detected;"
        f" {alarms.total()} false alarms, {sum(bool(o.alarms) for o in clean)} of {len(clean)} healthy folders accused"
    )
    return int(hit != total or bool(alarms) or bool(unpaired))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
