"""One step's section: the documented table with its own headings, every number, what ``reprod_log`` says."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from itertools import groupby

import yaml

from repro.dumps.log import parse
from repro.markdown import exact, number
from repro.pages import Anchor, Code, Joined, Link, Original, Phrase, Strong, Verdict, phrase
from repro.pages.grids import Grid, Rows, grid
from repro.report.evidence import evidence_cell
from repro.results.audit import AuditFinding
from repro.results.base import Table
from repro.results.report import Disagreement, Report, ReportedClaim, ReportedStep

MOST = 30  # rows of a step's table
BRIEF = 330  # characters
SOURCES = {
    "documented": phrase("documented"),
    "published": phrase("from the published files"),
    "measured": phrase("measured now"),
    "relative": phrase("relative size"),
    "verdict": phrase("verdict"),
}


@cache
def document_words() -> dict[str, str]:
    """Chinese words of the document -> their English translation."""
    text = files("repro.report").joinpath("translations", "document.yaml").read_text(encoding="utf-8")
    words: dict[str, str] = yaml.safe_load(text)
    return words


def original(text: str) -> object:
    """Words of the document, translated beside where they are Chinese."""
    english = document_words().get(text)
    return Original(text, english) if english else text


def verdict_cell(claim: ReportedClaim) -> object:
    """The verdict; where only the absolute size is open, what could be judged stands before it."""
    if claim.verdict not in ("not comparable in this profile", "not run"):
        return Verdict(claim.verdict)
    target = Link(phrase("size not judged"), "#not-judged")
    if claim.verdict == "not comparable in this profile" and claim.semantics:
        return Joined((Verdict(claim.semantics), target), "; ")
    return Link(Verdict(claim.verdict), "#not-judged")


def measured_cell(claim: ReportedClaim) -> object:
    """The measured number with all its digits, a way to its evidence."""
    return None if claim.measured is None else Link(exact(claim.measured), f"#claim-{claim.id}")


def _cells(claim: ReportedClaim) -> dict[str, object]:
    """What each of ``SOURCES`` says."""
    return {
        "documented": original(claim.documented),
        "published": claim.rederived,
        "measured": measured_cell(claim),
        "relative": None if claim.relative is None else number(claim.relative),
        "verdict": verdict_cell(claim),
    }


def _sources(claims: Sequence[ReportedClaim]) -> list[str]:
    """Those of ``SOURCES`` that say anything about any of these claims; the document and the verdict always do."""
    cells = [_cells(claim) for claim in claims]
    always = ("documented", "measured", "verdict")
    return [name for name in SOURCES if name in always or any(row[name] is not None for row in cells)]


def _line_table(first: object, claims: Sequence[ReportedClaim], names: Iterable[object]) -> Grid:
    """One line per claim."""
    sources = _sources(claims)
    rows = ([name, *(_cells(claim)[key] for key in sources)] for name, claim in zip(names, claims, strict=True))
    return grid([first, *(SOURCES[key] for key in sources)], rows)


def column_table(claims: Sequence[ReportedClaim]) -> Grid:
    """A documented table of one row: its columns, with the other sources and the verdict under it."""
    rows = ([SOURCES[name], *(_cells(claim)[name] for claim in claims)] for name in _sources(claims))
    return grid(["", *(original(claim.column) for claim in claims)], rows)


def _is_bisection(claim: ReportedClaim) -> bool:
    return claim.id.startswith("1.bisect.")


def documented_tables(step: ReportedStep, claims: Sequence[ReportedClaim]) -> list[Grid]:
    """What the document prints in this section, with its own headings, the measured numbers beside it."""
    if step.step in (2, 3):
        return [log_table(step, claims)]
    if step.step == 11:
        return []  # `f1.documented_table`
    numbers = [claim for claim in claims if claim.kind != "text" and not _is_bisection(claim)]
    tables = [column_table(numbers)] if numbers else []
    if bisection := [claim for claim in claims if _is_bisection(claim)]:
        lines = (Code(claim.column) for claim in bisection)
        tables.append(_line_table(phrase("operation and its `# diff`"), bisection, lines))
    if statements := [claim for claim in claims if claim.kind == "text"]:
        headings = (original(claim.column) for claim in statements)
        tables.append(_line_table(phrase("statement under"), statements, headings))
    return tables


def claims_table(claims: Iterable[ReportedClaim]) -> Grid:
    """Every number of a section with its verdict and the files behind it."""
    rows = [
        [Anchor(f"claim-{claim.id}", f"{claim.id}: {claim.what}"), *_exact_values(claim), evidence_cell(claim)]
        for claim in claims
    ]
    return grid([phrase("number"), *SOURCES.values(), phrase("evidence (sha256)")], rows)


def _exact_values(claim: ReportedClaim) -> list[object]:
    relative = None if claim.relative is None else number(claim.relative)
    measured = None if claim.measured is None else exact(claim.measured)
    return [original(claim.documented), claim.rederived, measured, relative, Verdict(claim.verdict)]


def claim_reasons(claims: Iterable[ReportedClaim]) -> list[object]:
    """The reasons of the verdicts; one that several claims share stands once."""
    return [
        Joined((Joined(tuple(claim.id for claim in group)), reason), ": ")
        for reason, group in groupby(claims, key=lambda claim: claim.reason)
    ]


def is_long(step: ReportedStep) -> bool:
    """Whether the summary is more than a reader takes in at once."""
    return len(step.summary) > BRIEF


def brief(step: ReportedStep) -> object:
    """The summary, or its first clauses and a way to the whole."""
    if not is_long(step):
        return step.summary
    ends = [match.start() for match in re.finditer(r"[.;:] ", step.summary) if match.start() < BRIEF]
    rest = Link(phrase("the whole reason"), f"#evidence-{step.step}")
    return Joined((step.summary[: max(ends, default=BRIEF)], rest), " … ")


def remarks(report: Report, step: ReportedStep) -> list[object]:
    """Findings about this section, where a contradiction already stands as the reason of its claim; then its notes."""
    of_step = [item for item in report.findings if item.step == step.step and item.kind != "document inconsistent"]
    return [*(Joined((Strong(Phrase(item.kind)), item.text), ": ") for item in of_step), *step.notes]


def audit_lines(items: Iterable[AuditFinding]) -> list[object]:
    """One line per fault of the published files."""
    return [Joined((Joined((Strong(item.kind), Code(item.where)), " "), item.text), ": ") for item in items]


def log_table(step: ReportedStep, claims: Iterable[ReportedClaim]) -> Grid:
    """The lines of each documented key from ``reprod_log``'s log, beside the strict verdict."""
    lines = {line.name: line for line in parse(step.reprod_log.lines)}
    records = {record.name: record for record in step.records}
    rows: Rows = []
    for claim in claims:
        text = "mean diff: check passed: {}, value: {}"
        line, record = lines.get(claim.column), records.get(claim.column)
        now = Link(Code(text.format(line.passed, line.value)), f"#claim-{claim.id}") if line else None
        documented = Code(text.format(True, claim.documented))
        strict = Verdict(record.conclusion) if record else None
        rows.append([Code(f"root INFO: {claim.column}:"), documented, now, strict, verdict_cell(claim)])
    columns = [
        phrase("key of the log"),
        SOURCES["documented"],
        phrase("`reprod_log` now"),
        phrase("strict comparison"),
        SOURCES["verdict"],
    ]
    return grid(columns, rows)


def last_line(step: ReportedStep) -> str:
    """What the log concludes with; empty where it is not complete."""
    return next((text.strip() for text in reversed(step.reprod_log.lines) if "diff check" in text), "")


def disagreements_table(entries: Iterable[Disagreement]) -> Grid:
    """Keys on which ``reprod_log`` says something else."""
    rows = [[entry.name, Verdict(entry.theirs), Verdict(entry.ours), entry.reason] for entry in entries]
    return grid([phrase("key"), Code("reprod_log"), phrase("strict comparison"), phrase("why")], rows)


def beginning(table: Table) -> Grid:
    """The first rows of a step's further table.

    Losses and rates need the nine digits of a float32 to show their differences; sizes of differences do not.
    """
    rows = [
        [number(cell, 9) if isinstance(cell, float) and abs(cell) >= 1e-2 else cell for cell in row]
        for row in table.rows[:MOST]
    ]
    return grid(table.columns, rows, table.title)
