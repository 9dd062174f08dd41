"""What a script does with texts and paths, done for it within bounds: a text is at most ``MAX_TEXT`` long."""

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from string import Formatter

from repro.audit.scripts.values import Value, known, placeholder

MAX_TEXT = 4096  # longer texts are no paths; doubled in a row they would fill the memory
LARGEST = 1 << 1000  # what a float can hold
_FORMAT = re.compile(r"[<>=^]?[-+ ]?#?0?\d{0,2},?(?:\.\d{1,2})?[bdeEfFgGnosxX%]?")
_PERCENT = re.compile(r"%(?:\((\w+)\))?([-+ 0]*\d{0,2}(?:\.\d{1,2})?[sdifgeGErux%])")
_ROOT = "/⟨root⟩"  # the audited folder, where a script asks for its own place

METHODS: Mapping[str, int] = {  # of texts that are followed -> most arguments
    **dict.fromkeys("lower upper title capitalize casefold swapcase".split(), 0),
    **dict.fromkeys("strip lstrip rstrip removeprefix removesuffix startswith endswith isdigit".split(), 1),
    **dict.fromkeys("split rsplit partition rpartition splitlines".split(), 2),
}


def bounded(text: str | None) -> str | None:
    return text if text is not None and len(text) <= MAX_TEXT else None


def joined(parts: Sequence[Value], between: str = "") -> str | None:
    """Texts one behind the other; unknown parts leave their placeholders."""
    texts = [placeholder(part) for part in parts]
    if any(text is None for text in texts):
        return None
    return bounded(between.join(text for text in texts if text is not None))


def path_of(script: str) -> str:
    """``__file__`` of a script."""
    return f"{_ROOT}/{script}"


def plain_path(path: str, script: str) -> str:
    """A path of a script, relative to the audited folder if it asks for its own place; else as written."""
    path = posixpath.normpath(path.replace("\\", "/"))
    if path.startswith(f"{_ROOT}/"):
        path = posixpath.relpath(path.removeprefix(f"{_ROOT}/"), posixpath.dirname(script) or ".")
    return path


def shown_path(path: str) -> str:
    """A path without the numbers of its placeholders, for the reader."""
    return re.sub(r"#\d+⟩", "⟩", path)


def join_paths(parts: Sequence[Value]) -> str | None:
    texts = [placeholder(part) for part in parts]
    if not texts or any(text is None for text in texts):
        return None
    return bounded(posixpath.join(*(text for text in texts if text is not None)))


def formatted(value: Value, spec: str) -> str | None:
    """``format(value, spec)``; unknown values leave their placeholders."""
    if not known(value) or not spec:
        return placeholder(value)
    if not _FORMAT.fullmatch(spec):
        return None
    try:
        return bounded(format(value, spec))
    except (ValueError, TypeError, OverflowError):
        return None


def percent(text: str, right: Value) -> str | None:
    """``text % right``, where right is a value, or a tuple or a dict of values."""
    values = iter(right if isinstance(right, tuple) else [right])
    pieces: list[str | None] = []
    end = 0
    for match in _PERCENT.finditer(text):
        pieces.append(text[end : match.start()].replace("%", ""))
        end = match.end()
        name, spec = match.groups()
        if spec == "%":
            pieces.append("%")
            continue
        value = right.get(name) if name and isinstance(right, dict) else next(values, None)
        try:
            pieces.append(f"%{spec}" % (value,) if known(value) else placeholder(value))
        except (ValueError, TypeError, OverflowError):
            return None
    return joined([*pieces, text[end:]])


def filled(text: str, positional: Sequence[Value], named: Mapping[str, Value]) -> str | None:
    """``text.format(*positional, **named)``; None where it asks for attributes or items."""
    pieces: list[str | None] = []
    numbers = iter(range(len(positional)))
    try:
        for literal, name, spec, _ in Formatter().parse(text):
            pieces.append(literal)
            if name is not None:
                place = int(name) if name.isdecimal() else next(numbers) if not name else None
                value = named[name] if place is None else positional[place]
                pieces.append(formatted(value, spec or ""))
    except (ValueError, KeyError, IndexError, StopIteration):
        return None
    return joined(pieces) if None not in pieces else None


def method(text: str, name: str, arguments: Sequence[Value]) -> Value:
    """Result of ``text.name(*arguments)``; None where it is not followed."""
    if name == "replace" and len(arguments) >= 2 and all(isinstance(a, str) for a in arguments[:2]):
        old, new = arguments[:2]
        return text.replace(old, new) if (len(text) + 1) * (len(new) + 1) <= 1 << 20 else None
    if name == "join" and arguments and isinstance(arguments[0], (list, tuple)):
        return joined(arguments[0], text)
    if name == "zfill" and arguments and isinstance(arguments[0], int) and arguments[0] < 100:
        return text.zfill(arguments[0])
    if name in METHODS and len(arguments) <= METHODS[name] and all(known(argument) for argument in arguments):
        try:
            return getattr(text, name)(*arguments)
        except (TypeError, ValueError, OverflowError):
            return None
    return None


def _with_suffix(path: str, suffix: str = "") -> str:
    return posixpath.splitext(path)[0] + suffix


def _with_name(path: str, name: str) -> str:
    return posixpath.join(posixpath.dirname(path), name)


def _stem(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path))[0]


ATTRIBUTES: Mapping[str, Callable[[str], Value]] = {  # of a path
    "parent": posixpath.dirname,
    "name": posixpath.basename,
    "stem": _stem,
    "suffix": lambda path: posixpath.splitext(path)[1],
    "value": lambda path: path,  # of a member of an Enum
    "parents": lambda path: [posixpath.normpath(path + "/.." * up) for up in range(1, 9)],
}
FUNCTIONS: Mapping[str, Callable[..., Value]] = {  # of os.path and of paths
    "dirname": posixpath.dirname,
    "basename": posixpath.basename,
    "splitext": posixpath.splitext,
    "with_suffix": _with_suffix,
    "with_name": _with_name,
    "with_stem": lambda path, stem: _with_name(path, stem + posixpath.splitext(path)[1]),
    **dict.fromkeys(
        "Path PurePath PosixPath str open abspath realpath normpath expanduser fspath resolve absolute as_posix"
        " expandvars BytesIO StringIO".split(),
        lambda path, *_: path,
    ),
}


def as_number(text: str) -> float | None:
    """``float(text)``; None where it is no number."""
    try:
        return float(text)
    except ValueError:
        return None
