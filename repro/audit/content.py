"""What the templates of ``audit.md`` and ``audit.html`` print: lists and tables of a report's values."""

from collections.abc import Iterable, Iterator

from repro.audit.overview import overview
from repro.markdown import number, short_hash
from repro.pages import Code, Joined, Strong
from repro.pages.grids import Grid
from repro.results.audit import AuditedKey, AuditedPair, AuditFinding, AuditReport, RankedKind


def first_screen(report: AuditReport) -> list[object]:
    """The overview, each text in a line of its own, the first of a label with the label."""
    return [
        text if place else Joined((Strong(line.label), text), ": ")
        for line in overview(report)
        for place, text in enumerate(line.texts)
    ]


def heading(kind: RankedKind) -> str:
    """Kind of finding and how many there are."""
    return f"{kind.kind} ({kind.count})"


def meaning(kind: RankedKind) -> str:
    """What a kind of finding means, as a sentence."""
    contradicts = " This contradicts what is documented." if kind.contradicts else ""
    return f"{kind.meaning[:1].upper()}{kind.meaning[1:]}.{contradicts}"


def cases(findings: Iterable[AuditFinding]) -> list[object]:
    """Place and sentence of each finding."""
    return [Joined((Code(item.where), item.text), ": ") for item in findings]


def _strict(key: AuditedKey) -> str:
    if key.fit is None:
        return "one side only"
    if key.fit != "same" and (key.fit != "squeezed" or key.size != 1):
        return f"shapes differ ({key.fit})"
    equal = f"{key.equal} of {key.size} equal"
    if key.equal == key.size:
        return equal
    relative = f", relative L2 {number(key.relative_l2)}" if key.relative_l2 is not None else ""
    ulp = f", at most {number(key.max_ulp)} ULP" if key.max_ulp is not None else ""
    return f"{equal}{relative}{ulp}"


def _pair_rows(check: AuditedPair) -> Iterator[list[object]]:
    log = check.reprod_log.lines  # in turn a line with the key and one with its value
    printed = {text.partition(":")[0]: line.strip() for text, line in zip(log[:-1:2], log[1::2], strict=False)}
    for key in check.keys:
        shape = " × ".join(map(str, key.shape or ())) or "scalar"
        yield [Code(key.key), shape, key.logged, printed.get(key.key), _strict(key)]
    yield ["all", None, None, log[-1] if log else f"stops: {check.reprod_log.stopped}", None]


def pair_table(check: AuditedPair) -> Grid:
    """Every key of a pair: as logged, as ``reprod_log`` prints it, and strictly."""
    return Grid(["key", "shape", "committed log", "reprod_log", "strictly"], list(_pair_rows(check)))


def claim_table(report: AuditReport) -> Grid:
    """Every documented claim with its answer."""
    columns: list[object] = ["claim", "documented", "in the log", "from the dumps", "relative L2", "verdict", "reason"]
    rows: list[list[object]] = [
        [c.id, c.documented, next(iter(c.logged.values()), None), c.rederived, c.relative, c.verdict, c.reason]
        for c in report.claims
    ]
    return Grid(columns, rows)


def file_tables(report: AuditReport) -> list[tuple[str, Grid]]:
    """Lists of files by their titles; the empty ones are left out."""
    hashes = {path: short_hash(value) for path, value in report.files.items()}
    lists: dict[str, tuple[str, Iterable[tuple[str, object]]]] = {
        "Dumps that were read": ("sha256", hashes.items()),
        "Files that were refused": ("reason", report.refused.items()),
        "Dumps and logs without a counterpart": ("", ((path, None) for path in report.unpaired)),
        "Files of numbers that nothing compares": ("", ((path, None) for path in report.uncompared)),
        "Files in formats that are not read": ("", ((path, None) for path in report.unread)),
        "Scripts that compare absent dumps": (
            "dumps",
            ((path, ", ".join(dumps)) for path, dumps in report.absent.items()),
        ),
        "Folders of other people's code, left aside": ("", ((path, None) for path in report.left_aside)),
    }
    grids = {
        title: Grid(["file", second], [[Code(path), value] for path, value in rows])
        for title, (second, rows) in lists.items()
    }
    return [(title, grid) for title, grid in grids.items() if grid.rows]
