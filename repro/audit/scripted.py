"""The scripts of a folder as evidence: which dumps they compare, by which tolerance, and which they make."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from repro.audit.arithmetic import Arithmetic, stated_arithmetic
from repro.audit.scripts import Comparison, Dumps, Modules, follow, is_relevant
from repro.audit.scripts.origins import Origin, origins
from repro.audit.scripts.text import plain_path, shown_path
from repro.audit.scripts.values import Loaded
from repro.audit.tolerance import Tolerance

MAX_STEPS = 1_000_000  # of all scripts together: some ten seconds


@dataclass(frozen=True)
class Script:
    """A comparison of two dumps of the folder, as a script does it.

    Attributes:
        first, second: dumps of the folder, or what the script says where there is no such dump.
        tolerance: what the comparing call asks for; None where the script does not show it.
        first_key, second_key: keys of the dumps; empty where all are compared.
        compares_with_itself: both sides are the same part of the same file.
        by_helper: ``reprod_log`` compares them.
    """

    path: str
    line: int
    first: str
    second: str
    tolerance: Tolerance | None = None
    first_key: str = ""
    second_key: str = ""
    compares_with_itself: bool = False
    by_helper: bool = False

    @property
    def allows(self) -> bool:
        """Whether it allows for any difference."""
        return self.tolerance is not None and bool(self.tolerance.absolute or self.tolerance.relative)

    def asks(self, key: str) -> bool:
        """Whether it shows what it asks for of a key."""
        return self.tolerance is not None and self._is_about(key)

    def _is_about(self, key: str) -> bool:
        """Whether it compares a key, in whose name ``*`` may stand for the side."""
        return self.first_key in ("", key) or ("*" in key and fnmatchcase(self.first_key, key))


@dataclass(frozen=True)
class MadeBothSides:
    """A script that shows one program behind both sides; ``dumps`` are those of the folder that it concerns."""

    path: str
    origin: Origin
    dumps: tuple[str, ...]


@dataclass
class Scripted:
    """What the scripts of a folder show.

    Attributes:
        absent: script -> dumps that it compares and that are not in the folder.
        arithmetic: script -> what it says of its precision.
        refused: scripts that could not be followed, or not to their end, with the reason.
    """

    comparisons: list[Script] = field(default_factory=list)
    one_program: list[MadeBothSides] = field(default_factory=list)
    absent: dict[str, tuple[str, ...]] = field(default_factory=dict)
    arithmetic: dict[str, Arithmetic] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def _key(side: Loaded) -> str:
    """The key that a side means, where it is spelled out."""
    keys = [key.strip("[]") for key in side.keys]
    return ".".join(keys) if keys and not any("⟨" in key or "*" in key or "(" in key for key in keys) else ""


def _script(path: str, comparison: Comparison, dumps: Dumps) -> Script:
    first, second = comparison.first, comparison.second
    one, other = (dumps.resolve(side.path, path) or plain_path(side.path, path) for side in (first, second))
    whole = not any("()" in key for side in (first, second) for key in side.keys)  # not means or sums of them
    return Script(
        path,
        comparison.line,
        shown_path(one),
        shown_path(other),
        comparison.tolerance if whole else None,
        _key(first),
        _key(second),
        one == other and (first.keys, first.version) == (second.keys, second.version),
        comparison.by_helper,
    )


def read_scripts(scripts: Sequence[str], dumps: Sequence[str], read: Callable[[str, int], str]) -> Scripted:
    """Follow the scripts of a folder.

    Args:
        scripts, dumps: paths in the folder.
        read: (path, largest size) -> text, empty where the file is refused.
    """
    result, here, steps = Scripted(), Dumps(dumps), 0
    modules = Modules(scripts, read)
    for path in scripts:
        result.arithmetic[path] = stated_arithmetic(modules.text(path))
        if not is_relevant(modules.text(path)):
            continue
        if steps > MAX_STEPS:
            result.refused[path] = "not followed: the scripts before it took too many steps"
            continue
        record = follow(path, modules, dumps)
        steps += record.steps
        if not record.complete:
            result.refused[path] = "not followed to its end: it takes too many steps"
        compared = dict.fromkeys(_script(path, item, here) for item in record.comparisons)
        result.comparisons += compared
        for origin in origins(path, record.saved):
            named = tuple(here.resolve(one, path) or shown_path(one) for one in origin.paths)
            result.one_program.append(MadeBothSides(path, origin, named))
        sides = dict.fromkeys(side for item in compared for side in (item.first, item.second))
        if absent := tuple(side for side in sides if side not in here.paths):
            result.absent[path] = absent
    result.refused |= modules.refused
    return result
