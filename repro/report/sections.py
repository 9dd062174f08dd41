"""Rows of one step's section: the documented table with its headings, every number, what ``reprod_log`` says."""

from collections.abc import Iterable, Sequence

from repro.dumps.log import parse
from repro.markdown import exact, number, table
from repro.report.evidence import evidence_cell
from repro.results import Cell
from repro.results.report import Disagreement, ReportedClaim, ReportedStep

Rows = list[list[object]]


def column_table(claims: Sequence[ReportedClaim]) -> str:
    """A documented table of one row: its columns, with the other two sources and the verdict under it."""
    rows: Rows = [
        ["documented", *(claim.documented for claim in claims)],
        ["from the published files", *(claim.rederived for claim in claims)],
        ["measured now", *(exact(claim.measured) for claim in claims)],
        ["verdict", *(claim.verdict for claim in claims)],
    ]
    return "\n".join(table(["", *(claim.column for claim in claims)], rows))


def _values(claim: ReportedClaim) -> list[object]:
    return [claim.documented, claim.rederived, exact(claim.measured), number(claim.relative), claim.verdict]


def _is_bisection(claim: ReportedClaim) -> bool:
    return claim.id.startswith("1.bisect.")


def whole(claims: Iterable[ReportedClaim]) -> list[ReportedClaim]:
    """Step 1: the numbers of encoder and whole model."""
    return [claim for claim in claims if claim.kind != "text" and not _is_bisection(claim)]


def bisection_rows(claims: Iterable[ReportedClaim]) -> Rows:
    """Step 1: the operations of the notes."""
    return [[f"`{claim.column}`", *_values(claim)] for claim in claims if _is_bisection(claim)]


def claim_rows(claims: Iterable[ReportedClaim]) -> Rows:
    """Every number of a section with its verdict and one sentence of reason."""
    return [[f"{claim.id}: {claim.what}", *_values(claim), claim.reason, evidence_cell(claim)] for claim in claims]


def log_rows(step: ReportedStep, claims: Iterable[ReportedClaim]) -> Rows:
    """The two lines of each documented key from ``reprod_log``'s log, beside the strict verdict."""
    lines = {line.name: line for line in parse(step.reprod_log.lines)}
    records = {record.name: record for record in step.records}
    rows: Rows = []
    for claim in claims:
        text = f"`root INFO: {claim.column}:` `mean diff: check passed: {{}}, value: {{}}`"
        line, record = lines.get(claim.column), records.get(claim.column)
        now = text.format(line.passed, line.value) if line else None
        rows.append([text.format(True, claim.documented), now, record and record.conclusion, claim.verdict])
    return rows


def last_line(step: ReportedStep) -> str:
    """What the log concludes with; empty where it is not complete."""
    return next((text.strip() for text in reversed(step.reprod_log.lines) if "diff check" in text), "")


def disagreement_rows(entries: Iterable[Disagreement]) -> Rows:
    """Keys on which ``reprod_log`` says something else."""
    return [[entry.name, entry.theirs, entry.ours, entry.reason] for entry in entries]


def table_rows(rows: Iterable[Sequence[Cell]]) -> Rows:
    """Losses and rates need the nine digits of a float32 to show their differences; sizes of differences do not."""
    return [
        [number(cell, 9) if isinstance(cell, float) and abs(cell) >= 1e-2 else cell for cell in row] for row in rows
    ]
