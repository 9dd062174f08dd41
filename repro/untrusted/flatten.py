"""From a nested plain value to name -> array."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeGuard

import numpy as np

from repro.errors import InputError

_NUMBERS = "biuf"
MAX_NAMES = 1 << 26  # characters in all names together; ``plain`` bounds the number and the depth of the parts


MAX_AXES = 8
_LARGEST = 1 << 1023  # what float64 can hold


def _is_number(value: object) -> TypeGuard[float | np.generic | np.ndarray]:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.ndim == 0 and value.dtype.kind in _NUMBERS
    return type(value) in (bool, float) or (type(value) is int and abs(value) < _LARGEST)


def _series(values: Sequence[Any]) -> np.ndarray:
    """Numbers, or rows of them, as an array of the dtype that numpy chooses, float64 beyond 64 bits."""
    array = np.array(values) if values else np.zeros(0)
    return array if array.dtype.kind in _NUMBERS else np.array(values, dtype=np.float64)


def _shape(values: object, depth: int = MAX_AXES) -> tuple[int, ...] | None:
    """Shape of numbers in lists of equal lengths; None where they are none, or nested deeper than arrays are."""
    if not isinstance(values, (list, tuple)) or not values or not depth:
        return None
    if all(map(_is_number, values)):
        return (len(values),)
    shapes = {_shape(part, depth - 1) for part in values}
    inner = shapes.pop()
    return (len(values), *inner) if inner and not shapes else None


def _fields(record: dict[object, object], before: str = "") -> Iterator[tuple[str, object]]:
    """(name, value) of a record, those of records in it under both names."""
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _fields(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _columns(records: Sequence[object]) -> dict[str, object] | None:
    """The numbers of a list of records, such as one for each epoch, as a series for each name.

    A name that only some of them have, as steps and evaluations of one log do, has a number in each of these.
    """
    if len(records) < 2 or not all(isinstance(record, dict) for record in records):
        return None
    rows: list[dict[object, object]] = list(records)  # type: ignore[arg-type]
    columns: dict[str, list[object]] = {}
    for row in rows:
        for name, value in _fields(row):
            if value is not None:
                columns.setdefault(name, []).append(value)
    return {name: values for name, values in columns.items() if all(map(_is_number, values))} or None


def _parts(value: object) -> Iterable[tuple[str, object]] | np.ndarray | None:
    """The named parts of a container, the array that the value is, or None if it is neither."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in _NUMBERS else None
    if _is_number(value):
        return _series([value]).reshape(())
    if isinstance(value, (list, tuple)):
        if not value or _shape(value):
            return _series(value)
        columns = _columns(value)
        return ((str(i), part) for i, part in enumerate(value)) if columns is None else columns.items()
    if isinstance(value, dict):
        keys = sorted(value) if all(type(key) is int for key in value) else []
        if keys and keys[-1] - keys[0] == len(keys) - 1 and all(map(_is_number, value.values())):
            return _series([value[key] for key in keys])
        return ((str(key), item) for key, item in value.items())
    return None


def _walk(name: str, value: object) -> Iterator[tuple[str, np.ndarray]]:
    parts = _parts(value)
    if isinstance(parts, np.ndarray):
        yield name, parts
    elif parts is not None:
        for key, part in parts:
            yield from _walk(f"{name}.{key}" if name else key, part)


def arrays(value: object) -> dict[str, np.ndarray]:
    """Flatten a value of ``read_content`` to name -> array, in the value's order.

    Keys of nested dicts and places in lists are joined with ``.``; the whole value's own name is empty. A list or tuple
    of numbers is one 1-D array, one of lists of equal shape an array of one more axis, and one of records a series for
    each name; so is a dict from consecutive integers to numbers, in the order of its keys. A number is a 0-d array.
    Texts, bytes and None are left out.

    Returns:
        name -> array of any shape; dtype kinds b, i, u and f.

    Raises:
        InputError: two parts get one name, or the names are too long.
    """
    by_name: dict[str, np.ndarray] = {}
    letters = 0
    for name, array in _walk("", value):
        letters += len(name)
        if letters > MAX_NAMES:
            raise InputError(f"value unfolds to names of more than {MAX_NAMES} characters")
        if name in by_name:
            raise InputError(f"two parts are named {name}")
        by_name[name] = array
    return by_name
