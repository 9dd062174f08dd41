"""The first screen of an audit: what was checked, what holds, what does not, what could not be checked."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from repro.results.audit import AuditReport, RankedKind

WORST_KINDS = 3
FEW = 3
MOST_NAMED = 2  # kinds of unchecked files whose names still fit into a line


class Line(NamedTuple):
    """One thing that the first screen says, in one line or a few."""

    label: str
    texts: tuple[str, ...]


def counted(count: int, one: str, many: str = "") -> str:
    """``1 pair``, ``2 pairs``, or ``no pairs``; ``many`` is the plural where it is not ``one`` with an s."""
    return f"{count or 'no'} {one if count == 1 else many or one + 's'}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:FEW]) + (", …" if len(names) > FEW else "")


def _listed(parts: list[str]) -> str:
    return "; ".join(parts)


def result(report: AuditReport) -> str:
    """The result in one sentence."""
    summary, faults = report.summary, report.summary.findings.get("fault", 0)
    if not report.anything_checked:
        return (
            "Nothing could be checked here: no pair of dumps, no log of a comparison and no comparing script was found."
            " Names tell two sides, as out_torch.npy and out_paddle.npy do, or a script that loads both."
        )
    claims = ", ".join(f"{count} {verdict}" for verdict, count in summary.claims.items())
    parts = [f"{counted(len(report.claims), 'claim')}: {claims}"] if claims else []
    parts.append(counted(len(report.checks), "pair of dumps", "pairs of dumps"))
    number_of_faults = counted(faults, "fault")
    if summary.contradictions:
        number_of_faults += f", {summary.contradictions} against what is documented"
    return f"{_listed([*parts, number_of_faults])}."


def _checked(report: AuditReport) -> str:
    keys = sum(len(check.keys) for check in report.checks)
    parts = [
        f"{counted(len(report.checks), 'pair')} with {counted(keys, 'array')}",
        counted(report.summary.logs, "log"),
        counted(report.summary.scripts, "comparing script"),
    ]
    numbers = sum(report.documents.values())
    documents = [name for name, count in report.documents.items() if count]
    parts.append(f"{counted(numbers, 'number')} in {_some(documents)}" if documents else "no documented number")
    return _listed(parts)


def _holds(report: AuditReport) -> str:
    claims, pairs = report.summary.claims, len(report.checks)
    parts = [f"{report.summary.sound} of {counted(pairs, 'pair')} without a fault"] if pairs else []
    if claims:
        judged = sum(claims.values()) - claims.get("not run", 0)
        parts = [f"{claims.get('reproduced', 0)} of the {judged} claims that these files can judge", *parts]
    return _listed(parts) or "nothing was found that could hold"


def kind_line(kind: RankedKind) -> str:
    """A kind of finding with its count and the places of its worst findings."""
    places = list(dict.fromkeys(item.where for item in kind.worst))
    more = ", …" if kind.count > len(kind.worst) else ""
    return f"{kind.kind} ({kind.count}): {', '.join(places)}{more}"


def _faults(report: AuditReport) -> Iterator[str]:
    faults = [kind for kind in report.ranked if kind.level == "fault"]
    if not faults:
        yield "nothing that was checked"
    yield from map(kind_line, faults[:WORST_KINDS])
    if more := faults[WORST_KINDS:]:
        yield f"and {', '.join(f'{kind.kind} ({kind.count})' for kind in more)}"


def _unchecked(report: AuditReport) -> str:
    without = sum(kind.count for kind in report.ranked if kind.kind == "no evidence")
    parts: list[tuple[str, Sequence[str]]] = [
        (f"{counted(report.summary.claims.get('not run', 0), 'claim')} that no file can settle", ()),
        (f"{counted(without, 'passage')} of numbers without evidence", ()),
        (f"{counted(len(report.unpaired), 'dump or log', 'dumps or logs')} without a counterpart", ()),
        (f"{counted(len(report.absent), 'script')} of absent dumps", [*report.absent]),
        (f"{counted(len(report.refused), 'file')} refused", [*report.refused]),
        (f"{counted(len(report.uncompared), 'file')} of numbers that nothing compares", report.uncompared),
        (f"{counted(len(report.unread), 'file')} in a format that is not read", report.unread),
    ]
    said = [(text, names) for text, names in parts if not text.startswith("no ")]
    few = len(said) <= MOST_NAMED  # the files have tables of their own
    listed = [f"{text} ({_some(names)})" if few and names else text for text, names in said]
    return _listed(listed) or "nothing was left out"


def overview(report: AuditReport) -> list[Line]:
    """The first screen, at most ten lines."""
    lines = [
        Line("Result", (result(report),)),
        Line("Checked", (_checked(report),)),
        Line("Holds", (_holds(report),)),
        Line("Does not hold", tuple(_faults(report))),
        Line("Not checked", (_unchecked(report),)),
    ]
    if report.left_aside:
        lines.append(Line("Left aside", (f"other people's code in {_some(list(report.left_aside))}",)))
    return lines
