"""The numbers of a markdown document, each with the section, column and row under which it stands."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

from repro.dumps.log import means

MAX_DOCUMENT = 1 << 20
MAX_NUMBERS = 5000  # each is held against every key of its step
_NUMBER = re.compile(r"[-+]?\d{1,40}(?:\.\d{1,40})?(?:[eE][-+]?\d{1,3})?")
_SECTION = re.compile(r"(?:step\s*|第)?(\d{1,3})(?![A-Za-z\d])", re.IGNORECASE)
_COMMENT = re.compile(r"^(.*?)\s*(?:#|//)\s*(?:[\w ]+:)?\s*([-+]?\d[\d.eE+-]*)\s*$")
_COUNT = re.compile(
    r"(?<!\d)(\d{1,9})\s*(?:轮|步|steps?\b|rounds?\b|iterations?\b|losses\b|updates?\b|batches\b|epochs?\b)",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"(?<![A-Za-z\d.])(?<![eE]-)\d{1,9}(?![A-Za-z\d]|\.\d)")

Place = Literal["row", "table", "log", "code"]


@dataclass(frozen=True)
class Cell:
    """One documented number.

    Attributes:
        column: heading of the table's column, log key, or line of code before the comment.
        row: first cell of the table's row; empty in tables whose first column holds a number itself.
        text: the number as printed.
        place: a table of one row or of more, a printed log of ``reprod_log``, or a comment behind a line of code.
    """

    column: str
    row: str
    text: str
    line: int
    place: Place


@dataclass
class Table:
    """A table: headings, and rows of cell texts."""

    line: int
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)


@dataclass
class Section:
    """What stands under one heading; ``number`` is the one that the heading begins with."""

    title: str
    number: int | None = None
    cells: list[Cell] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    paragraphs: list[tuple[int, str]] = field(default_factory=list)

    def counts(self) -> list[tuple[int, str]]:
        """Numbers of steps that texts and column headings speak of: (20, "20轮")."""
        return [(int(match[1]), match[0]) for text in self._texts() for match in _COUNT.finditer(text)]

    def whole_numbers(self) -> set[int]:
        """Every whole number of the texts and column headings."""
        return {int(match[0]) for text in self._texts() for match in _WHOLE.finditer(text)}

    def _texts(self) -> list[str]:
        return [text for _, text in self.paragraphs] + [column for table in self.tables for column in table.columns]


def is_number(text: str) -> bool:
    """A decimal number that a float can hold and nothing else, but for a percent sign."""
    bare = text.strip().removesuffix("%").strip()
    return _NUMBER.fullmatch(bare) is not None and math.isfinite(float(bare))


def plain(text: str) -> str:
    """Cell text without emphasis and percent sign."""
    return text.strip().strip("*_`").strip().removesuffix("%").strip()


def _inline(tokens: list[Token], start: int) -> tuple[str, int]:
    """Text of the inline token after ``start``, and its line."""
    token = tokens[start + 1]
    return token.content, (token.map or tokens[start].map or [0])[0] + 1


def _tables(tokens: list[Token]) -> Iterator[tuple[int, Table]]:
    """(index of the opening token, table)."""
    table: Table | None = None
    opened = 0
    for index, token in enumerate(tokens):
        if token.type == "table_open":
            table, opened = Table((token.map or [0])[0] + 1, []), index
        elif table is not None and token.type == "tr_open":
            table.rows.append([])
        elif table is not None and token.type in ("th_open", "td_open"):
            text = plain(tokens[index + 1].content)
            (table.columns if token.type == "th_open" else table.rows[-1]).append(text)
        elif table is not None and token.type == "table_close":
            table.rows = [row for row in table.rows if row]
            yield opened, table
            table = None


def _table_cells(table: Table) -> list[Cell]:
    cells = []
    for offset, row in enumerate(table.rows):
        labelled = bool(row) and not is_number(row[0])
        for column, text in zip(table.columns, row, strict=False):
            if is_number(text):
                place: Place = "row" if len(table.rows) == 1 else "table"
                cells.append(Cell(column, row[0] if labelled else "", plain(text), table.line + 2 + offset, place))
    return cells


def _code_cells(content: str, line: int) -> list[Cell]:
    """Numbers of a printed log, or in comments behind lines of code."""
    lines = content.splitlines()
    if logged := means(lines):
        return [Cell(entry.name, "", entry.value, line, "log") for entry in logged if is_number(entry.value)]
    found = ((offset, _COMMENT.match(text)) for offset, text in enumerate(lines))
    return [
        Cell(match[1].strip(), "", match[2], line + 1 + offset, "code")
        for offset, match in found
        if match and is_number(match[2])
    ]


def read_sections(text: str) -> list[Section]:
    """Sections of a markdown text in order; the first holds what stands before any heading."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    tables = dict(_tables(tokens))
    sections = [Section("")]
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            title, _ = _inline(tokens, index)
            match = _SECTION.match(title.strip())
            sections.append(Section(title.strip(), int(match[1]) if match else None))
        elif token.type == "paragraph_open":
            content, line = _inline(tokens, index)
            sections[-1].paragraphs.append((line, content))
        elif token.type in ("fence", "code_block"):
            sections[-1].cells += _code_cells(token.content, (token.map or [0])[0] + 1)
        elif index in tables:
            sections[-1].tables.append(tables[index])
            sections[-1].cells += _table_cells(tables[index])
    return sections
