"""Rules on a document: what it states, compared with the logs and dumps of the step of its section."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice, zip_longest
from pathlib import PurePosixPath

from repro.audit.documents import Section
from repro.audit.evidence import Check, Folder
from repro.audit.findings import finding
from repro.audit.numbers import Numbers
from repro.audit.printed import is_number
from repro.audit.rules.epochs import epoch_findings
from repro.audit.rules.repeated_runs import Runs, best_as_mean
from repro.audit.rules.stated import cell_findings
from repro.audit.scope import Scopes
from repro.claims.consistency import mean_fault
from repro.markdown import number
from repro.results.audit import AuditFinding

# "average", "Published run, average", "mean ± deviation", but not "mean abs diff"
_AVERAGE = re.compile(
    r"(?:.*[,，:：]\s*)?(?:average|avg\.?|mean|mittelwert|durchschnitt|mittel|moyenne|media|média|promedio|平均值?|均值)"
    r"\s*(?:[±(（].*)?",
    re.IGNORECASE,
)
_RUN = re.compile(
    r"(?:seed|run|trial|fold|split|repeat|s|r|lauf|durchlauf|graine|essai|semilla|种子|随机种子|第|#)?\s*[-_=:]?\s*\d{1,5}\s*[次轮]?",
    re.IGNORECASE,
)
_CAUSE = re.compile(
    r"原因|导致|影响|由于|\bbecause\b|\bdue to\b|\bcaused? by\b|\bcause\b|\bcomes from\b", re.IGNORECASE
)
PERCENT = 100
_OPERATION = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+\s*\(\)?")


def sample_findings(checks: Sequence[Check], section: Section, where: str) -> Iterator[AuditFinding]:
    """Series that are shorter than the number of steps in the text of the section."""
    for check in checks:
        if not check.compared:
            continue
        lengths = {key: facts.size for key, facts in check.facts.items() if facts.steps and facts.size > 1}
        for key, length in lengths.items():
            stated = {count: text for count, text in section.counts() if count > length}
            # "20 of 200 steps" gives the length too; a schedule of n steps has n + 1 rates
            if stated and section.whole_numbers().isdisjoint((length, length - 1)):
                count = max(stated)
                text = f"{key} holds {length} values on each side; the text says “{stated[count]}”."
                yield finding("fewer samples", check.name, f"{text} ({where}, section “{section.title}”)")


def _averages(rows: Sequence[Sequence[str]]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(column, average, run -> its number) of each row that averages others; the first row holds the headings."""
    for row in rows[1:]:
        if not _AVERAGE.fullmatch(row[0]):
            continue
        runs = [other for other in rows[1:] if other is not row and _RUN.fullmatch(other[0])]
        for name, stated, *numbers in islice(zip(rows[0], row, *runs, strict=True), 1, None):
            cells = {run[0]: text for run, text in zip(runs, numbers, strict=True) if is_number(text)}
            if is_number(stated) and len(cells) > 1:
                yield name, stated, cells


def _in_unit_of(stated: str, rows: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """The rows as percent where the average is, and as shares where it is one; whether that changed any."""
    average, scaled = abs(float(stated)), {}
    for name, text in rows.items():
        small, large = sorted((average, abs(float(text))))
        if 0 < small <= 1 < large and PERCENT / 2 < large / small < PERCENT * 2:
            scaled[name] = str(Decimal(text) * (PERCENT if large == average else Decimal(1) / PERCENT))
    return {**rows, **scaled}, bool(scaled)


def average_findings(_: Sequence[Check], section: Section, where: str) -> Iterator[AuditFinding]:
    """Averages of tables that are not the means of their rows."""
    for table in section.tables:
        columns = list(zip_longest(table.columns, *table.rows, fillvalue=""))
        down, along = list(zip(*columns, strict=True)), [*columns[:1], *columns]
        for name, stated, rows in [*_averages(down), *_averages(along)]:
            decided = stated in table.percent or not table.percent.isdisjoint(rows.values())
            rows, scaled = _in_unit_of(stated, rows)
            if (fault := mean_fault(stated, rows)) and scaled and not decided:
                text = f"{name}: {stated} beside {', '.join(rows.values())}: percent and shares, by their size alone."
                yield finding("units not shown", f"{where}:{table.line}", text)
            elif fault:
                yield finding("average differs", f"{where}:{table.line}", f"{name}: {fault}")


def cause_findings(checks: Sequence[Check], section: Section, where: str) -> Iterator[AuditFinding]:
    """Sentences that blame an operation, with the sizes in the dumps of the step."""
    for line, text in section.paragraphs:
        operation = _OPERATION.search(text)
        if not operation or not _CAUSE.search(text):
            continue
        sizes = [
            f"{check.name} ({key}): mean size {number(facts.mean_size)}, mean difference"
            f" {number(facts.informative.mean_abs)}, relative {number(facts.informative.mean_abs / facts.mean_size)}"
            for check in checks
            for key, facts in check.facts.items()
            if facts.informative and facts.mean_size and facts.dtype_a[0] == "f"
        ]
        shown = "; ".join(sizes) or "there are no dumps of this step"
        text = (
            f"blames {operation[0]} for a difference. {shown}. An absolute difference grows with the values without"
            " any loss of accuracy; what the operation adds to the error of its inputs, only a float64 run of it can"
            " settle."
        )
        yield finding("cause", f"{where}:{line}", text)


def document_findings(folder: Folder, documents: Mapping[str, Sequence[Section]]) -> list[AuditFinding]:
    """Every finding on the documents.

    Args:
        documents: path in the folder, or of a document from elsewhere -> its sections.
    """
    numbers, scopes, runs = Numbers(folder), Scopes(folder), Runs(folder)
    findings = [*epoch_findings(folder.epochs, documents)]
    for path, sections in documents.items():
        inside = path in folder.inventory.documents
        where = path if inside else PurePosixPath(path).name
        for section in sections:
            scope = scopes.of_section(section.number, path if inside else where)
            findings += cell_findings(folder, numbers, section, scope, where)
            findings += best_as_mean(runs, section, where)
            checks = scope.checks if scope.certain else ()
            for rule in (sample_findings, average_findings, cause_findings):
                findings += rule(checks, section, where)
    return findings
