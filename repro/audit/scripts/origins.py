"""Where a script shows that one program made both sides of a pair: whose results it saves, and as what."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice
from pathlib import PurePosixPath

from repro.audit.pairing import opposing
from repro.audit.scripts.library import framework_named, names_data
from repro.audit.scripts.recording import Saved, framework_of_value
from repro.audit.scripts.text import plain_path, shown_path
from repro.audit.scripts.values import Instance, Loaded, Opaque, Value, signature
from repro.audit.sides import names_side, split_side, tokens

MAX_PAIRS = 2000  # of saving calls of one script that are looked at
# Converters save one framework's weights for another by right, and a runtime of exchanged models runs anybody's.
_WEIGHTS = {
    ".pt",
    ".pth",
    ".pdparams",
    ".pdopt",
    ".bin",
    ".ckpt",
    ".safetensors",
    ".h5",
    ".msgpack",
    ".onnx",
    ".pdtensor",
}
_RUNTIMES = {"onnx"}


@dataclass(frozen=True)
class Origin:
    """One program behind both sides.

    Attributes:
        line: of the script.
        paths: the dumps that it saves or copies, as it spells them.
        text: what it does, for the reader.
    """

    line: int
    paths: tuple[str, ...]
    text: str


def _results(value: Value, depth: int = 3) -> Iterator[Opaque]:
    """The computed values in what is saved."""
    if isinstance(value, Instance):
        value = value.opaque
    if isinstance(value, Opaque):
        yield value
    elif isinstance(value, (list, tuple)) and depth:
        for item in value:
            yield from _results(item, depth - 1)
    elif isinstance(value, dict) and depth:
        for item in value.values():
            yield from _results(item, depth - 1)


def _is_result(value: Value) -> bool:
    """Whether a value may differ between two programs: not data, nor what was loaded."""
    results = list(_results(value))
    return bool(results) and not any(one.data or one.source or names_data(one.name) for one in results)


def _one_value(first: Value, second: Value) -> bool:
    """Whether both are the same computed value, or results of the same calls."""
    return _is_result(first) and signature(first) == signature(second)


def _holds_data(path: str) -> bool:
    """Whether a file holds inputs or weights, by its name."""
    name, _ = split_side(PurePosixPath(path).name)
    return names_data(PurePosixPath(name).stem) or PurePosixPath(path).suffix.lower() in _WEIGHTS


def _are_sides(first: str, second: str) -> bool:
    """Whether two paths name the two sides of one thing."""
    return bool(opposing([first, second]))


def _shared(saves: list[tuple[str, Saved]]) -> Iterator[Origin]:
    """One value that is saved as both sides."""
    for (path, one), (other_path, other) in islice(combinations(saves, 2), MAX_PAIRS):
        if not _are_sides(path, other_path) or one.excludes(other):
            continue
        keys = [
            key
            for key, value in one.values.items()
            if key in other.values and not names_data(key) and _one_value(value, other.values[key])
        ]
        if keys:
            what = ", ".join(filter(None, keys)) or next(_results(one.values[keys[0]])).name
            lines = f"line {one.line} saves" if one.line == other.line else f"lines {one.line} and {other.line} save"
            text = f"{lines} one value, {what}, as {shown_path(path)} and as {shown_path(other_path)}."
            yield Origin(one.line, (path, other_path), text)


def _inside(saves: list[tuple[str, Saved]]) -> Iterator[Origin]:
    """One value that is saved under the keys of both sides of one file."""
    for path, saved in saves:
        keys = [key for key in saved.values if not names_data(key)]
        for match in opposing(keys, is_path=False):
            named = any(map(names_side, tokens(match.reference) + tokens(match.port)))
            if named and _one_value(saved.values[match.reference], saved.values[match.port]):
                text = (
                    f"line {saved.line} saves one value as {match.reference} and as {match.port} of {shown_path(path)}."
                )
                yield Origin(saved.line, (path,), text)


def _foreign(saves: list[tuple[str, Saved]]) -> Iterator[Origin]:
    """A result of one framework that is saved as another's, and a file that is saved again as its counterpart."""
    for path, saved in saves:
        side = framework_named(path)
        values = {key: value for key, value in saved.values.items() if not names_data(key)}
        results = [one for value in values.values() for one in _results(value)]
        computed = {framework for one in results if (framework := framework_of_value(one))} - _RUNTIMES
        if side and len(computed) == 1 and side not in computed:
            (framework,) = computed
            text = f"line {saved.line} saves what {framework} computed, {results[0].name}, as {shown_path(path)}."
            yield Origin(saved.line, (path,), text)
        for value in values.values():
            source = value if isinstance(value, Loaded) else getattr(value, "source", None)
            if isinstance(source, Loaded) and _are_sides(source.path, path):
                text = f"line {saved.line} saves what it loaded from {shown_path(source.path)} as {shown_path(path)}."
                yield Origin(saved.line, (source.path, path), text)


def origins(script: str, saved: Iterable[Saved]) -> list[Origin]:
    """Every sign in a script that one program made both sides of a pair."""
    named = [(plain_path(one.path, script), one) for one in saved]
    saves = [(path, one) for path, one in named if not _holds_data(path)]
    return [*_shared(saves), *_inside(saves), *_foreign(saves)]
