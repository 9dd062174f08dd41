"""What a document states, against the logs and dumps of the step that its section is about."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

from repro.audit.agreement import agree, recomputed, same_value
from repro.audit.documents import Cell, Section, Table, is_number
from repro.audit.evidence import Check, Folder, steps_of
from repro.audit.findings import MANY, Finding, some
from repro.claims import printed_bounds
from repro.claims.consistency import mean_fault
from repro.markdown import number

NEAR = 3.0
# "average", "Published run, average", "mean ± deviation", but not "mean abs diff"
_AVERAGE = re.compile(r"(?:.*[,，:：]\s*)?(?:average|avg\.?|mean|平均值?|均值)\s*(?:[±(（].*)?", re.IGNORECASE)
_RUN = re.compile(
    r"(?:seed|run|trial|fold|split|repeat|种子|随机种子|第|#)?\s*[-_=:]?\s*\d{1,5}\s*[次轮]?", re.IGNORECASE
)
_DIFFERENCE = re.compile(r"diff|差|精度", re.IGNORECASE)
# what a table gives beside mean differences: other measures, and settings of about their size
_OTHER_MEASURE = re.compile(r"max|min|rel|tol|thres|\beps|\blr\b|\brate|最大|最小|相对|阈值|学习率$", re.IGNORECASE)
_CAUSE = re.compile(
    r"原因|导致|影响|由于|\bbecause\b|\bdue to\b|\bcaused? by\b|\bcause\b|\bcomes from\b", re.IGNORECASE
)
_OPERATION = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+\s*\(\)?")


def _standing(folder: Folder, cell: Cell) -> list[str]:
    """The first logs that print the number of a cell, as ``file (key)``."""
    low, high = (float(bound) for bound in printed_bounds(cell.text))
    start = bisect_left(folder.printed, (math.nextafter(low, -math.inf),))
    near = takewhile(lambda item: item[0] <= math.nextafter(high, math.inf), islice(folder.printed, start, None))
    return list(islice((name for _, name, text in near if agree(cell.text, text)), MANY + 1))


@dataclass(frozen=True)
class _Source:
    """A key of a step, as its log and its dumps give it."""

    name: str
    key: str
    logged: str | None = None
    dumped: str | None = None
    check: Check | None = None

    def agrees(self, cell: Cell) -> bool:
        if self.logged is not None and agree(cell.text, self.logged):
            return True
        return self.check is not None and (same_value(self.check, self.key, cell.text) or self._holds(cell.text))

    def _holds(self, text: str) -> bool:
        """Whether the text is one of the compared numbers themselves: a metric, a loss. 0 is a difference."""
        facts = self.check.facts.get(self.key) if self.check else None
        return facts is not None and any(value and agree(text, repr(value)) for value in facts.values)

    def near(self, cell: Cell) -> bool:
        """Within a factor of ``NEAR``: most likely the same quantity, from another run. Whole numbers are counts."""
        if cell.text.isdecimal():
            return False
        values = [abs(float(text)) for text in (self.logged, self.dumped) if text and is_number(text)]
        stated = abs(float(cell.text))
        return any(value / NEAR <= stated <= value * NEAR for value in values)

    def describe(self) -> str:
        dumps = f", {self.dumped} from the dumps" if self.dumped else ", no dumps"
        return f"{self.name} ({self.key}): {self.logged or 'nothing'} in the log{dumps}"


def _sources(folder: Folder, step: int | None) -> list[_Source]:
    """What the logs and dumps of a step give, key by key; logs without dumps too."""
    found = []
    for check in folder.checks:
        if step in check.steps and check.compared:
            logged = {line.name: line.value for line in check.lines}
            found += [
                _Source(check.log or check.name, key, logged.get(key), recomputed(check, key), check)
                for key in check.keys
            ]
    for path in folder.unpaired:
        if step in steps_of(path):
            found += [_Source(path, line.name, line.value) for line in folder.logs.get(path, [])]
    return found


def _row_names(cell: Cell, key: str) -> bool:
    """Whether a row is about a key and the column about a difference."""
    return bool(key) and cell.row == key and _DIFFERENCE.search(cell.column) is not None


def cell_findings(folder: Folder, section: Section, where: str) -> Iterator[Finding]:
    """Numbers of a section against the logs and dumps of the step that its heading names."""
    sources, lost = _sources(folder, section.number), []
    for cell in section.cells:
        if _OTHER_MEASURE.search(cell.column) and cell.place in ("row", "table"):
            continue  # a largest or relative difference, which logs do not print
        named = [source for source in sources if source.key == cell.column or _row_names(cell, source.key)]
        candidates = named or sources
        if any(source.agrees(cell) for source in candidates):
            continue
        alone = len(section.cells) == 1 and _DIFFERENCE.search(cell.column + section.title)
        meant = named or [source for source in sources if cell.place == "row" and (alone or source.near(cell))]
        standing = _standing(folder, cell)
        if not meant:
            if not standing:
                lost.append(f"{cell.row or cell.column}: {cell.text}")
            continue
        sides = "; ".join(source.describe() for source in meant[:6])
        also = (
            f"The documented number stands in {some(standing)}." if standing else "It stands in no log of the folder."
        )
        yield Finding(
            "document differs", f"{where}:{cell.line}", f"{cell.column}: documented {cell.text}; {sides}. {also}"
        )
    if lost:
        shown = ", ".join(lost[:4]) + (f" and {len(lost) - 4} more" if len(lost) > 4 else "")
        text = f"{len(lost)} numbers of section “{section.title}” have no log and no dump behind them: {shown}."
        yield Finding("no evidence", where, text)


def sample_findings(folder: Folder, section: Section, where: str) -> Iterator[Finding]:
    """Sequences that are shorter than the number of steps that the section speaks of."""
    for check in folder.checks:
        if section.number not in check.steps or not check.compared:
            continue
        lengths = {key: facts.size for key, facts in check.facts.items() if facts.steps and facts.size > 1}
        for key, length in lengths.items():
            stated = {count: text for count, text in section.counts() if count > length}
            # "20 of 200 steps" says how many there are; a schedule of n steps has n + 1 rates
            if stated and section.whole_numbers().isdisjoint((length, length - 1)):
                count = max(stated)
                text = f"{key} holds {length} values on each side; the text says “{stated[count]}”."
                yield Finding("fewer samples", check.name, f"{text} ({where}, section “{section.title}”)")


def _rows(table_: Table) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(name, average, rows) of each average of a table, down its columns and along its rows."""
    for row in table_.rows:
        if not row or not _AVERAGE.fullmatch(row[0]):
            continue
        runs = [other for other in table_.rows if other is not row and other and _RUN.fullmatch(other[0])]
        for column, name in enumerate(table_.columns[1:], 1):
            cells = {other[0]: other[column] for other in runs if column < len(other) and is_number(other[column])}
            if column < len(row) and is_number(row[column]) and len(cells) > 1:
                yield name, row[column], cells
    for column, name in enumerate(table_.columns):
        if not _AVERAGE.fullmatch(name):
            continue
        for row in table_.rows:
            cells = {
                table_.columns[i]: text
                for i, text in enumerate(row)
                if i != column and is_number(text) and _RUN.fullmatch(table_.columns[i])
            }
            if column < len(row) and is_number(row[column]) and len(cells) > 1:
                yield row[0], row[column], cells


def average_findings(section: Section, where: str) -> Iterator[Finding]:
    """Averages of tables that are not the means of their rows."""
    for item in section.tables:
        for name, stated, rows in _rows(item):
            if fault := mean_fault(stated, rows):
                yield Finding("average differs", f"{where}:{item.line}", f"{name}: {fault}")


def cause_findings(folder: Folder, section: Section, where: str) -> Iterator[Finding]:
    """Sentences that blame an operation, with what the step's dumps say about sizes."""
    for line, text in section.paragraphs:
        operation = _OPERATION.search(text)
        if not operation or not _CAUSE.search(text):
            continue
        sizes = [
            f"{check.name} ({key}): mean size {number(facts.mean_size)}, mean difference"
            f" {number(facts.informative.mean_abs)}, relative {number(facts.informative.mean_abs / facts.mean_size)}"
            for check in folder.checks
            for key, facts in check.facts.items()
            if section.number in check.steps and facts.informative and facts.mean_size and facts.dtype_a[0] == "f"
        ]
        shown = "; ".join(sizes) or "no dumps of this step are there"
        yield Finding(
            "cause",
            f"{where}:{line}",
            f"blames {operation[0]} for a difference. {shown}. An absolute difference grows with the values"
            " without any loss"
            " of accuracy; what the operation adds to the error of its inputs, only a float64 run of it can settle.",
        )


def document_findings(folder: Folder, sections: list[Section], where: str) -> list[Finding]:
    """Every finding on one document."""
    found: list[Finding] = []
    for section in sections:
        found += cell_findings(folder, section, where)
        found += sample_findings(folder, section, where)
        found += average_findings(section, where)
        found += cause_findings(folder, section, where)
    return found
