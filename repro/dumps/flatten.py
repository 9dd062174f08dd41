"""From a nested plain value to name -> array."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from repro.errors import InputError

MAX_VALUES = 300_000
MAX_DEPTH = 64
MAX_NAMES = 1 << 26  # characters in all names together


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 0 and value.dtype.kind in "biuf"
    return type(value) in (bool, int, float)


def _series(values: list[Any]) -> np.ndarray:
    """Numbers as a 1-D array: of bools, integers or floats as numpy would have it, float64 beyond 64 bits."""
    array = np.array(values) if values else np.zeros(0)
    return array if array.dtype.kind in "biuf" else np.array([float(value) for value in values])


def _parts(value: Any) -> Iterable[tuple[str, Any]] | np.ndarray | None:
    """The named parts of a container, or the array that the value is, or None if it is neither."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "biuf" else None
    if _is_number(value):
        return _series([value]).reshape(())
    if isinstance(value, (list, tuple)):
        return _series(list(value)) if all(map(_is_number, value)) else ((str(i), v) for i, v in enumerate(value))
    if isinstance(value, dict):
        keys = sorted(value) if all(type(key) is int for key in value) else []
        if keys and keys[-1] - keys[0] == len(keys) - 1 and all(map(_is_number, value.values())):
            return _series([value[key] for key in keys])
        return ((str(key), item) for key, item in value.items())
    return None


class _Budget:
    """What a walk may still meet: a value may share its parts, and unfold to more than there is memory."""

    def __init__(self) -> None:
        self.values, self.names = MAX_VALUES, MAX_NAMES

    def spend(self, name: str, depth: int) -> None:
        self.values -= 1
        self.names -= len(name)
        if self.values < 0 or self.names < 0:
            raise InputError(f"value unfolds to more than {MAX_VALUES} parts, or to names of {MAX_NAMES} characters")
        if depth > MAX_DEPTH:
            raise InputError(f"values are nested more than {MAX_DEPTH} deep")


def _walk(name: str, value: Any, depth: int, budget: _Budget) -> Iterator[tuple[str, np.ndarray]]:
    budget.spend(name, depth)
    parts = _parts(value)
    if isinstance(parts, np.ndarray):
        yield name, parts
    elif parts is not None:
        for key, part in parts:
            yield from _walk(f"{name}.{key}" if name else key, part, depth + 1, budget)


def arrays(value: Any) -> dict[str, np.ndarray]:
    """Flatten a value of ``read_evidence`` to name -> array, in the value's order.

    Keys of nested dicts and places in lists are joined with ``.``; the whole value's own name is empty. A list or tuple
    of numbers is one 1-D array, and so is a dict from consecutive integers to numbers, in the order of its keys. A
    number is a 0-d array. Texts, bytes and None are left out.

    Returns:
        name -> array of any shape; dtype kinds b, i, u and f.

    Raises:
        InputError: two parts get one name, or the value unfolds without bound.
    """
    found: dict[str, np.ndarray] = {}
    for name, array in _walk("", value, 0, _Budget()):
        if name in found:
            raise InputError(f"two parts are named {name}")
        found[name] = array
    return found
