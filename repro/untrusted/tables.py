"""Numbers in text files: JSON, one JSON value a line, YAML, tables with a separator, and logs of trainings."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import yaml

from repro.untrusted.source import Refused, Source, decoded
from repro.untrusted.text import parse_json, reason
from repro.untrusted.training_logs import series
from repro.untrusted.unpickle import checked_key

MAX_DEPTH = 32
MAX_BYTES = 16 << 20
MAX_YAML = 1 << 20  # which takes a second to read
_DECIMAL_COMMA = re.compile(r"^([-+]?\d+),(\d+(?:[eE][-+]?\d{1,3})?)$")
_FLOAT = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?|[-+]?(?:nan|inf|infinity)", re.IGNORECASE)


def _text(source: Source) -> str:
    if source.left > MAX_BYTES:
        raise Refused(f"text of more than {MAX_BYTES >> 20} MiB")
    return decoded(source.read())


def _checked(value: Any, depth: int = 0) -> Any:
    """A value with keys that a report can show, nested as little as a pickle may be."""
    if depth > MAX_DEPTH:
        raise Refused(f"values are nested more than {MAX_DEPTH} deep")
    if isinstance(value, dict):
        return {checked_key(key): _checked(part, depth + 1) for key, part in value.items()}
    return [_checked(part, depth + 1) for part in value] if isinstance(value, list) else value


def read_json(source: Source) -> Any:
    """The value of a JSON file, or the list of values of a file with one a line.

    Raises:
        Refused: it is none, too long, or nested too deep.
    """
    text = _text(source)
    try:
        return _checked(parse_json(text.encode()))
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or not lines[0].lstrip().startswith(("{", "[")):
            raise Refused(str(error)) from None
    try:
        return _checked([parse_json(line.encode()) for line in lines])
    except ValueError as error:
        raise Refused(str(error)) from None


def read_yaml(source: Source) -> Any:
    """The value of a YAML file without references, which could unfold to anything.

    Raises:
        Refused: it is none, too long, nested too deep, or refers to parts of itself.
    """
    if source.left > MAX_YAML:
        raise Refused(f"YAML of more than {MAX_YAML >> 20} MiB")
    text, depth = _text(source), 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH or isinstance(event, yaml.AliasEvent):
                raise Refused(f"values are nested more than {MAX_DEPTH} deep, or refer to each other")
        return _checked(yaml.load(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError as error:
        raise Refused(f"not valid YAML: {reason(error)}") from None


def read_table(source: Source) -> dict[str, np.ndarray]:
    """Columns of numbers by heading, or by place where there is no heading; float64. Other columns are left out.

    Empty cells are left out of their column: a log of a training has rows of steps and rows of evaluations. Between
    semicolons, a comma is a decimal point.

    Raises:
        Refused: it is no table, or holds no column of numbers.
    """
    text = _text(source)
    separator = next((mark for mark in ",\t;" if mark in text.partition("\n")[0]), None)
    rows = list(csv.reader(io.StringIO(text), delimiter=separator)) if separator else map(str.split, text.splitlines())
    cells = [[cell.strip() for cell in row] for row in rows if row and not row[0].startswith("#")]
    if separator == ";":
        cells = [[_DECIMAL_COMMA.sub(r"\1.\2", cell) for cell in row] for row in cells]
    headed = bool(cells) and not any(_FLOAT.fullmatch(cell) for cell in cells[0])
    names = cells[0] if headed else [str(place) for place in range(len(cells[0]) if cells else 0)]
    body = cells[headed:]
    if (
        headed and body and all(len(row) == len(names) + 1 for row in body)
    ):  # R prints the names of rows without a heading
        body = [row[1:] for row in body]
    if not body or any(len(row) != len(names) for row in body):
        raise Refused("rows of different lengths are no table of numbers")
    columns = {str(checked_key(name)): _column([row[place] for row in body]) for place, name in enumerate(names)}
    if all(column is None for column in columns.values()):
        raise Refused("table without a column of numbers")
    if not headed and len(columns) > 1:  # a matrix, as numpy.savetxt writes it
        if len({len(column) for column in columns.values() if column is not None}) > 1:
            raise Refused("empty cells in a matrix of numbers")
        return {"": np.stack([column for column in columns.values() if column is not None], axis=1)}
    return {name if headed else "": column for name, column in columns.items() if column is not None}


def read_log(source: Source) -> dict[str, np.ndarray]:
    """Series of results in the text that a training prints, by name.

    Raises:
        Refused: it prints none again and again.
    """
    if not (columns := series(_text(source))):
        raise Refused("a text without series of results")
    return columns


def read_log_or_table(source: Source) -> dict[str, np.ndarray]:
    """As ``read_log``, else as ``read_table``: the lines of many logs have their numbers in columns, too.

    Raises:
        Refused: it is neither.
    """
    try:
        return read_log(source)
    except Refused:
        source.seek(0)
        return read_table(source)


def _column(cells: Sequence[str]) -> np.ndarray | None:
    filled = [cell for cell in cells if cell]
    return np.array([float(cell) for cell in filled]) if filled and all(map(_FLOAT.fullmatch, filled)) else None
