"""Rules on what a committed log says by itself: failed keys, and verdicts that its numbers contradict."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from repro.audit.arithmetic import relative_cost
from repro.audit.evidence import Check, Folder, named_tolerance
from repro.audit.findings import finding
from repro.audit.printed import is_number
from repro.audit.rules.thresholds import stated
from repro.audit.tolerance import Tolerance
from repro.dumps.helper import THRESHOLD
from repro.dumps.log import Line
from repro.markdown import number
from repro.results.audit import AuditFinding

SHOWN = 3


def _listed(lines: Sequence[Line]) -> str:
    """The lines with the largest values."""
    worst = sorted(lines, key=lambda line: -float(line.value) if is_number(line.value) else -math.inf)
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return ", ".join(f"{line.name} ({line.value})" if line.name else line.value for line in worst[:SHOWN]) + more


class Limit(NamedTuple):
    """A threshold that a verdict is judged by; ``exact`` where the log was written with it, else it was no larger."""

    tolerance: Tolerance
    exact: bool = True


def _contradictions(lines: Sequence[Line], limit: Limit | None) -> Iterator[str]:
    """Verdicts against the threshold that is known, else against each other: a report has one threshold."""
    numbers = [(line, float(line.value)) for line in lines if is_number(line.value)]
    if limit is not None and limit.tolerance.relative == 0:
        tolerance = limit.tolerance
        for verdict, wrong in (
            ("passed", [line for line, value in numbers if line.passed and value > tolerance.absolute]),
            ("failed", [line for line, value in numbers if line.passed is False and value <= tolerance.absolute]),
        ):
            if wrong and (limit.exact or verdict == "passed"):
                yield f"calls {_listed(wrong)} {verdict} at the threshold {stated(tolerance)}"
        return
    passed = max((value for line, value in numbers if line.passed), default=-math.inf)
    failed = min((value for line, value in numbers if line.passed is False), default=math.inf)
    if passed > failed:
        yield f"passes {passed:g} and fails {failed:g}, which no one threshold does"


def line_findings(
    where: str, log: str, lines: Sequence[Line], limit: Callable[[Line], Limit | None] = lambda _: None
) -> Iterator[AuditFinding]:
    """Findings on the lines of a log, with the threshold of each where it is known."""
    failed = [line for line in lines if line.passed is False]
    if failed:
        text = f"{log} says failed for {len(failed)} of {len(lines)} keys: {_listed(failed)}."
        yield finding("log says failed", where, text)
    groups: dict[Limit | None, list[Line]] = {}
    for line in lines:
        groups.setdefault(limit(line), []).append(line)
    wrong = [text for one, members in groups.items() for text in _contradictions(members, one)]
    if wrong:
        yield finding("verdict contradicts value", where, f"{log} {'; '.join(wrong)}.")


def _printed_limit(line: Line) -> Limit | None:
    return None if line.limit is None else Limit(Tolerance(line.limit, source="in the same line"))


def _limit_of_pair(check: Check, line: Line) -> Limit | None:
    """The threshold behind a verdict: as the line or ``reprod_log`` has it, else what the pair's script asks for.

    A script that compares the arrays once more may ask for less than the program that wrote the log, which was not
    published, but a log that passes more contradicts it.
    """
    if limit := _printed_limit(line):
        return limit
    if check.logged_by_helper and (written := check.logged_tolerance(line.name)):
        return Limit(written)
    asked = named_tolerance(check.scripts, line.name, *check.names_of_key.get(line.name, ()))
    fits = asked and line.measure == ("max" if asked.measure == "each" else "mean")
    if not asked or not fits or (check.logged_by_helper and asked.absolute < THRESHOLD):
        return None
    return Limit(asked, exact=False)


def _limit_of_log(folder: Folder, path: str) -> Limit | None:
    """The largest threshold that ``reprod_log`` gets in a script that names a log, for a log without dumps."""
    asked = [
        script.tolerance
        for script in folder.scripts
        if script.by_helper and script.tolerance and path in folder.logs_named.get(script.path, ())
    ]
    return Limit(max(asked, key=lambda one: one.absolute), exact=len(set(asked)) == 1) if asked else None


def _by_rounding(lines: Sequence[Line], check: Check | None) -> str:
    """What float32 arithmetic says of the worst of some values: by the size of the arrays, else how large they were."""
    worst = max(lines, key=lambda line: float(line.value))
    facts = check.facts.get(worst.name) if check else None
    if facts and facts.mean_size:
        share, cost = float(worst.value) / facts.mean_size, relative_cost(facts.roundoff)
        verdict = "no more" if share <= cost else "more"
        name = worst.name or "the array"
        return f"For {name} it is {number(share)} of the size of the values, {verdict} than rounding may cost."
    size = float(worst.value) / relative_cost()
    return f"Rounding explains {worst.value} where the values are of size {number(size, 2)} or larger."


def _unknown_threshold(
    folder: Folder, where: str, log: str, lines: Sequence[Line], check: Check | None = None
) -> Iterator[AuditFinding]:
    """A log of ``reprod_log`` that no script ties to a threshold, and that its default does not explain."""
    reports = [script.tolerance for script in folder.scripts if script.by_helper]
    known = math.inf if None in reports else max([THRESHOLD, *(one.absolute for one in reports if one)])
    over = [line for line in lines if line.passed and is_number(line.value) and float(line.value) > known]
    if over:
        text = (
            f"{log} calls {_listed(over)} passed. The default of reprod_log, {THRESHOLD:g}, fails that, and no script"
            " here gives it a threshold that passes it: it was another one, or the verdict was changed."
        )
        yield finding("threshold not shown", where, f"{text} {_by_rounding(over, check)}")


def verdict_findings(folder: Folder) -> Iterator[AuditFinding]:
    """Findings on the verdicts in all logs, with dumps or without."""
    for check in folder.checks:
        if check.log is not None:
            limits = {line: _limit_of_pair(check, line) for line in check.lines}
            yield from line_findings(check.name, check.log, check.lines, limits.__getitem__)
            if check.logged_by_helper:
                unknown = [line for line, limit in limits.items() if limit is None]
                yield from _unknown_threshold(folder, check.name, check.log, unknown, check)
    for path in sorted(folder.loose):  # what each line says by itself
        judged = [line for line in folder.loose[path] if line.limit is not None or line.passed is False]
        yield from line_findings(path, path, judged, _printed_limit)
    for path in sorted(set(folder.logs) - {check.log for check in folder.checks}):
        lines, known = folder.logs[path], _limit_of_log(folder, path)
        yield from line_findings(path, path, lines, lambda line, known=known: _printed_limit(line) or known)  # type: ignore[misc]
        if path in folder.reports and known is None:
            yield from _unknown_threshold(folder, path, path, lines)
