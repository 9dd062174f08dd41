"""What the templates of ``audit.md`` and ``audit.html`` print: lists and tables of a report's values."""

from collections.abc import Iterable, Iterator, Mapping

from repro.audit.overview import heading, overview
from repro.markdown import number, short_hash
from repro.pages import Code, Joined, Phrase, Strong, Verdict, phrase
from repro.pages.grids import Grid
from repro.results.audit import AuditedKey, AuditedPair, AuditFinding, AuditReport, RankedKind

__all__ = ["cases", "claim_table", "fault", "file_tables", "first_screen", "heading", "meaning", "pair_table"]

FITS = {
    "squeezed": phrase("shapes agree only squeezed"),
    "transposed": phrase("shapes agree only transposed"),
    "broadcast": phrase("shapes agree only broadcast"),
    "none": phrase("shapes do not agree"),
}


def first_screen(report: AuditReport) -> list[object]:
    """The overview, each text in a line of its own with its label."""
    return [Joined((Strong(line.label), text), ": ") for line in overview(report) for text in line.texts]


def meaning(kind: RankedKind) -> str:
    """What a kind of finding means, as a sentence."""
    contradicts = " This contradicts what is documented." if kind.contradicts else ""
    return f"{kind.meaning[:1].upper()}{kind.meaning[1:]}.{contradicts}"


def fault(kind: RankedKind) -> Joined:
    """How a kind of fault begins: that it is one, how many there are, what it means."""
    return Joined((Joined((Verdict(kind.level), Strong(heading(kind))), " "), meaning(kind)), ": ")


def cases(findings: Iterable[AuditFinding]) -> list[object]:
    """Place and sentence of each finding."""
    return [Joined((Code(item.where), item.text), ": ") for item in findings]


def _strict(key: AuditedKey) -> object:
    if key.fit is None:
        return phrase("one side only")
    if key.fit != "same" and (key.fit != "squeezed" or key.size != 1):
        return FITS[key.fit]
    parts = [phrase("{n} of {total} equal", n=key.equal, total=key.size)]
    if key.equal != key.size and key.relative_l2 is not None:
        parts.append(phrase("relative L2 {value}", value=number(key.relative_l2)))
    if key.equal != key.size and key.max_ulp is not None:
        parts.append(phrase("at most {n} ulp", n=number(key.max_ulp)))
    return Joined(tuple(parts))


def _pair_rows(check: AuditedPair) -> Iterator[list[object]]:
    log = check.reprod_log.lines  # in turn a line with the key and one with its value
    printed = {text.partition(":")[0]: line.strip() for text, line in zip(log[:-1:2], log[1::2], strict=False)}
    for key in check.keys:
        shape = " × ".join(map(str, key.shape or ())) or phrase("scalar")
        line = printed.get(key.key)
        yield [Code(key.key), shape, key.logged, line and Code(line), _strict(key)]
    stops = phrase("stops: {why}", why=check.reprod_log.stopped)
    yield [phrase("all"), None, None, Code(log[-1]) if log else stops, None]


def pair_table(check: AuditedPair) -> Grid:
    """Every key of a pair: as logged, as ``reprod_log`` prints it, and strictly."""
    columns = [phrase("key"), phrase("shape"), phrase("committed log"), Code("reprod_log"), phrase("strict comparison")]
    return Grid(columns, list(_pair_rows(check)))


def claim_table(report: AuditReport) -> Grid:
    """Every documented claim with its answer."""
    columns: list[object] = [
        *(phrase("claim"), phrase("documented"), phrase("in the log"), phrase("from the dumps")),
        *(phrase("relative L2"), phrase("verdict"), phrase("reason")),
    ]
    rows: list[list[object]] = [
        [c.id, c.documented, next(iter(c.logged.values()), None), c.rederived, c.relative, Verdict(c.verdict), c.reason]
        for c in report.claims
    ]
    return Grid(columns, rows)


def file_tables(report: AuditReport) -> list[Grid]:
    """Lists of files with their titles; the empty ones are left out."""
    hashes = {path: short_hash(value) for path, value in report.files.items()}
    dumps = {path: Joined(tuple(map(Code, names))) for path, names in report.absent.items()}
    lists: list[tuple[Phrase, object, Mapping[str, object]]] = [
        (phrase("Dumps that were read"), Code("sha256"), hashes),
        (phrase("Files that were refused"), phrase("reason"), report.refused),
        (phrase("Dumps and logs without a counterpart"), "", dict.fromkeys(report.unpaired)),
        (phrase("Files of numbers that nothing compares"), "", dict.fromkeys(report.uncompared)),
        (phrase("Files in formats that are not read"), "", dict.fromkeys(report.unread)),
        (phrase("Scripts that compare absent dumps"), phrase("dumps"), dumps),
        (phrase("Folders of other people's code, left aside"), "", dict.fromkeys(report.left_aside)),
    ]
    return [
        Grid([phrase("file"), second], [[Code(path), value] for path, value in rows.items()], title)
        for title, second, rows in lists
        if rows
    ]
