"""Headings, paragraphs and tables of documents that are not Markdown: reStructuredText, Org, AsciiDoc, HTML, LaTeX."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Literal

MAX_COLUMNS = 100
Row = tuple[int, list[str]]  # line, cells


@dataclass
class Block:
    """A heading or a paragraph with its text, or a table with its rows, the first of which holds the headings."""

    kind: Literal["heading", "paragraph", "table"]
    line: int
    text: str = ""
    rows: list[Row] = field(default_factory=list)


Reader = Callable[[str], Iterator[Block]]


def _runs(lines: Sequence[str], kind: Callable[[str], str]) -> Iterator[tuple[str, int, list[str]]]:
    """Neighbouring lines of one kind together: (kind, number of the first, lines)."""
    start = 0
    for at in range(1, len(lines) + 1):
        if at == len(lines) or kind(lines[at]) != kind(lines[start]):
            yield kind(lines[start]), start + 1, list(lines[start:at])
            start = at


def _paragraph(line: int, lines: Sequence[str]) -> Iterator[Block]:
    text = "\n".join(lines).strip()
    if text:
        yield Block("paragraph", line, text)


def org(text: str) -> Iterator[Block]:
    """Org: ``* heading``, and tables between bars."""

    def kind(line: str) -> str:
        line = line.lstrip()
        return "table" if line.startswith("|") else "heading" if re.match(r"\*+ ", line) else "" if line else "blank"

    for name, first, lines in _runs(text.splitlines(), kind):
        if name == "table":
            numbered = [(first + at, line.strip()) for at, line in enumerate(lines)]
            rows = [
                (n, [cell.strip() for cell in line.strip("|").split("|")]) for n, line in numbered if line[1:2] != "-"
            ]
            yield Block("table", first, rows=rows)
        elif name == "heading":
            yield from (Block("heading", first + at, line.strip("* ")) for at, line in enumerate(lines))
        else:
            yield from _paragraph(first, lines)


def _grid(first: int, lines: Sequence[str]) -> Block:
    """A table in a frame of ``+---+``: lines between two borders are one row."""
    rows: list[Row] = []
    fresh = True
    for at, line in enumerate(lines):
        if line.lstrip().startswith("+"):
            fresh = True
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if fresh or len(cells) != len(rows[-1][1]):
            rows.append((first + at, cells))
        else:
            rows[-1] = rows[-1][0], [f"{above} {cell}".strip() for above, cell in zip(rows[-1][1], cells, strict=True)]
        fresh = False
    return Block("table", first, rows=rows)


def _simple(first: int, lines: Sequence[str], borders: Sequence[int]) -> Block:
    """A table under ``=== ===``: the border says where columns begin; an empty first cell continues a row."""
    starts = [match.start() for match in re.finditer(r"=+", lines[borders[0]])][:MAX_COLUMNS]
    rows: list[Row] = []
    marks = frozenset(borders)
    for at in range(borders[0] + 1, borders[-1]):
        line = lines[at]
        if at not in marks and line.strip().strip("- "):
            ends = [*starts[1:], max(len(line), starts[-1])]
            rows.append((first + at, [line[a:b].strip() for a, b in zip(starts, ends, strict=True)]))
    return Block("table", first, rows=rows)


def _listed(first: int, lines: Sequence[str]) -> Block:
    """A table as a list of lists: ``* - cell`` begins a row, ``- cell`` is the next cell."""
    rows: list[Row] = []
    for at, line in enumerate(lines):
        match = re.match(r"\s*(\* -|-)(?: (.*))?$", line)
        if match and match[1] == "* -":
            rows.append((first + at, [(match[2] or "").strip()]))
        elif match and rows:
            rows[-1][1].append((match[2] or "").strip())
    return Block("table", first, rows=rows)


def _separated(first: int, lines: Sequence[str]) -> Block:
    """A table of values between commas, its headings in the option ``:header:``."""
    rows: list[Row] = []
    for at, line in enumerate(lines):
        plain = line.strip().removeprefix(":header:").strip()
        if plain and not re.match(r":[\w-]+:", plain) and not plain.startswith(".."):
            rows.append((first + at, [cell.strip() for cell in next(csv.reader([plain], skipinitialspace=True))]))
    return Block("table", first, rows=rows)


_BORDER = re.compile(r"\s*=+(?: +=+)+\s*")
_UNDERLINE = re.compile(r"([=\-~^\"'`*+#:._])\1{2,}\s*")


def rst(text: str) -> Iterator[Block]:
    """reStructuredText: underlined headings, tables in a frame, between borders, or as a directive."""
    lines = text.splitlines()
    at = 0
    gathered: list[str] = []
    while at < len(lines):
        line, end, block = lines[at], at + 1, None
        if re.match(r"\s*\+[-=+]+\+\s*$", line):
            while end < len(lines) and lines[end].lstrip().startswith(("+", "|")):
                end += 1
            block = _grid(at + 1, lines[at:end])
        elif _BORDER.fullmatch(line):
            while end < len(lines) and (lines[end].strip() or not _BORDER.fullmatch(lines[end - 1]) or end == at + 1):
                end += 1
            borders = [n for n in range(end - at) if _BORDER.fullmatch(lines[at + n])]
            block = _simple(at + 1, lines[at:end], borders) if len(borders) > 1 else None
        elif match := re.match(r"(\s*)\.\. (list-table|csv-table)::", line):
            while end < len(lines) and (not lines[end].strip() or lines[end].startswith(f"{match[1]} ")):
                end += 1
            block = (_listed if match[2] == "list-table" else _separated)(at + 1, lines[at:end])
        elif line.strip() and end < len(lines) and _UNDERLINE.fullmatch(lines[end]) and not _UNDERLINE.fullmatch(line):
            end += 1
            block = Block("heading", at + 1, line.strip())
        elif line.strip():
            gathered.append(line)
            at += 1
            continue
        yield from _paragraph(at + 1 - len(gathered), gathered)
        gathered = []
        if block:
            yield block
        at = end
    yield from _paragraph(at + 1 - len(gathered), gathered)


def adoc(text: str) -> Iterator[Block]:
    """AsciiDoc: ``== heading``, and tables between ``|===``, whose first line says how many columns there are."""
    table: Block | None = None
    gathered: list[str] = []
    columns = 0
    for at, line in enumerate([*text.splitlines(), ""], 1):
        plain = line.strip()
        if plain == "|===":
            if table:
                yield table
            table, columns = (None, 0) if table else (Block("table", at), 0)
        elif table and plain.startswith("|"):
            cells = [cell.strip() for cell in plain[1:].split("|")][:MAX_COLUMNS]
            columns = columns or len(cells)
            for cell in cells:
                if not table.rows or len(table.rows[-1][1]) == columns:
                    table.rows.append((at, []))
                table.rows[-1][1].append(cell)
        elif not table and plain and not re.match(r"=+ ", plain):
            gathered.append(plain)
            continue
        if not table:
            yield from _paragraph(at - len(gathered), gathered)
            gathered = []
            if re.match(r"=+ ", plain):
                yield Block("heading", at, plain.lstrip("= "))


_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]{0,15})\b([^<>]{0,2000})>")
_SPANNED = re.compile(r"\bcolspan\s{0,5}=\s{0,5}[\"']?(\d{1,2})\b", re.IGNORECASE)
_HEADINGS = frozenset("h1 h2 h3 h4".split())
_APART = _HEADINGS | frozenset("p li div table section".split())


def _without(text: str, opening: str, closing: str) -> str:
    """The text with as many line ends, but without what stands between the two marks."""
    kept, at = [], 0
    while (start := text.find(opening, at)) >= 0 and (end := text.find(closing, start)) >= 0:
        kept += [text[at:start], "\n" * text.count("\n", start, end)]
        at = end + len(closing)
    return "".join([*kept, text[at:]])


def html(text: str) -> Iterator[Block]:
    """HTML: ``h1`` to ``h4``, tables, and the texts between them."""
    for opening, closing in (("<!--", "-->"), ("<script", "</script>"), ("<style", "</style>")):
        text = _without(text, opening, closing)
    tables: list[Block] = []
    said: list[str] = []
    line, at, span = 1, 0, 0  # a cell is open where it spans any column
    for tag in _TAG.finditer(text):
        said.append(text[at : tag.start()])
        line += text.count("\n", at, tag.start())
        closes, name = bool(tag[1]), tag[2].lower()
        if name in ("td", "th", "tr", "table") and tables and tables[-1].rows:  # each ends a cell that is still open
            tables[-1].rows[-1][1].extend([_shown(said)] * span)
            said, span = ([] if span else said), 0
        if name in ("td", "th"):
            match = _SPANNED.search(tag[3])
            said, span = [], 0 if closes or not tables else int(match[1]) if match else 1
        elif name == "tr" and tables and not closes:
            tables[-1].rows.append((line, []))
        elif name in _APART and (not tables or name == "table"):
            if shown := _shown(said):
                yield Block("heading" if closes and name in _HEADINGS else "paragraph", line, shown)
            said = []
            if name == "table" and not closes:
                tables.append(Block("table", line))
            elif name == "table" and tables:
                yield tables.pop()
        line += text.count("\n", tag.start(), tag.end())
        at = tag.end()
    yield from _paragraph(line, [_shown([*said, text[at:]])])


def _shown(parts: Sequence[str]) -> str:
    """What a browser shows of pieces of text."""
    return " ".join(unescape("".join(parts)).split())


_TABULAR = re.compile(
    r"\\begin\{((?:tabular|longtable|tabularx|tabulary)\*?)\}|\\(?:sub){0,2}section\*?\{([^{}\n]{0,200})\}"
)
_RULE = re.compile(
    r"\\(?:hline|toprule|midrule|bottomrule|(?:cmidrule|cline)(?:\([a-z]{0,3}\))?\{[\d-]{0,9}\}|addlinespace)"
)
_SPAN = re.compile(r"\\multicolumn\{(\d{1,2})\}\{[^{}]{0,50}\}\{(.*)\}", re.DOTALL)
_COMMAND = re.compile(
    r"\\(?:text\w{0,10}|emph|mathbf|mathrm|underline|mbox|bm|multirow(?:\{[^{}]*\}){2})\{([^{}]{0,300})\}"
)
_COMMENT = re.compile(r"(?<!\\)%[^\n]*")
_SYMBOLS = {r"\%": "%", r"\&": "&", r"\_": "_", "~": " ", r"\,": " ", r"\pm": "±", r"\#": "#", "$": ""}
MAX_CELL = 1000


def _cell(text: str) -> list[str]:
    """What a cell of a LaTeX table shows, once for each column that it spans."""
    text = text[:MAX_CELL].strip()
    span = _SPAN.fullmatch(text)
    text = span[2] if span else text
    for _ in range(3):
        text = _COMMAND.sub(r"\1", text)
    for symbol, shown in _SYMBOLS.items():
        text = text.replace(symbol, shown)
    return [" ".join(text.replace("{", "").replace("}", "").split())] * (int(span[1]) if span else 1)


def _after_arguments(text: str, at: int) -> int:
    """Where the arguments of an environment end, such as what its columns look like."""
    depth = 0
    for place in range(at, min(len(text), at + MAX_CELL)):
        depth += (text[place] in "{[") - (text[place] in "}]")
        if depth == 0 and text[place] not in "}]":
            return place
    return at


def _under_one_heading(rows: list[Row]) -> list[Row]:
    """Rows with one row of headings: of several, the last, with what stands above its empty cells."""
    count = next((at for at, (_, cells) in enumerate(rows) if any(re.search(r"\d[.,]\d", cell) for cell in cells)), 0)
    if count < 2 or len({len(cells) for _, cells in rows[:count]}) > 1:
        return rows
    columns = zip(*(cells for _, cells in rows[:count]), strict=True)
    return [(rows[0][0], [next((cell for cell in reversed(column) if cell), "") for column in columns]), *rows[count:]]


def latex(text: str) -> Iterator[Block]:
    """LaTeX: sections and tables. What a paper says in its text is about much else, so it is left out."""
    text = _COMMENT.sub("", text)  # with all line ends, so that lines keep their numbers
    at, line = 0, 1
    while opening := _TABULAR.search(text, at):
        line += text.count("\n", at, opening.start())
        if not opening[1]:
            yield Block("heading", line, opening[2])
            line += text.count("\n", opening.start(), opening.end())
            at = opening.end()
            continue
        end = text.find(f"\\end{{{opening[1]}}}", opening.end())
        if end < 0:
            return
        rows: list[Row] = []
        here = line
        for content in text[_after_arguments(text, opening.end()) : end].split("\\\\"):
            plain = _RULE.sub("", content)
            cells = [part for cell in re.split(r"(?<!\\)&", plain)[:MAX_COLUMNS] for part in _cell(cell)]
            if len(cells) > 1:
                rows.append((here + len(content[: len(content) - len(content.lstrip())].split("\n")) - 1, cells))
            here += content.count("\n")
        yield Block("table", line, rows=_under_one_heading(rows))
        line += text.count("\n", opening.start(), end)
        at = end


READERS: dict[str, Reader] = {
    ".rst": rst,
    ".org": org,
    ".adoc": adoc,
    ".asciidoc": adoc,
    ".html": html,
    ".htm": html,
    ".tex": latex,
}
