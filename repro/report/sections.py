"""One step's section: the documented table with its own headings, every number, what ``reprod_log`` says."""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from repro import results
from repro.dumps.log import parse
from repro.markdown import exact, number
from repro.pages import Anchor, Code, Joined, Link, Original, Phrase, Strong, Verdict, phrase
from repro.pages.grids import Grid, Rows, grid
from repro.report.evidence import evidence_cell
from repro.results.audit import AuditFinding
from repro.results.base import Table
from repro.results.report import Disagreement, Report, ReportedClaim, ReportedStep
from repro.translations import document_words

MOST = 30  # rows of a step's table
BRIEF = 330  # characters
DIGITS, WIDE = 7, 12  # of a measured number whose evidence stands elsewhere; characters of one that need not shrink
LOG_LINE = "mean diff: check passed: {}, value: {}"
# words that stand alone in a cell, where any other word may be a name
CELLS = {
    word.text: word
    for word in (
        *(phrase("yes"), phrase("no"), phrase("none"), phrase("never"), phrase("protocol")),
        *(phrase("equal"), phrase("bit-equal"), phrase("different"), phrase("passed"), phrase("failed")),
        *(phrase("pretrained"), phrase("random"), phrase("before"), phrase("after"), phrase("paper")),
        *(phrase("rate"), phrase("clipping"), phrase("biases"), phrase("threads"), phrase("missing")),
    )
}
SOURCES = {
    "documented": phrase("documented"),
    "published": phrase("from the published files"),
    "measured": phrase("measured now"),
    "relative": phrase("relative size"),
    "verdict": phrase("verdict"),
}


def original(text: str) -> object:
    """Words of the document, translated beside where they are Chinese."""
    english = document_words().get(text)
    return Original(text, english) if english else text


def verdict_cell(claim: ReportedClaim) -> object:
    """The verdict; where only the absolute size is open, what could be judged stands before it."""
    if claim.verdict not in ("not comparable in this profile", "not run"):
        return Verdict(claim.verdict)
    if claim.verdict == "not run":
        return Link(Verdict(claim.verdict), "#not-judged")
    if not claim.semantics:
        return Link(phrase("not judged"), "#not-judged")
    return Joined((Verdict(claim.semantics), Link(phrase("size not judged"), "#not-judged")), "; ")


def measured_cell(claim: ReportedClaim) -> object:
    """The measured number, a way to its evidence and to all of its digits."""
    return None if claim.measured is None else Link(_shortened(exact(claim.measured)), f"#claim-{claim.id}")


def _shortened(text: str) -> str:
    """A number with as many digits as two columns of numbers leave room for; other text as it is."""
    try:
        return text if len(text) <= WIDE else min(text, number(float(text), DIGITS), key=len)
    except ValueError:
        return text


def _cells(claim: ReportedClaim) -> dict[str, object]:
    """What each of ``SOURCES`` says."""
    return {
        "documented": original(claim.documented),
        "published": claim.rederived and _shortened(claim.rederived),
        "measured": measured_cell(claim),
        "relative": None if claim.relative is None else number(claim.relative),
        "verdict": verdict_cell(claim),
    }


def documented_tables(claims: Sequence[ReportedClaim]) -> list[Grid]:
    """What the document prints in this section, measured values beside it: first its numbers, then its statements."""
    parts = ([claim for claim in claims if (claim.kind == "text") == text] for text in (False, True))
    return [_documented_table(part) for part in parts if part]


def _documented_table(claims: Sequence[ReportedClaim]) -> Grid:
    """One line per claim."""
    cells = [_cells(claim) for claim in claims]
    always = ("documented", "measured", "verdict")
    sources = [name for name in SOURCES if name in always or any(row[name] is not None for row in cells)]
    rows = ([_heading(claim), *(row[name] for name in sources)] for claim, row in zip(claims, cells, strict=True))
    return grid([phrase("in the notes"), *(SOURCES[name] for name in sources)], rows)


def _heading(claim: ReportedClaim) -> object:
    """What a number stands under: a column, or the operation beside it in the code."""
    return Code(claim.column) if claim.id.startswith("1.bisect.") else original(claim.column)


def claims_table(claims: Iterable[ReportedClaim]) -> Grid:
    """Every number of a section with its verdict and the files behind it."""
    rows = [
        [
            Anchor(f"claim-{claim.id}", Joined((claim.id, _label(claim.what)), ": ")),
            *_exact_values(claim),
            evidence_cell(claim),
        ]
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


def title(step: ReportedStep) -> Phrase:
    """The heading of the document, translated beside for an English reader."""
    return phrase("{n}. {title}", n=step.step, title=Phrase(f"{step.heading} · {step.title}"))


def is_long(step: ReportedStep) -> bool:
    """Whether the summary is more than a reader takes in at once."""
    return len(step.summary) > BRIEF


def brief(step: ReportedStep) -> object:
    """The summary, or its first clauses and a way to the whole."""
    if not is_long(step):
        return step.summary
    ends = [match.start() for match in re.finditer(r"[.;] ", step.summary) if match.start() < BRIEF]
    rest = Link(phrase("the whole reason"), f"#evidence-{step.step}")
    return Joined((step.summary[: max(ends, default=BRIEF)], rest), " … ")


def labelled(kind: object, text: object) -> Phrase:
    """A line with its kind in front."""
    return phrase("{kind}: {text}", kind=Strong(kind), text=text)


def remarks(report: Report, step: ReportedStep) -> list[object]:
    """Findings about this section, where a contradiction already stands as the reason of its claim; then its notes."""
    of_step = [item for item in report.findings if item.step == step.step and item.kind != "document inconsistent"]
    return [*(labelled(Phrase(item.kind), item.text) for item in of_step), *step.notes]


def audit_lines(items: Iterable[AuditFinding]) -> list[object]:
    """One line per fault of the published files."""
    return [Joined((Joined((Strong(item.kind), Code(item.where)), " "), item.text), ": ") for item in items]


def log_table(step: ReportedStep, claims: Iterable[ReportedClaim]) -> Grid:
    """The documented keys of ``reprod_log``'s log and the strict verdict; keys of which all is equal share a line."""
    lines = {line.name: line for line in parse(step.reprod_log.lines)}
    records = {record.name: record for record in step.records}
    same: dict[tuple[str, str | None, str | None, str], list[ReportedClaim]] = {}
    for claim in claims:
        line, record = lines.get(claim.column), records.get(claim.column)
        now = LOG_LINE.format(line.passed, line.value) if line else None
        strict = record.conclusion if record else None
        same.setdefault((claim.documented, now, strict, claim.verdict), []).append(claim)
    rows: Rows = []
    for (documented, now, strict, _), keys in same.items():
        target = f"#claim-{keys[0].id}" if len(keys) == 1 else f"#evidence-{step.step}"
        rows.append(
            [
                Joined(tuple(Code(claim.column) for claim in keys)),
                Code(LOG_LINE.format(True, documented)),
                now and Link(Code(now), target),
                strict and Verdict(strict),
                verdict_cell(keys[0]),
            ]
        )
    columns = [
        phrase("keys of the log"),
        SOURCES["documented"],
        phrase("`reprod_log` now"),
        phrase("strict comparison"),
        SOURCES["verdict"],
    ]
    return grid(columns, rows)


def last_line(step: ReportedStep, claims: Iterable[ReportedClaim]) -> Phrase:
    """What the log concludes with, and which keys make it fail that the document does not print."""
    last = next((text.strip() for text in reversed(step.reprod_log.lines) if "diff check" in text), "")
    if not last:
        return phrase("There is no complete {file} in this run.", file=Code(step.reprod_log.file))
    documented = {claim.column for claim in claims}
    others = [
        Joined((Code(line.name), f"({number(float(line.value))})"), " ")
        for line in parse(step.reprod_log.lines)
        if not line.passed and line.name not in documented
    ]
    values = {"line": Code(last), "file": Link(Code(step.reprod_log.file), step.reprod_log.file)}
    if not others:
        return phrase("Last line of the log now: {line}. The whole log: {file}.", **values)
    return phrase(
        "Last line of the log now: {line}, for keys that the notes do not print: {keys}. The whole log: {file}.",
        **values,
        keys=Joined(tuple(others)),
    )


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
    return worded(Table(title=table.title, columns=table.columns, rows=rows))


def worded(table: Table | results.Grid) -> Grid:
    """A table of a step, words that stand alone as phrases."""
    columns = map(_label, table.columns)
    rows = [[CELLS.get(cell, cell) if isinstance(cell, str) else cell for cell in row] for row in table.rows]
    return grid(columns, rows, _label(table.title) if isinstance(table, Table) else "")


def _label(text: str) -> object:
    """Text that is no name, even if it is one word alone."""
    return text if " " in text else Phrase(text)
