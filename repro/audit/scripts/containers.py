"""Lists and dicts of values, and what scripts do with them: loops, ``zip``, ``range``, subscripts."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from repro.audit.scripts.text import MAX_TEXT
from repro.audit.scripts.values import Instance, Loaded, Opaque, Value, known, placeholder

MAX_ITEMS = 256
UNKNOWN = object()  # what a function here returns where it does not follow


def items(value: Value) -> list[Value]:
    """What a loop over a value takes: its items, or one that stands for all of them."""
    if isinstance(value, (list, tuple, dict)):
        return list(value)[:MAX_ITEMS]
    if isinstance(value, Loaded):
        return [value.item("[*]")]
    if isinstance(value, Instance) and value.kind == "items":
        loaded = value.values["of"]
        key = loaded.item("[*]")
        return [(key, loaded.item(f"[{placeholder(key)}]"))]
    if isinstance(value, Opaque):
        return [Opaque(f"{value.name}[*]"[:80], value.framework, value.data, value.source)]
    return [Opaque("item")]


def _range(*bounds: Value) -> list[Value]:
    if 1 <= len(bounds) <= 3 and all(isinstance(bound, int) for bound in bounds) and (len(bounds) < 3 or bounds[2]):
        return list(range(*cast(Sequence[int], bounds))[:MAX_ITEMS])
    return [Opaque("i")]


def _enumerate(value: Value = (), start: Value = 0) -> list[Value]:
    first = start if isinstance(start, int) else 0
    many = isinstance(value, (list, tuple, dict))
    return [(first + place if many else Opaque("i"), item) for place, item in enumerate(items(value))]


def _zip(*values: Value) -> list[Value]:
    return list(zip(*map(items, values), strict=False))


def _length(value: Value = None) -> Value:
    return len(value) if isinstance(value, (list, tuple, dict, str)) else Opaque("len()")


FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "range": _range,
    "enumerate": _enumerate,
    "zip": _zip,
    "zip_longest": _zip,
    "tqdm": lambda value=(), *_: value,
    "iter": lambda value=(), *_: value,
    "len": _length,
    "reversed": lambda value=(): items(value)[::-1],
    "product": lambda *values: (
        [(a, b) for a in items(values[0]) for b in items(values[1])][:MAX_ITEMS] if len(values) == 2 else UNKNOWN
    ),
}


def hashable(key: Value) -> Value:
    """A key of a dict: a scalar, or the placeholder of an unknown value."""
    return key if known(key) else placeholder(key)


def subscript(value: Value, index: Value, text: str) -> Value:
    """``value[index]``; ``text`` is how the index reads.

    Returns:
        An item, a part of a file or of an unknown value; ``UNKNOWN`` where nothing is known about it.
    """
    if isinstance(value, Loaded):
        return value if text in ("()", ":", "...") else value.item(f"[{text}]")
    if isinstance(value, Opaque):
        return value.part(f"[{text}]")
    if isinstance(value, dict) and hashable(index) in value:
        return value[hashable(index)]
    if isinstance(value, (list, tuple, str)) and isinstance(index, (int, slice)):
        try:
            return value[index]
        except (IndexError, TypeError, ValueError):
            return UNKNOWN
    return UNKNOWN


def method(value: list[Value] | dict[Value, Value] | tuple[Value, ...], name: str, arguments: Sequence[Value]) -> Value:
    """Result of a method of a list or a dict, or ``UNKNOWN``; the container changes as the script's would."""
    if isinstance(value, dict):
        return _dict_method(value, name, arguments)
    if isinstance(value, list) and arguments and len(value) < MAX_ITEMS:
        if name == "append":
            value.append(arguments[0])
            return None
        if name == "extend":
            value.extend(items(arguments[0])[: MAX_ITEMS - len(value)])
            return None
    if name == "pop" and isinstance(value, list) and value and not arguments:
        return value.pop()
    return list(value) if name in ("copy", "tolist") else UNKNOWN


def _dict_method(value: dict[Value, Value], name: str, arguments: Sequence[Value]) -> Value:
    if name == "items":
        return list(value.items())
    if name in ("keys", "values"):
        return list(value) if name == "keys" else list(value.values())
    if name == "copy":
        return dict(value)
    if name in ("get", "pop", "setdefault") and arguments:
        return value.get(hashable(arguments[0]), arguments[1] if len(arguments) > 1 else None)
    if name == "update" and arguments and isinstance(arguments[0], dict) and len(value) < MAX_ITEMS:
        value.update(arguments[0])
        return None
    return UNKNOWN


def repeated(value: Value, times: Value) -> Value:
    """``value * times`` for texts and lists."""
    limit = MAX_TEXT if isinstance(value, str) else MAX_ITEMS
    if isinstance(value, (str, list, tuple)) and isinstance(times, int) and len(value) * max(times, 0) <= limit:
        return value * times
    return UNKNOWN
