"""The first screen of an audit: what was checked, what holds, what does not, what could not be checked."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from repro.pages import Code, Joined, Phrase, phrase
from repro.results.audit import AuditReport, RankedKind

WORST_KINDS = 3
FEW = 3
MOST_NAMED = 2  # kinds of unchecked files whose names still fit into a line


class Line(NamedTuple):
    """One thing that the first screen says, in one line or a few."""

    label: Phrase
    texts: tuple[object, ...]


def counted(count: int, one: str, many: str, none: str = "") -> Phrase:
    """One of three phrases by the count; in ``many`` the count is ``{n}``, and for ``none`` where that is empty."""
    return Phrase(one) if count == 1 else Phrase(many, {"n": count}) if count or not none else Phrase(none)


def _some(names: Sequence[str], *, more: bool = False) -> Joined:
    parts: list[object] = [*map(Code, names[:FEW])]
    return Joined((*parts, "…") if more or len(names) > FEW else tuple(parts))


def _listed(parts: list[object]) -> Joined:
    return Joined(tuple(parts), "; ")


def _result(report: AuditReport) -> object:
    """The result in one sentence."""
    summary, faults = report.summary, report.summary.findings.get("fault", 0)
    if not report.anything_checked:
        return phrase(
            "Nothing could be checked here: no pair of dumps, no log of a comparison and no comparing script was found."
            " Names tell two sides, as out_torch.npy and out_paddle.npy do, or a script that loads both."
        )
    claims = tuple(phrase("{n} {verdict}", n=n, verdict=Phrase(verdict)) for verdict, n in summary.claims.items())
    number_of_claims = counted(len(report.claims), "1 claim", "{n} claims")
    parts: list[object] = [Joined((number_of_claims, Joined(claims)), ": ")] if summary.claims else []
    parts.append(counted(len(report.checks), "1 pair of dumps", "{n} pairs of dumps", "no pairs of dumps"))
    number_of_faults: object = counted(faults, "1 fault", "{n} faults", "no faults")
    if n := summary.contradictions:
        number_of_faults = phrase("{faults}, {n} against what is documented", faults=number_of_faults, n=n)
    return phrase("{sentence}.", sentence=_listed([*parts, number_of_faults]))


def _checked(report: AuditReport) -> object:
    pairs = counted(len(report.checks), "1 pair", "{n} pairs", "no pairs")
    arrays = counted(sum(len(check.keys) for check in report.checks), "1 array", "{n} arrays", "no arrays")
    parts: list[object] = [
        phrase("{pairs} with {arrays} in all", pairs=pairs, arrays=arrays),
        counted(report.summary.logs, "1 log", "{n} logs", "no logs"),
        counted(report.summary.scripts, "1 comparing script", "{n} comparing scripts", "no comparing scripts"),
    ]
    numbers = counted(sum(report.documents.values()), "1 number", "{n} numbers")
    documents = [name for name, count in report.documents.items() if count]
    sentence = phrase("{numbers} written in {documents}", numbers=numbers, documents=_some(documents))
    return _listed([*parts, sentence if documents else phrase("no documented number")])


def _holds(report: AuditReport) -> object:
    claims, pairs, parts = report.summary.claims, len(report.checks), list[object]()
    if claims:
        n, judged = claims.get("reproduced", 0), sum(claims.values()) - claims.get("not run", 0)
        parts.append(phrase("{n} of the {judged} claims that these files can judge", n=n, judged=judged))
    if pairs:
        pairs_counted = counted(pairs, "1 pair", "{n} pairs")
        parts.append(phrase("{n} of {pairs} without a fault", n=report.summary.sound, pairs=pairs_counted))
    return _listed(parts or [phrase("nothing was found that could hold")])


def heading(kind: RankedKind) -> Phrase:
    """Kind of finding and how many there are."""
    return phrase("{what} ({n})", what=Phrase(kind.kind), n=kind.count)


def kind_line(kind: RankedKind) -> Joined:
    """A kind of finding with its count and the places of its worst findings."""
    places = list(dict.fromkeys(item.where for item in kind.worst))
    return Joined((heading(kind), _some(places, more=kind.count > len(kind.worst))), ": ")


def _faults(report: AuditReport) -> Iterator[object]:
    faults = [kind for kind in report.ranked if kind.level == "fault"]
    if not faults:
        yield phrase("nothing that was checked")
    yield from map(kind_line, faults[:WORST_KINDS])
    if more := faults[WORST_KINDS:]:
        yield phrase("and also {kinds}", kinds=Joined(tuple(map(heading, more))))


def _unchecked(report: AuditReport) -> object:
    unsettled = report.summary.claims.get("not run", 0)
    without = sum(kind.count for kind in report.ranked if kind.kind == "no evidence")
    unpaired, absent, refused = len(report.unpaired), [*report.absent], [*report.refused]
    uncompared, unread = report.uncompared, report.unread
    parts: list[tuple[Phrase, Sequence[str]]] = [
        (counted(unsettled, "1 claim that no file can settle", "{n} claims that no file can settle"), ()),
        (counted(without, "1 passage of numbers without evidence", "{n} passages of numbers without evidence"), ()),
        (counted(unpaired, "1 dump or log without a counterpart", "{n} dumps or logs without a counterpart"), ()),
        (counted(len(absent), "1 script of absent dumps", "{n} scripts of absent dumps"), absent),
        (counted(len(refused), "1 file refused", "{n} files refused"), refused),
        (
            counted(
                len(uncompared),
                "1 file of numbers that nothing compares",
                "{n} files of numbers that nothing compares",
            ),
            uncompared,
        ),
        (
            counted(len(unread), "1 file in a format that is not read", "{n} files in a format that is not read"),
            unread,
        ),
    ]
    counts = [(text, names) for text, names in parts if text.values.get("n") != 0]
    few = len(counts) <= MOST_NAMED  # the files have tables of their own
    listed: list[object] = [
        phrase("{what} ({n})", what=text, n=_some(names)) if few and names else text for text, names in counts
    ]
    return _listed(listed or [phrase("nothing was left out")])


def overview(report: AuditReport) -> list[Line]:
    """The first screen, at most ten lines."""
    lines = [
        Line(phrase("Result"), (_result(report),)),
        Line(phrase("Checked"), (_checked(report),)),
        Line(phrase("Holds"), (_holds(report),)),
        Line(phrase("Does not hold"), tuple(_faults(report))),
        Line(phrase("Not checked"), (_unchecked(report),)),
    ]
    if report.left_aside:
        folders = _some(report.left_aside)
        lines.append(Line(phrase("Left aside"), (phrase("other people's code in {folders}", folders=folders),)))
    return lines
