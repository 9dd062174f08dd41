"""The checks of a folder: each pair of dumps with its log, its comparing script and what both say."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np

from repro.audit.discover import PORT, REFERENCE, Inventory, Pair, split_side, take_stock, words
from repro.audit.documents import is_number
from repro.audit.facts import Facts, gather
from repro.audit.reprod_log import THRESHOLD, Arrays, HelperLog, helper_log
from repro.audit.scripts import MAX_SOURCE, Comparison, comparisons, resolve
from repro.dumps.evidence import arrays, read_evidence
from repro.dumps.log import Line, means
from repro.dumps.source import read_text, shown
from repro.errors import InputError
from repro.paths import sha256_file

MAX_LOG = 4 << 20
MAX_KEYS = 5000  # of one log; a large model has some hundred arrays
_STEPS = re.compile(r"(?:step|check)?[ _-]*(\d{1,2}(?:[-_+]\d{1,2})*)(?!\d)", re.IGNORECASE)
_PLAIN = frozenset({"diff", "difference", "log", "logs", "check", "compare", "result", "output", "report"})


@dataclass(frozen=True)
class Script:
    """A comparison of two dumps of the folder, as a script makes it."""

    path: str
    comparison: Comparison
    first: str
    second: str


@dataclass
class Check:
    """One pair of dumps and what belongs to it.

    Attributes:
        steps: numbers in the names of its folders: ``5-7-8_check`` belongs to the steps 5, 7 and 8.
        content: digest of both sides' numbers, whatever the container, names and empty axes.
        repeated: groups of keys with the same numbers on both sides.
        log: path of its committed log; ``lines`` are its keys.
        threshold: of the script; else what the log shows to have passed, or ``reprod_log``'s default if that is more;
            None where neither log nor script shows a comparison.
    """

    pair: Pair
    steps: frozenset[int]
    facts: dict[str, Facts]
    helper: HelperLog
    content: str
    keys: tuple[str, ...]
    repeated: tuple[tuple[str, ...], ...] = ()
    log: str | None = None
    lines: tuple[Line, ...] = ()
    scripts: list[Script] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.pair.name

    @property
    def compared(self) -> bool:
        """Whether a log or a script shows that the two were compared."""
        return bool(self.log or self.scripts)

    @property
    def threshold(self) -> float | None:
        if (named := _named_threshold(self.scripts)) is not None:
            return named
        if not self.compared:
            return None
        return max([THRESHOLD, *(float(line.value) for line in self.lines if line.passed and _finite(line.value))])


@dataclass
class Folder:
    """Everything that an audit knows of a folder."""

    inventory: Inventory
    hashes: dict[str, str] = field(default_factory=dict)
    logs: dict[str, list[Line]] = field(default_factory=dict)
    scripts: list[Script] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    unpaired: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.inventory.root

    @cached_property
    def printed(self) -> list[tuple[float, str, str]]:
        """(number, file and key, number as printed) of every line of the logs, in the order of the numbers."""
        lines = ((f"{path} ({line.name})", line.value) for path, found in self.logs.items() for line in found)
        return sorted((float(text), name, text) for name, text in lines if is_number(text))

    def load(self, path: str) -> Arrays:
        """Arrays of a dump.

        Raises:
            InputError: it is refused.
        """
        return arrays(read_evidence(self.root / path).value)

    def copies(self, path: str) -> list[str]:
        """Other files with the same bytes."""
        return [other for other, value in self.hashes.items() if value == self.hashes.get(path) and other != path]


def _finite(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _named_threshold(scripts: list[Script]) -> float | None:
    """The first threshold that a script names."""
    return next((s.comparison.threshold for s in scripts if s.comparison.threshold is not None), None)


def steps_of(path: str) -> frozenset[int]:
    """Step numbers at the beginning of a folder's or file's name."""
    found: set[int] = set()
    for part in PurePosixPath(path).parts:
        if match := _STEPS.match(part):
            found.update(int(number) for number in re.findall(r"\d+", match[1]))
    return frozenset(found)


def _content(*found: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in found:
        array = array.squeeze()
        numeric = array.astype(np.float64) if array.dtype.kind in "biuf" else array
        digest.update(repr(array.shape).encode() + np.ascontiguousarray(numeric).tobytes())
    return digest.hexdigest()


def _repeated(a: Arrays, b: Arrays) -> tuple[tuple[str, ...], ...]:
    groups: dict[str, list[str]] = defaultdict(list)
    for key in a:
        if key in b:
            groups[_content(a[key], b[key])].append(key)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def _read_text(folder: Folder, path: str, limit: int) -> str | None:
    try:
        return read_text(folder.root / path, limit)
    except InputError as error:
        folder.inventory.refused[path] = error.what
        return None


def _read_logs(folder: Folder) -> None:
    for path in folder.inventory.logs:
        text = _read_text(folder, path, MAX_LOG)
        if text is None:
            continue
        lines = means(text.splitlines())
        if len(lines) > MAX_KEYS:
            folder.inventory.refused[path] = f"log of more than {MAX_KEYS} keys"
        elif lines:
            folder.logs[path] = lines
        else:
            folder.inventory.others += 1


def _read_scripts(folder: Folder) -> None:
    for path in folder.inventory.scripts:
        text = _read_text(folder, path, MAX_SOURCE)
        try:
            found = comparisons(text) if text is not None else []
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            why = shown(str(error) or type(error).__name__)  # where it is nested too deep, the parser gives no text
            folder.inventory.refused[path] = f"not a script that can be parsed: {why}"
            continue
        for item in found:
            sides = [resolve(side, path, folder.inventory.dumps) for side in (item.first, item.second)]
            first, second = (side or written for side, written in zip(sides, (item.first, item.second), strict=True))
            folder.scripts.append(Script(path, item, first, second))


def _pairs(folder: Folder) -> list[Pair]:
    """Pairs by name, and those that a script compares."""
    pairs = folder.inventory.pairs()
    known = {frozenset((pair.reference, pair.port)) for pair in pairs}
    for script in folder.scripts:
        both = frozenset((script.first, script.second))
        if len(both) == 2 and both <= set(folder.inventory.dumps) and both not in known:
            known.add(both)
            pairs.append(Pair(f"{script.first} ~ {script.second}", script.first, script.second))
    return pairs


def _check(folder: Folder, pair: Pair) -> Check | None:
    sides = []
    for path in (pair.reference, pair.port):
        try:
            sides.append(folder.load(path))
        except InputError as error:
            folder.inventory.refused[path] = error.what
    if len(sides) < 2:
        return None
    a, b = sides
    facts = {key: gather(key, a[key], b[key]) for key in a if key in b}
    mine = [s for s in folder.scripts if {s.first, s.second} <= {pair.reference, pair.port}]
    keys = tuple(dict.fromkeys([*a, *b]))
    content = _content(*a.values(), *b.values())
    named = _named_threshold(mine)
    log = helper_log(a, b, THRESHOLD if named is None else named)
    return Check(pair, steps_of(pair.name), facts, log, content, keys, _repeated(a, b), scripts=mine)


def _names(path: str) -> set[str]:
    stem = PurePosixPath(split_side(path)[0]).stem
    return set(words(stem)) - _PLAIN


def _likeness(log: str, check: Check) -> float:
    """How much a log's name says that it belongs to a pair: shared words over all words, 0 to 1."""
    first, second = _names(log), _names(check.name)
    return len(first & second) / len(first | second) if first | second else 0.0


def _group(path: str) -> str:
    """First folder that is numbered as a step; else the folder above the last one."""
    parts = PurePosixPath(path).parts[:-1]
    for count, part in enumerate(parts, 1):
        if _STEPS.match(part):
            return "/".join(parts[:count])
    return "/".join(parts[:-1] if len(parts) > 1 else parts)


def _assign_logs(folder: Folder) -> None:
    """Give each log to the pair that it names: same folder or step, shared keys, then the name that is most alike.

    What is left goes to the only pair of its folder that is left and has the same keys; names need not agree then.
    """
    options = []
    for path, lines in folder.logs.items():
        keys = {line.name for line in lines}
        for index, check in enumerate(folder.checks):
            together = _group(path) == _group(check.name) or steps_of(path) == check.steps != frozenset()
            if together and keys & set(check.keys):
                options.append((_likeness(path, check), path, index))
    free = set(folder.logs)
    for likeness, path, index in sorted(options, key=lambda option: (-option[0], option[1], option[2])):
        check = folder.checks[index]
        rivals = [i for _, p, i in options if p == path and folder.checks[i].log is None]
        if path in free and check.log is None and (likeness > 0 or len(rivals) == 1):
            check.log, check.lines = path, tuple(folder.logs[path])
            free.remove(path)


def _remaining(folder: Folder, paired: set[str]) -> None:
    """Dumps outside pairs: read once to know whether they can be, and named where their other side is missing."""
    for path in folder.inventory.dumps:
        if path in paired or path in folder.inventory.refused:
            continue
        try:
            read_evidence(folder.root / path)
        except InputError as error:
            folder.inventory.refused[path] = error.what
            continue
        if split_side(path)[1] in REFERENCE | PORT:
            folder.unpaired.append(path)
    given = {check.log for check in folder.checks}
    folder.unpaired += [path for path in folder.logs if path not in given]


def read_folder(root: Path, own: Path | None = None) -> Folder:
    """Find and read the evidence in a folder; what cannot be read is listed as refused and the rest goes on.

    Raises:
        InputError: no such folder, or far too many files.
    """
    folder = Folder(take_stock(root, own))
    _read_logs(folder)
    _read_scripts(folder)
    for path in folder.inventory.dumps:
        folder.hashes[path] = sha256_file(folder.root / path)
    pairs = _pairs(folder)
    folder.checks = [check for pair in pairs if (check := _check(folder, pair)) is not None]
    _assign_logs(folder)
    _remaining(folder, {path for pair in pairs for path in (pair.reference, pair.port)})
    return folder


def by_content(checks: list[Check]) -> list[list[Check]]:
    """Checks that rest on the same numbers, in groups of two or more."""
    groups: dict[str, list[Check]] = defaultdict(list)
    for check in checks:
        if sum(facts.size for facts in check.facts.values()) > 1:
            groups[check.content].append(check)
    return [group for group in groups.values() if len(group) > 1]
