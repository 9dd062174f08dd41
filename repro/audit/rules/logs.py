"""Rules on what a committed log says by itself: failed keys, and verdicts that its numbers contradict."""

import math
from collections.abc import Callable, Iterator, Sequence

from repro.audit.evidence import Folder
from repro.audit.findings import finding
from repro.audit.printed import is_number
from repro.audit.rules.thresholds import stated
from repro.audit.tolerance import Tolerance
from repro.dumps.log import Line
from repro.results.audit import AuditFinding

SHOWN = 3


def _listed(lines: Sequence[Line]) -> str:
    """The lines with the largest values."""
    worst = sorted(lines, key=lambda line: -float(line.value) if is_number(line.value) else -math.inf)
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return ", ".join(f"{line.name} ({line.value})" for line in worst[:SHOWN]) + more


def _contradictions(lines: Sequence[Line], tolerance: Tolerance | None) -> Iterator[str]:
    """Verdicts against the threshold that is known, else against each other: a report has one threshold."""
    numbers = [(line, float(line.value)) for line in lines if is_number(line.value)]
    if tolerance is not None and tolerance.relative == 0:
        for verdict, wrong in (
            ("passed", [line for line, value in numbers if line.passed and value > tolerance.absolute]),
            ("failed", [line for line, value in numbers if line.passed is False and value <= tolerance.absolute]),
        ):
            if wrong:
                yield f"calls {_listed(wrong)} {verdict} at the threshold {stated(tolerance)}"
        return
    passed = max((value for line, value in numbers if line.passed), default=-math.inf)
    failed = min((value for line, value in numbers if line.passed is False), default=math.inf)
    if passed > failed:
        yield f"passes {passed:g} and fails {failed:g}, which no one threshold does"


def line_findings(
    where: str, log: str, lines: Sequence[Line], tolerance: Callable[[str], Tolerance | None] = lambda _: None
) -> Iterator[AuditFinding]:
    """Findings on the lines of a log, with the tolerance of each key where it is known."""
    failed = [line for line in lines if line.passed is False]
    if failed:
        text = f"{log} says failed for {len(failed)} of {len(lines)} keys: {_listed(failed)}."
        yield finding("log says failed", where, text)
    groups: dict[Tolerance | None, list[Line]] = {}
    for line in lines:
        groups.setdefault(tolerance(line.name), []).append(line)
    wrong = [text for limit, members in groups.items() for text in _contradictions(members, limit)]
    if wrong:
        yield finding("verdict contradicts value", where, f"{log} {'; '.join(wrong)}.")


def verdict_findings(folder: Folder) -> Iterator[AuditFinding]:
    """Findings on the verdicts in all logs, with dumps or without."""
    for check in folder.checks:
        if check.log is not None:
            yield from line_findings(check.name, check.log, check.lines, check.logged_tolerance)
    for path in sorted(set(folder.logs) - {check.log for check in folder.checks}):
        yield from line_findings(path, path, folder.logs[path])
