"""Reads the evidence of a folder. What cannot be read is listed as refused, and the rest goes on."""

import hashlib
from collections import defaultdict
from pathlib import Path

import numpy as np

from repro.audit.discovery import PORT, REFERENCE, Pair, discover, split_side
from repro.audit.evidence import Check, Folder, Script, named_threshold
from repro.audit.facts import key_facts
from repro.audit.log_matching import assign_logs, steps_of
from repro.audit.scripts import MAX_SOURCE, comparisons, resolve
from repro.config.paths import sha256_file
from repro.dumps.log import THRESHOLD, helper_log, means
from repro.errors import InputError
from repro.numerics.arrays import Arrays
from repro.untrusted.formats import read_content
from repro.untrusted.source import read_text, shown

MAX_LOG = 4 << 20
MAX_KEYS = 5000  # of one log; a large model has some hundred arrays


def _content(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
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


def _read_text(folder: Folder, path: str, limit: int) -> str:
    """Text of a file, empty where it is refused."""
    try:
        return read_text(folder.inventory.root / path, limit)
    except InputError as error:
        folder.inventory.refused[path] = error.what
        return ""


def _read_logs(folder: Folder) -> None:
    for path in folder.inventory.logs:
        lines = means(_read_text(folder, path, MAX_LOG).splitlines())
        if len(lines) > MAX_KEYS:
            folder.inventory.refused[path] = f"log of more than {MAX_KEYS} keys"
        elif lines:
            folder.logs[path] = lines


def _read_scripts(folder: Folder) -> None:
    for path in folder.inventory.scripts:
        text = _read_text(folder, path, MAX_SOURCE)
        try:
            compared = comparisons(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            why = shown(str(error) or type(error).__name__)  # the parser gives no text where nesting is too deep
            folder.inventory.refused[path] = f"not a script that can be parsed: {why}"
            continue
        for item in compared:
            first, second = (resolve(side, path, folder.inventory.dumps) or side for side in (item.first, item.second))
            folder.scripts.append(Script(path, item.line, first, second, item.threshold))


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
    """Everything about a pair but its log; None where a side is refused."""
    sides = []
    for path in (pair.reference, pair.port):
        try:
            sides.append(folder.load(path))
        except InputError as error:
            folder.inventory.refused[path] = error.what
    if len(sides) < 2:
        return None
    a, b = sides
    scripts = [s for s in folder.scripts if {s.first, s.second} <= {pair.reference, pair.port}]
    named = named_threshold(scripts)
    return Check(
        pair=pair,
        steps=steps_of(pair.name),
        facts={key: key_facts(key, a[key], b[key]) for key in a if key in b},
        helper=helper_log(a, b, THRESHOLD if named is None else named),
        content=_content(*a.values(), *b.values()),
        keys=tuple(dict.fromkeys([*a, *b])),
        repeated=_repeated(a, b),
        scripts=scripts,
    )


def _remaining(folder: Folder, paired: set[str]) -> None:
    """Dumps outside pairs: read once, to refuse what cannot be read, and listed where the other side is missing."""
    for path in folder.inventory.dumps:
        if path in paired or path in folder.inventory.refused:
            continue
        try:
            read_content(folder.inventory.root / path)
        except InputError as error:
            folder.inventory.refused[path] = error.what
            continue
        if split_side(path)[1] in REFERENCE | PORT:
            folder.unpaired.append(path)
    assigned = {check.log for check in folder.checks}
    folder.unpaired += [path for path in folder.logs if path not in assigned]


def read_folder(root: Path, exclude: Path | None = None) -> Folder:
    """Find and read the evidence in a folder, without the folder ``exclude`` that audits are written to.

    Raises:
        InputError: no such folder, or far too many files.
    """
    folder = Folder(discover(root, exclude))
    _read_logs(folder)
    _read_scripts(folder)
    for path in folder.inventory.dumps:
        folder.hashes[path] = sha256_file(folder.inventory.root / path)
    pairs = _pairs(folder)
    folder.checks = [check for pair in pairs if (check := _check(folder, pair)) is not None]
    assign_logs(folder.logs, folder.checks)
    _remaining(folder, {path for pair in pairs for path in (pair.reference, pair.port)})
    return folder
