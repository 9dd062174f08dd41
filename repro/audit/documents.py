"""The numbers of a document, each with its section, column and row."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

from repro.audit.markup import READERS, Block, html
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
_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2212": "-"})  # and the minus sign
_SPACED = re.compile(r"(?<=\d)[\u00a0\u202f\u2009'\u2019](?=\d{3}(?!\d))")  # between thousands, in French and in Swiss
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
        percent: a percent sign stands behind it, or in its heading.
        place: a table of one row, a table of several, a printed log of ``reprod_log``, a comment behind code, a text.
    """

    column: str
    row: str
    text: str
    line: int
    place: Place
    percent: bool = False

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
    """A table: headings, and rows of cell texts with their lines; ``percent`` are those with a percent sign."""

    line: int
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    percent: set[str] = field(default_factory=set)


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
    text = _SPACED.sub("", text).translate(_SPACES)
    mean = _SPREAD.sub("", text).strip().removesuffix("\\").removesuffix("%").strip("*_` ")
    if _THOUSANDS.fullmatch(mean):
        mean = mean.replace(",", "")
    elif _DECIMAL_COMMA.fullmatch(mean):
        mean = mean.replace(".", "").replace(",", ".")
    return mean if is_number(mean) else text


def _line(token: Token) -> int:
    return (token.map or [0])[0] + 1


def _append(table: Table, text: str) -> None:
    """Add a cell to the last row."""
    plain = _plain(text)
    table.rows[-1].append(plain)
    if "%" in text and is_number(plain):
        table.percent.add(plain)


def _table(opening: Token, tokens: Iterator[Token]) -> Table:
    """The table behind an opening token."""
    table = Table(_line(opening))
    for token in tokens:
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            table.rows.append([])
        elif token.type in ("th_open", "td_open"):
            _append(table, next(tokens).content)
    table.columns, *table.rows = table.rows
    table.lines = [table.line + 2 + offset for offset in range(len(table.rows))]
    return table


def _table_of(block: Block) -> Table:
    """A table of a document that is not Markdown."""
    table = Table(block.line)
    for _, cells in block.rows:
        table.rows.append([])
        for cell in cells:
            _append(table, cell)
    table.columns, *table.rows = table.rows
    table.lines = [line for line, _ in block.rows[1:]]
    return table


def _table_cells(table: Table) -> list[Cell]:
    cells = []
    for line, row in zip(table.lines, table.rows, strict=True):
        labelled = bool(row) and not is_number(row[0])
        for column, text in zip(table.columns, row, strict=False):
            if is_number(text):
                place: Place = "row" if len(table.rows) == 1 else "table"
                cells.append(
                    Cell(column, row[0] if labelled else "", text, line, place, text in table.percent or "%" in column)
                )
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
            percent = "%" in clause.partition(numbers[0])[2][:2]
            cells.append(Cell(clause.strip()[:MAX_CLAUSE], "", numbers[0], line, "text", percent))
    return cells


def _headed(title: str) -> Section:
    match = _SECTION.match(title)
    return Section(title, int(match[1]) if match else None)


def _read_blocks(blocks: Iterable[Block], sections: list[Section], before: int = 0) -> None:
    """Add the blocks of a document that is not Markdown; ``before`` lines stand above them."""
    for block in blocks:
        block.line += before
        if block.kind == "heading":
            sections.append(_headed(block.text))
        elif block.kind == "paragraph":
            sections[-1].paragraphs.append((block.line, block.text))
            sections[-1].said += _text_cells(block.text, block.line)
        elif len(block.rows) > 1:
            table = _table_of(block)
            sections[-1].tables.append(table)
            sections[-1].cells += _table_cells(table)


def read_sections(text: str, suffix: str = "") -> list[Section]:
    """Sections of a text in order, by its suffix in ``markup.READERS``, else of Markdown.

    The first section holds the text before any heading.

    Raises:
        InputError: more than ``MAX_NUMBERS`` numbers.
    """
    sections = [Section("")]
    reader = READERS.get(suffix.lower())
    if reader:
        _read_blocks(reader(text), sections)
    tokens = iter([] if reader else _PARSER.parse(text))
    for token in tokens:
        if token.type == "heading_open":
            sections.append(_headed(next(tokens).content.strip()))
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
        elif token.type == "html_block" and "<table" in token.content.lower():
            tables = [block for block in html(token.content) if block.kind == "table"]
            _read_blocks(tables, sections, _line(token) - 1)
    if sum(len(section.cells) for section in sections) > MAX_NUMBERS:
        raise InputError(f"document of more than {MAX_NUMBERS} numbers")
    return sections
