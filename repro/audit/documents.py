"""The numbers of a markdown document, each with its section, column and row."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

from repro.audit.printed import is_number
from repro.audit.quantities import SMALL
from repro.dumps.log import means
from repro.errors import InputError

MAX_DOCUMENT = 1 << 20
_PARSER = MarkdownIt("commonmark").enable("table")
MAX_NUMBERS = 5000  # each is compared with every key of its step
_SECTION = re.compile(r"(?:step\s*|第)?(\d{1,3})(?![A-Za-z\d])", re.IGNORECASE)
_COMMENT = re.compile(r"^(.*?)\s*(?:#|//)\s*(?:([\w ]+)[:：])?\s*([-+]?\d[\d.eE+-]*)\s*$")
_COUNT = re.compile(
    r"(?<!\d)(\d{1,9})\s*(?:轮|步|steps?\b|rounds?\b|iterations?\b|losses\b|updates?\b|batches\b|epochs?\b)",
    re.IGNORECASE,
)
# What follows a mean: ``± 0.4``, ``(0.4)``, ``(± 0.4)``, ``\pm 0.4``, ``[80.9, 81.6]``.
_SPREAD = re.compile(r"(?<=[\d%*_`])\s*(?:(?:±|\+/-|\+-|\\pm).*|[(（\[][\s±]*\d[^)）\]]*[)）\]])$")
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
_DECIMAL_COMMA = re.compile(r"[-+]?(?:\d{1,3}(?:\.\d{3})+|\d+),\d+(?:[eE][-+]?\d{1,3})?")
MAX_CLAUSE, MAX_CLAUSES = 200, 500
_CLAUSE = re.compile(r"[,;，。；、\n]|\.\s|\.$")
_VALUE = re.compile(r"(?<![\w.])[-+]?\d{1,20}(?:\.\d{1,20}(?:[eE][-+]?\d{1,3})?|[eE][-+]?\d{1,3})(?![\w.])")
_BOUND = re.compile(
    r"[<>≤≥~≈±]|less|below|within|under|at most|smaller|threshold|about|around|order"
    r"|toleranc|\btol\b|level|up to|more than|exceed|magnitude|limit|allow|requir|容差|要求|级别|之内|范围"
    r"|小于|低于|以内|不超过|阈值|左右|约|量级"
)
_WHOLE = re.compile(r"(?<![A-Za-z\d.])(?<![eE]-)\d{1,9}(?![A-Za-z\d]|\.\d)")

Place = Literal["row", "table", "log", "code", "text"]


@dataclass(frozen=True)
class Cell:
    """One documented number.

    Attributes:
        column: heading of the table's column, log key, line of code before the comment, or the words of a clause.
        row: first cell of the table's row, empty where that is a number itself; the label of a comment.
        text: the number as printed.
        place: a table of one row, a table of several, a printed log of ``reprod_log``, a comment behind code, a text.
    """

    column: str
    row: str
    text: str
    line: int
    place: Place

    @property
    def label(self) -> str:
        """What the reader finds it by."""
        return self.column if self.place == "code" else self.row or self.column

    @property
    def whole(self) -> bool:
        """Whether it is a whole number, as counts and years are."""
        return self.text.isdecimal()

    @property
    def small(self) -> bool:
        """Whether it is of the size of a difference, or written like one."""
        return "e" in self.text.lower() or abs(float(self.text)) < SMALL


@dataclass
class Table:
    """A table: headings, and rows of cell texts."""

    line: int
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


@dataclass
class Section:
    """The text under one heading; ``number`` is the one that the heading begins with, ``said`` are numbers in texts."""

    title: str
    number: int | None = None
    cells: list[Cell] = field(default_factory=list)
    said: list[Cell] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    paragraphs: list[tuple[int, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its paragraphs and column headings."""
        return " | ".join([*(text for _, text in self.paragraphs), *(name for t in self.tables for name in t.columns)])

    def counts(self) -> list[tuple[int, str]]:
        """Numbers of steps that it mentions: (20, "20轮")."""
        return [(int(match[1]), match[0]) for match in _COUNT.finditer(self.text)]

    def whole_numbers(self) -> set[int]:
        return set(map(int, _WHOLE.findall(self.text)))


def _plain(text: str) -> str:
    """Cell text without emphasis and percent sign; of a number only the number: ``81.2`` of ``81.2 ± 0.4``, ``1234.5``
    of ``1,234.5``, and ``78.91`` of ``78,91``.
    """
    text = text.strip().strip("*_`$").strip()
    if len(text) > MAX_CLAUSE:
        return text
    mean = _SPREAD.sub("", text).strip().removesuffix("\\").removesuffix("%").strip("*_` ")
    if _THOUSANDS.fullmatch(mean):
        mean = mean.replace(",", "")
    elif _DECIMAL_COMMA.fullmatch(mean):
        mean = mean.replace(".", "").replace(",", ".")
    return mean if is_number(mean) else text


def _line(token: Token) -> int:
    return (token.map or [0])[0] + 1


def _table(opening: Token, tokens: Iterator[Token]) -> Table:
    """The table behind an opening token."""
    table = Table(_line(opening))
    for token in tokens:
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            table.rows.append([])
        elif token.type in ("th_open", "td_open"):
            table.rows[-1].append(_plain(next(tokens).content))
    table.columns, *table.rows = table.rows
    return table


def _table_cells(table: Table) -> list[Cell]:
    cells = []
    for offset, row in enumerate(table.rows):
        labelled = bool(row) and not is_number(row[0])
        for column, text in zip(table.columns, row, strict=False):
            if is_number(text):
                place: Place = "row" if len(table.rows) == 1 else "table"
                cells.append(Cell(column, row[0] if labelled else "", text, table.line + 2 + offset, place))
    return cells


def _code_cells(content: str, line: int) -> list[Cell]:
    """Numbers of a printed log, or in comments behind lines of code."""
    lines = content.splitlines()
    if logged := means(lines):
        return [Cell(entry.name, "", entry.value, line, "log") for entry in logged if is_number(entry.value)]
    return [
        Cell(match[1].strip(), (match[2] or "").strip(), match[3], line + 1 + offset, "code")
        for offset, text in enumerate(lines)
        if (match := _COMMENT.match(text)) and is_number(match[3])
    ]


def _text_cells(text: str, line: int) -> list[Cell]:
    """Numbers of a text with a fraction or a power of ten, each with its clause; bounds are left out."""
    cells = []
    for clause in _CLAUSE.split(text)[:MAX_CLAUSES]:
        numbers = _VALUE.findall(clause)
        if len(numbers) == 1 and is_number(numbers[0]) and not _BOUND.search(clause):
            cells.append(Cell(clause.strip()[:MAX_CLAUSE], "", numbers[0], line, "text"))
    return cells


def read_sections(text: str) -> list[Section]:
    """Sections of a markdown text in order; the first holds the text before any heading.

    Raises:
        InputError: more than ``MAX_NUMBERS`` numbers.
    """
    tokens = iter(_PARSER.parse(text))
    sections = [Section("")]
    for token in tokens:
        if token.type == "heading_open":
            title = next(tokens).content.strip()
            match = _SECTION.match(title)
            sections.append(Section(title, int(match[1]) if match else None))
        elif token.type == "paragraph_open":
            content = next(tokens).content
            sections[-1].paragraphs.append((_line(token), content))
            sections[-1].said += _text_cells(content, _line(token))
        elif token.type in ("fence", "code_block"):
            sections[-1].cells += _code_cells(token.content, _line(token))
        elif token.type == "table_open":
            table = _table(token, tokens)
            sections[-1].tables.append(table)
            sections[-1].cells += _table_cells(table)
    if sum(len(section.cells) for section in sections) > MAX_NUMBERS:
        raise InputError(f"document of more than {MAX_NUMBERS} numbers")
    return sections
