"""A report, of any version, as a flat list of values, each under a place that another run's report has as well."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from repro.errors import InputError

Place = tuple[str, ...]
Leaf = float | str | bool
Leaves = dict[Place, Leaf]
# what names an item of a list, whatever stands before it
IDENTITY = (("id",), ("name",), ("backend", "init", "size", "seed"), ("file",), ("kind", "step"), ("step",), ("title",))


def _finite(text: str) -> float:
    """A number of a JSON text, which Python would also read from ``NaN`` and ``1e999``."""
    if math.isfinite(value := float(text)):
        return value
    raise ValueError(f"{text} is no number")


def read(path: Path) -> Leaves:
    """The values of the report at ``path``, or of the run at ``path``.

    Raises:
        InputError: there is no report, or it is none.
    """
    file = path / "report.json" if path.is_dir() else path
    if file.exists() and not file.is_file():
        raise InputError("not a report: no file", where=file, next_step="name a run directory, or a report.json")
    try:
        content = json.loads(file.read_bytes(), parse_constant=_finite, parse_float=_finite)
        if isinstance(content, dict) and isinstance(content.get("claims"), list):
            return dict(leaves(content))
    except OSError as error:
        what = f"no report to compare: {error.strerror}"
        raise InputError(what, where=file, next_step="name a run directory, or a report.json") from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            "not a report: no JSON", where=file, next_step="build it again: repro stage report --run DIR"
        ) from error
    raise InputError("not a report: it has no claims", where=file, next_step="name a run directory, or a report.json")


def leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Leaf]]:
    """Every value of a JSON document with its place; what is empty has none."""
    if isinstance(value, dict) and {"columns", "rows"} <= value.keys():
        for row, cells in _named(value["rows"]):
            for (column, _), cell in zip(_named([[name] for name in value["columns"]]), cells, strict=False):
                yield from leaves(cell, (*place, row, column))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*place, key))
    elif isinstance(value, list):
        for name, item in _named(value):
            yield from leaves(item, (*place, name))
    elif value is not None:
        yield place, value


def _named(items: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Items of a list with the name that identifies each; a name that comes again is counted."""
    times: Counter[str] = Counter()
    for number, item in enumerate(items):
        name = _identity(item) or str(number)
        times[name] += 1
        yield name if times[name] == 1 else f"{name} #{times[name]}", item


def _identity(item: Any) -> str:
    """Its name, or the words in the first cell of a row; empty where it has none."""
    if isinstance(item, list):
        return item[0] if item and isinstance(item[0], str) else ""
    if isinstance(item, dict):
        for keys in IDENTITY:
            if item.keys() >= {*keys}:
                return " ".join(str(item[key]) for key in keys)
    return ""
