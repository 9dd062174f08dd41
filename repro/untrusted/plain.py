"""From what the interpreter built to plain Python values and numpy arrays, with bounds on depth and size.

A pickle may mention one list many times. Such sharing is kept, so the work is bounded by the length of the file. What a
walk over the result would visit is counted, and refused where it is out of proportion to the file.
"""

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from repro.untrusted.rebuild import Array, Name, Storage, Tensor
from repro.untrusted.source import Refused

MAX_DEPTH = 32
MAX_VALUES = 300_000
TIMES = 16  # how often the same array data may be visited, on average over the file

_ATOMS = (type(None), bool, int, float, str, bytes, memoryview)

Fetch = Callable[[Storage], np.ndarray]


def _window(tensor: Tensor, flat: np.ndarray) -> np.ndarray:
    """The tensor as a read-only view on its storage (1-D), after a check that it stays inside."""
    elements = math.prod(tensor.shape)
    if elements > len(flat):
        raise Refused(f"tensor of {elements} elements is larger than its storage of {len(flat)}")
    if not elements:
        return np.zeros(tensor.shape, flat.dtype)
    last = tensor.offset + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True))
    if last >= len(flat):
        raise Refused(f"tensor reaches element {last} of a storage of {len(flat)}")
    # Nothing steps along a dimension of one element, so its claimed stride need not fit into numpy's integers.
    steps = [step * flat.itemsize if n > 1 else 0 for n, step in zip(tensor.shape, tensor.strides, strict=True)]
    return as_strided(flat[tensor.offset :], tensor.shape, steps, writeable=False)


@dataclass(frozen=True, slots=True)
class _Known:
    """A finished array or container, and what a walk over it visits."""

    value: object
    values: int = 1
    nbytes: int = 0
    height: int = 0


@dataclass
class _Walk:
    fetch: Fetch | None
    max_nbytes: int
    known: dict[int, _Known | None] = field(default_factory=dict)

    def visit(self, value: object, depth: int) -> _Known:
        if id(value) not in self.known:
            self.known[id(value)] = None
            self.known[id(value)] = self.build(value, depth)
        known = self.known[id(value)]
        if known is None:
            raise Refused("a value contains itself")
        if depth + known.height > MAX_DEPTH:
            raise Refused(f"values are nested more than {MAX_DEPTH} deep")
        return known

    def build(self, value: object, depth: int) -> _Known:
        if type(value) in _ATOMS or isinstance(value, np.generic):
            return _Known(value)
        if isinstance(value, Name):
            raise Refused(f"refused: the file asks for {value}")
        if isinstance(value, Array):
            if value.value is None:
                raise Refused("array without data")
            return self.visit(value.value, depth)
        if isinstance(value, Tensor):
            if self.fetch is None:
                raise Refused("a torch tensor outside a torch file")
            value = _window(value, self.fetch(value.storage))
        if isinstance(value, np.ndarray):
            return _Known(value, nbytes=value.nbytes)
        if isinstance(value, (list, tuple, dict)):
            return self.container(value, depth)
        raise Refused(f"a {type(value).__name__} by itself, outside an array")

    def container(self, value: list[object] | tuple[object, ...] | dict[object, object], depth: int) -> _Known:
        if depth == MAX_DEPTH:
            raise Refused(f"values are nested more than {MAX_DEPTH} deep")
        items: list[object] = []
        values, nbytes, height = 1, 0, 0
        for part in value.values() if isinstance(value, dict) else value:
            if type(part) in _ATOMS:
                items.append(part)
                values += 1
                continue
            known = self.visit(part, depth + 1)
            items.append(known.value)
            values, nbytes, height = values + known.values, nbytes + known.nbytes, max(height, known.height)
            if values > MAX_VALUES:
                raise Refused(f"shared parts unfold to more than {MAX_VALUES} values")
            if nbytes > self.max_nbytes:
                raise Refused(f"shared arrays unfold to more than {TIMES} times the file")
        built = dict(zip(value, items, strict=True)) if isinstance(value, dict) else type(value)(items)
        return _Known(built, values, nbytes, height + 1)


def plain(value: object, size: int, fetch: Fetch | None = None) -> Any:
    """dict, list, tuple, str, bytes (many as a memoryview), int, float, bool, None, numpy arrays and scalars.

    Args:
        value: what ``unpickle`` built.
        size: bytes of the file, from which the bound on repeated array data follows.
        fetch: torch storage -> its elements, 1-D, little endian; None where the file may hold no storage.

    Raises:
        Refused: something that is not plain, nested too deep, containing itself, or unfolding without bound.
    """
    return _Walk(fetch, TIMES * max(size, 1 << 16)).visit(value, 0).value


def owned(content: dict[Any, Any], size: int) -> dict[str, Any]:
    """The dict with its arrays copied, each once: those of ``plain`` are read-only views of the file's bytes.

    Args:
        content: emptied on the way, so that only one array at a time is in memory twice.
        size: bytes of the file, which the copies may not exceed.

    Raises:
        Refused: arrays share their data and have more of it than the file.
    """
    names: dict[int, list[object]] = defaultdict(list)
    for name, item in content.items():
        names[id(item)].append(name)
    copies: dict[str, Any] = dict.fromkeys(map(str, content))
    for same in names.values():
        item = content[same[0]]
        for name in same:
            del content[name]
        if isinstance(item, np.ndarray):
            size -= item.nbytes
            if size < 0:
                raise Refused("arrays have more data than the file: they share it")
            item = item.copy()
        copies |= dict.fromkeys(map(str, same), item)
    return copies
