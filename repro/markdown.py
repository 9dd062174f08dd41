"""Markdown pieces: tables that always have as many cells in a row as columns, and numbers in one style."""

from collections.abc import Iterable, Sequence


def cell(value: object) -> str:
    """One table cell: no line breaks, ``|`` escaped, nothing for None."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, (list, tuple)):
        return cell(" × ".join(str(item) for item in value))
    return " ".join(str(value).split()).replace("|", "\\|")


def table(columns: Sequence[object], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines of a table, with an empty line after it.

    Raises:
        ValueError: a row has another number of cells than there are columns.
    """
    lines = [_row(columns), "|" + " --- |" * len(columns)]
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"row {list(row)} does not fit the columns {list(columns)}")
        lines.append(_row(row))
    return [*lines, ""]


def _row(values: Sequence[object]) -> str:
    return "| " + " | ".join(cell(value) for value in values) + " |"


def number(value: float | None, digits: int = 4) -> str:
    """A number to ``digits`` significant digits; 0 stands for exactly zero, — for none."""
    if value is None:
        return "—"
    return "0" if value == 0 else f"{value:.{digits}g}"


def exact(value: float | str | None) -> str:
    """A measured value with all of its digits."""
    return "—" if value is None else repr(value) if isinstance(value, float) else str(value)


def short_hash(value: str) -> str:
    """First 12 hex digits of a sha256; the whole stands in ``report.json``."""
    return value[:12] if value else "—"


def clock(seconds: float) -> str:
    """``1 h 02 min``, ``3 min 05 s`` or ``8 s``."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
