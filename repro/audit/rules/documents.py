"""Rules on a document: what it states, compared with the logs and dumps of the step of its section."""

import math
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile, zip_longest

from repro.audit.documents import Cell, Section
from repro.audit.evidence import Check, Folder
from repro.audit.findings import MANY, finding, first_few
from repro.audit.log_matching import steps_of
from repro.audit.printed import agree, is_number
from repro.claims import printed_bounds
from repro.claims.consistency import mean_fault
from repro.markdown import number
from repro.results.audit import AuditFinding

NEAR = 3.0
# "average", "Published run, average", "mean ± deviation", but not "mean abs diff"
_AVERAGE = re.compile(r"(?:.*[,，:：]\s*)?(?:average|avg\.?|mean|平均值?|均值)\s*(?:[±(（].*)?", re.IGNORECASE)
_RUN = re.compile(
    r"(?:seed|run|trial|fold|split|repeat|种子|随机种子|第|#)?\s*[-_=:]?\s*\d{1,5}\s*[次轮]?", re.IGNORECASE
)
_DIFFERENCE = re.compile(r"diff|差|精度", re.IGNORECASE)
# What a table holds besides mean differences: other measures, and settings of a similar size.
_OTHER_MEASURE = re.compile(r"max|min|rel|tol|thres|\beps|\blr\b|\brate|最大|最小|相对|阈值|学习率$", re.IGNORECASE)
_CAUSE = re.compile(
    r"原因|导致|影响|由于|\bbecause\b|\bdue to\b|\bcaused? by\b|\bcause\b|\bcomes from\b", re.IGNORECASE
)
_OPERATION = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+\s*\(\)?")


def _logs_printing(folder: Folder, cell: Cell) -> list[str]:
    """The first logs that print the number of a cell, each as ``file (key)``."""
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
        if self.check is None:
            return False
        facts = self.check.facts.get(self.key)
        values = facts.values if facts else ()  # the compared numbers themselves: a metric, a loss; 0 is a difference
        return self.check.gives(self.key, cell.text) or any(value and agree(cell.text, repr(value)) for value in values)

    def near(self, cell: Cell) -> bool:
        """Within a factor of ``NEAR``: probably the same quantity, from another run. Whole numbers are counts."""
        if cell.text.isdecimal():
            return False
        values = [abs(float(text)) for text in (self.logged, self.dumped) if text and is_number(text)]
        stated = abs(float(cell.text))
        return any(value / NEAR <= stated <= value * NEAR for value in values)

    def describe(self) -> str:
        dumps = f", {self.dumped} from the dumps" if self.dumped else ", no dumps"
        return f"{self.name} ({self.key}): {self.logged or 'nothing'} in the log{dumps}"


def _sources(folder: Folder, step: int | None) -> list[_Source]:
    """Every key of the logs and dumps of a step; logs without dumps too."""
    sources = []
    for check in folder.checks:
        if step in check.steps and check.compared:
            logged, helper = {line.name: line.value for line in check.lines}, check.helper
            for key in check.keys:
                dumped = helper.means.get(key) or f"none ({helper.stopped})"
                sources.append(_Source(check.log or check.name, key, logged.get(key), dumped, check))
    for path in folder.unpaired:
        if step in steps_of(path):
            sources += [_Source(path, line.name, line.value) for line in folder.logs.get(path, [])]
    return sources


def cell_findings(folder: Folder, section: Section, where: str) -> Iterator[AuditFinding]:
    """Numbers of a section against the logs and dumps of the step that its heading names."""
    sources, lost = _sources(folder, section.number), []
    for cell in section.cells:
        if _OTHER_MEASURE.search(cell.column) and cell.place in ("row", "table"):
            continue  # a largest or relative difference, which logs do not print
        names = {cell.column, cell.row or cell.column} if _DIFFERENCE.search(cell.column) else {cell.column}
        named = [source for source in sources if source.key in names]
        candidates = named or sources
        if any(source.agrees(cell) for source in candidates):
            continue
        alone = len(section.cells) == 1 and _DIFFERENCE.search(cell.column + section.title)
        meant = named or [source for source in sources if cell.place == "row" and (alone or source.near(cell))]
        logs = _logs_printing(folder, cell)
        if not meant:
            if not logs:
                lost.append(f"{cell.row or cell.column}: {cell.text}")
            continue
        sides = "; ".join(source.describe() for source in meant[:6])
        printed = f"The documented number is in {first_few(logs)}." if logs else "No log of the folder prints it."
        text = f"{cell.column}: documented {cell.text}; {sides}. {printed}"
        yield finding("document differs", f"{where}:{cell.line}", text)
    if lost:
        shown = ", ".join(lost[:4]) + (f" and {len(lost) - 4} more" if len(lost) > 4 else "")
        text = f"{len(lost)} numbers of section “{section.title}” have no log and no dump behind them: {shown}."
        yield finding("no evidence", where, text)


def sample_findings(folder: Folder, section: Section, where: str) -> Iterator[AuditFinding]:
    """Series that are shorter than the number of steps in the text of the section."""
    for check in folder.checks:
        if section.number not in check.steps or not check.compared:
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


def average_findings(_: Folder, section: Section, where: str) -> Iterator[AuditFinding]:
    """Averages of tables that are not the means of their rows."""
    for table in section.tables:
        columns = list(zip_longest(table.columns, *table.rows, fillvalue=""))
        down, along = list(zip(*columns, strict=True)), [*columns[:1], *columns]
        for name, stated, rows in [*_averages(down), *_averages(along)]:
            if fault := mean_fault(stated, rows):
                yield finding("average differs", f"{where}:{table.line}", f"{name}: {fault}")


def cause_findings(folder: Folder, section: Section, where: str) -> Iterator[AuditFinding]:
    """Sentences that blame an operation, with the sizes in the dumps of the step."""
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
        shown = "; ".join(sizes) or "there are no dumps of this step"
        text = (
            f"blames {operation[0]} for a difference. {shown}. An absolute difference grows with the values without"
            " any loss of accuracy; what the operation adds to the error of its inputs, only a float64 run of it can"
            " settle."
        )
        yield finding("cause", f"{where}:{line}", text)


def document_findings(folder: Folder, sections: list[Section], where: str) -> list[AuditFinding]:
    """Every finding on one document."""
    rules = (cell_findings, sample_findings, average_findings, cause_findings)
    return [item for section in sections for rule in rules for item in rule(folder, section, where)]
