"""Reads the evidence of a folder. What cannot be read is listed as refused, and the rest goes on."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path, PurePosixPath

import numpy as np

from repro.audit.checks import make_check
from repro.audit.discovery import PRINTED, SETTINGS, discover, words
from repro.audit.evidence import Folder
from repro.audit.key_matching import keys_inside
from repro.audit.key_words import INPUT, PARAMETER
from repro.audit.log_matching import assign_logs, one_measure
from repro.audit.pairing import Pair, other_dates
from repro.audit.pairing import pairs as by_name
from repro.audit.scripted import read_scripts
from repro.audit.scripts.source import MAX_NOTEBOOK
from repro.audit.sides import is_framework, order, split_side
from repro.config.paths import sha256_file
from repro.dumps.log import Line, printed_differences, reports
from repro.errors import InputError
from repro.untrusted.source import read_file, read_text
from repro.untrusted.tables import read_log
from repro.untrusted.training_logs import announced

MAX_LOG = 4 << 20
MAX_TABLE = 1 << 20  # bytes of a table that is read only to see what it holds
_FRACTION = re.compile(r"(?<![\w.])\d{1,20}(?:\.\d{1,20}(?:[eE][-+]?\d{1,3})?|[eE]-\d{1,3})(?!\.?\w)")
_ARRAYS = (".npy", ".npz", ".pkl")
MAX_KEYS = 5000  # of one log; a large model has some hundred arrays


def _read_text(folder: Folder, path: str, limit: int) -> str:
    """Text of a file, empty where it is refused."""
    try:
        return read_text(folder.inventory.root / path, limit)
    except InputError as error:
        folder.inventory.refused[path] = error.what
        return ""


def _read_logs(folder: Folder) -> dict[str, list[Line]]:
    """Read the logs of ``reprod_log``; returns the differences that other logs print, path -> lines.

    Others with fractions are noted as not compared, unless a check takes them later.
    """
    loose = {}
    for path in folder.inventory.logs:
        text = _read_text(folder, path, MAX_LOG).splitlines()
        in_log = reports(text)
        lines = [line for report in in_log for line in report]
        if len(lines) > MAX_KEYS:
            folder.inventory.refused[path] = f"log of more than {MAX_KEYS} keys"
        elif lines:
            folder.logs[path], folder.reports[path] = one_measure(lines), in_log
        else:
            printed = printed_differences(text, named_for_it="diff" in PurePosixPath(path).name.lower())
            if 0 < len(printed) <= MAX_KEYS:
                loose[path] = printed
            if SETTINGS.isdisjoint(words(path)) and any(map(_FRACTION.search, text)):
                folder.uncompared.append(path)
            if count := announced(text):
                folder.epochs[path] = count
    return loose


def _read_scripts(folder: Folder) -> None:
    inventory = folder.inventory
    dumps = [*inventory.dumps, *inventory.tables]
    scripted = read_scripts(inventory.scripts, dumps, lambda path, limit: _read_text(folder, path, limit))
    folder.scripts, folder.one_program, folder.absent = scripted.comparisons, scripted.one_program, scripted.absent
    folder.arithmetic = scripted.arithmetic
    inventory.refused |= scripted.refused


def _pairs(folder: Folder) -> list[Pair]:
    """Pairs by name, and those that a script compares."""
    inventory = folder.inventory
    candidates = {*inventory.dumps, *inventory.tables}
    pairs = by_name(inventory.dumps)
    pairs += [
        pair for pair in by_name(inventory.tables) if _may_be_compared(folder, pair) and _holds_fractions(folder, pair)
    ]
    known = {frozenset((pair.reference, pair.port)) for pair in pairs}
    for script in folder.scripts:
        both = frozenset((script.first, script.second))
        if both <= candidates and both not in known and (len(both) == 2 or not script.compares_with_itself):
            known.add(both)
            first, second = script.first, script.second
            if order(split_side(first)[1], split_side(second)[1]) > 0:
                first, second = second, first
            pairs.append(Pair(f"{first} ~ {second}" if first != second else first, first, second))
    return pairs


def _paths(pairs: Iterable[Pair]) -> set[str]:
    return {path for pair in pairs for path in (pair.reference, pair.port)}


def _may_be_compared(folder: Folder, pair: Pair) -> bool:
    """Whether two files are no logs of trainings, or of two that are named for two programs.

    ``before`` and ``after``, ``a`` and ``b``, or a name without a side are most often trainings that should differ.
    """
    sides = [split_side(path)[1] for path in (pair.reference, pair.port)]
    if all(sides) and sides[0] != sides[1]:
        return True
    return not any(_is_log(folder.inventory.root / path) for path in (pair.reference, pair.port))


def _is_log(path: Path) -> bool:
    """Whether a file holds what a training prints, and no table."""
    if path.suffix.lower() not in PRINTED:
        return False
    try:
        read_file(path, read_log, max_bytes=MAX_LOG)
        return True
    except InputError:
        return False


def _holds_fractions(folder: Folder, pair: Pair) -> bool:
    """Whether two tables hold numbers that a run computed: some are no whole numbers, on both sides of one key."""
    try:
        a, b = folder.load(pair.reference), folder.load(pair.port)
    except InputError:
        return False  # a text, which nobody calls evidence
    return any(key in b and _fractional(a[key]) for key in a)


def _fractional(array: np.ndarray) -> bool:
    return array.dtype.kind == "f" and bool((array != np.rint(array)).any())


def _both_sides(folder: Folder, paired: set[str]) -> Iterator[str]:
    """Dumps and tables outside pairs that hold two sides; dumps that cannot be read are refused on the way.

    The others are noted as not compared: dumps, and tables of fractions.
    """
    inventory = folder.inventory
    read = {path for path in inventory.logs if not path.lower().endswith(".txt")}  # which is a table, too
    for path in sorted({*inventory.dumps, *inventory.tables} - paired - read):
        try:
            if path in inventory.dumps:
                if keys_inside(folder.load(path), path):
                    yield path
                else:
                    folder.uncompared.append(path)
            elif (inventory.root / path).stat().st_size <= MAX_TABLE:
                table = folder.load(path)
                if any(_fractional(table[match.port]) for match in keys_inside(table, path)):
                    yield path
                elif any(map(_fractional, table.values())):
                    folder.uncompared.append(path)
        except InputError as error:
            if path in inventory.dumps:
                inventory.refused[path] = error.what


def _missing_side(folder: Folder, paired: set[str]) -> Iterator[str]:
    """Dumps that name their side and whose counterpart is likely missing.

    Others in its folder or in one beside it are paired, or a log of a comparison lies there.
    """
    folders = {PurePosixPath(path).parent for path in paired}
    likely = folders | {PurePosixPath(path).parent for path in folder.logs}
    siblings = {path.parent for path in folders if path.name}
    for path in folder.inventory.dumps:
        place = PurePosixPath(path).parent
        near = place in likely or (place.name and place.parent in siblings)
        if near and path not in paired and path not in folder.inventory.refused and split_side(path)[1]:
            yield path


def _one_side_of_a_script(folder: Folder, paired: set[str]) -> Iterator[str]:
    """Dumps outside pairs that a script compares with a dump, or a key, that is not there."""
    inventory = folder.inventory
    here = {*inventory.dumps, *inventory.tables} - inventory.refused.keys()
    alone = here - paired
    for script in folder.scripts:
        sides = [(script.first, script.first_key), (script.second, script.second_key)]
        if any("⟨" in path or "*" in path for path, _ in sides):
            continue
        inside = script.first == script.second
        present = [path for path, key in sides if path in (here if inside else alone) and _has(folder, path, key)]
        if len(present) == 1:
            yield present[0]


def _has(folder: Folder, path: str, key: str) -> bool:
    if not key:
        return True
    try:
        return key in folder.load(path)
    except InputError:
        return False


def _framework_alone(folder: Folder, paired: set[str]) -> Iterator[str]:
    """Arrays whose file is named for a framework, where no dump of another one lies in the folder.

    Inputs and weights have no other side; results of a reference, such as ``expected.npy``, are often compared with
    what a test computes.
    """
    compared = {PurePosixPath(path).parent for path in paired}
    for path in folder.inventory.dumps:
        file = PurePosixPath(path)
        if file.parent in compared or file.suffix not in _ARRAYS or path in folder.inventory.refused:
            continue
        name = words(file.stem)
        if len(name) > 1 and any(map(is_framework, name)) and (INPUT | PARAMETER).isdisjoint(name):
            yield path


def _named_logs(folder: Folder, logs: Iterable[str]) -> dict[str, set[str]]:
    """Script that compares two dumps -> logs whose name stands in it."""
    texts = {path: _read_text(folder, path, MAX_NOTEBOOK) for path in {script.path for script in folder.scripts}}
    names = [(path, PurePosixPath(path).name) for path in logs]
    return {script: {path for path, name in names if name in text} for script, text in texts.items()}


def read_folder(root: Path, exclude: Path | None = None) -> Folder:
    """Find and read the evidence in a folder, without the folder ``exclude`` that audits are written to.

    Raises:
        InputError: no such folder.
    """
    folder = Folder(discover(root, exclude))
    inventory = folder.inventory
    loose = folder.loose = _read_logs(folder)
    _read_scripts(folder)
    pairs = _pairs(folder)
    pairs += [Pair(path, path, path) for path in _both_sides(folder, _paths(pairs))]
    inventory.dumps = sorted({*inventory.dumps, *_paths(pairs)})  # with the tables among them
    for path in inventory.dumps:
        folder.hashes[path] = sha256_file(inventory.root / path)
    comparing: dict[frozenset[str], list[int]] = defaultdict(list)
    for at, script in enumerate(folder.scripts):
        comparing[frozenset((script.first, script.second))].append(at)
    for pair in pairs:
        sides = {frozenset(paths) for paths in product((pair.reference, pair.port), repeat=2)}
        scripts = sorted(at for each in sides for at in comparing.get(each, ()))
        if (check := make_check(folder, pair, [folder.scripts[at] for at in scripts])) is not None:
            folder.checks.append(check)
            if not check.facts:  # no key of one side is one of the other
                folder.uncompared += {pair.reference, pair.port}
    folder.logs_named = _named_logs(folder, [*folder.logs, *loose])
    assign_logs(folder, loose, folder.logs_named)
    assigned = {check.log for check in folder.checks}
    paired = _paths(pairs)
    alone = [find(folder, paired) for find in (_missing_side, _one_side_of_a_script, _framework_alone)]
    single = sorted({path for paths in alone for path in paths})
    folder.other_dates = other_dates(inventory.dumps, single)
    folder.unpaired = [*single, *(path for path in folder.logs if path not in assigned)]
    judged = {*(path for check in folder.checks if check.facts or check.compared for path in _paths([check.pair]))}
    judged |= {*folder.unpaired, *folder.logs, *inventory.refused}
    folder.uncompared = sorted({*folder.uncompared} - judged)
    return folder
