"""A table as the templates print it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

Rows = list[list[object]]


class Grid(NamedTuple):
    """Columns, rows that fit them, and a title where it stands folded."""

    columns: list[object]
    rows: Rows
    title: object = ""


def grid(columns: Iterable[object], rows: Iterable[Sequence[object]], title: object = "") -> Grid:
    """A table; raises ValueError where a row has another number of cells than there are columns."""
    result = Grid([*columns], [[*row] for row in rows], title)
    for row in result.rows:
        if len(row) != len(result.columns):
            raise ValueError(f"row {row} does not fit the columns {result.columns}")
    return result
