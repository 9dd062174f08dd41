"""From a nested plain value to name -> array."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeGuard

import numpy as np

from repro.errors import InputError

MAX_NAMES = 1 << 26  # characters in all names together; ``plain`` bounds the number and the depth of the parts


def _is_number(value: object) -> TypeGuard[float | np.ndarray]:
    if isinstance(value, np.ndarray):
        return value.ndim == 0 and value.dtype.kind in "biuf"
    return type(value) in (bool, int, float)


def _series(values: Sequence[float | np.ndarray]) -> np.ndarray:
    """Numbers as a 1-D array of the dtype that numpy chooses, float64 beyond 64 bits."""
    array = np.array(values) if values else np.zeros(0)
    return array if array.dtype.kind in "biuf" else np.array([float(value) for value in values])


def _parts(value: object) -> Iterable[tuple[str, object]] | np.ndarray | None:
    """The named parts of a container, the array that the value is, or None if it is neither."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "biuf" else None
    if _is_number(value):
        return _series([value]).reshape(())
    if isinstance(value, (list, tuple)):
        numbers = [part for part in value if _is_number(part)]
        return _series(numbers) if len(numbers) == len(value) else ((str(i), part) for i, part in enumerate(value))
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
    of numbers is one 1-D array, and so is a dict from consecutive integers to numbers, in the order of its keys. A
    number is a 0-d array. Texts, bytes and None are left out.

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
