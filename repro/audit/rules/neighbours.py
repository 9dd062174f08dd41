"""Rule on ports that have the bits of another computation's reference: one program made both."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np

from repro.audit.discovery import words
from repro.audit.evidence import Check, Folder, first_folder
from repro.audit.facts import is_unnamed
from repro.audit.findings import finding
from repro.audit.key_words import INPUT, PARAMETER
from repro.audit.measures import mixed
from repro.audit.rules.copies import RERUN
from repro.audit.sides import LETTERS, names_side, same_side, side_words, split_side
from repro.errors import InputError
from repro.numerics.arrays import Arrays
from repro.results.audit import AuditFinding

MAX_SINGLE, MAX_SIZE = 64, 16 << 20  # files with arrays outside of pairs that are looked into, and bytes of each
MANY_ALIKE = 8  # computed numbers that two programs do not share by chance
NOT_CONTENT = RERUN | LETTERS  # words of a name that say which run or side, not what
Content = tuple[tuple[str, ...], int, int]  # name, size and checksum of an array


class Holder(NamedTuple):
    """An array that another side may have been copied from; ``check`` is its own, where it has a counterpart."""

    path: str
    key: str
    check: Check | None


Holders = dict[Content, list[Holder]]


class _Match(NamedTuple):
    """One array of a check that is, to the bit, a holder's."""

    check: Check
    side: int
    size: int
    holder: Holder


def _content(path: str, key: str, size: int, checksum: int) -> Content:
    """What makes two arrays the same. Of few numbers the name counts, too, but for its side and its run."""
    named = words(PurePosixPath(path).stem if is_unnamed(key) else key) if size < MANY_ALIKE else []
    return tuple(word for word in named if not names_side(word) and word not in NOT_CONTENT), size, checksum


def _numbers(check: Check, side: int) -> Iterator[tuple[str, Content]]:
    """Each computed array of one side that the other side does not share, by key."""
    path = check.pair.port if side else check.pair.reference
    for key, facts in check.facts.items():
        computed = facts.dtype_a[0] == "f" and not facts.constant and {*words(key)}.isdisjoint(INPUT | PARAMETER)
        if computed and facts.first.checksum != facts.second.checksum:
            numbers = facts.second if side else facts.first
            yield key, _content(path, key, numbers.size, numbers.checksum)


def _related(check: Check, other: Check) -> bool:
    """Whether two checks belong to one reproduction: in one folder, both steps of it, or of one name."""
    if first_folder(check.name) == first_folder(other.name) or (check.steps and other.steps):
        return True
    return PurePosixPath(check.name).name == PurePosixPath(other.name).name


def _is_swapped(check: Check, other: Check) -> bool:
    """Whether two checks hold the same two sides in the other order."""
    pairs = [(facts, other.facts[key]) for key, facts in check.facts.items() if key in other.facts]
    return bool(pairs) and all(a.first.checksum == b.second.checksum for a, b in pairs)


def _may_be_copied(check: Check, key: str, size: int, holder: Holder) -> bool:
    """Whether the port of a key may be compared with a reference: another key of the same check, or another check's."""
    other = holder.check
    if other is None or other is check:
        return other is check and holder.key != key and size >= MANY_ALIKE
    return holder.path != check.pair.port and _related(check, other) and not _is_swapped(check, other)


def _references(folder: Folder) -> Holders:
    """The computed arrays of every check's reference."""
    holders: Holders = defaultdict(list)
    for check in folder.checks:
        for key, content in _numbers(check, 0):
            holders[content].append(Holder(check.pair.reference, key, check))
    return holders


def _kind(path: str) -> tuple[str, str]:
    place = PurePosixPath(path)
    return str(place.parent), place.suffix


def _outside_pairs(folder: Folder) -> Iterator[tuple[str, Arrays]]:
    """(file, its arrays without a counterpart): of files in no pair all, of the others the keys in no pair.

    Tables count where they name a side, or lie beside others of their kind that are compared.
    """
    inventory = folder.inventory
    matched: dict[str, set[str]] = {}
    left: set[str] = set()
    for check in folder.checks:
        for side, path in enumerate((check.pair.reference, check.pair.port)):
            names = [check.names_of_key.get(key, (key, key))[side] for key in check.facts]
            matched.setdefault(path, set()).update(names)
            if check.pair.inside or len(check.facts) < len(check.keys):
                left.add(path)
    kinds = {_kind(path) for path in matched}
    tables = {path for path in inventory.tables if split_side(path)[1] or _kind(path) in kinds}
    left |= {*inventory.dumps, *tables} - matched.keys()
    for path in sorted(left - inventory.refused.keys())[:MAX_SINGLE]:
        try:
            if (inventory.root / path).stat().st_size <= MAX_SIZE:
                arrays = folder.load(path)
                yield path, {key: array for key, array in arrays.items() if key not in matched.get(path, ())}
        except (InputError, OSError):
            continue  # listed as refused elsewhere, or a text


def _left_over(folder: Folder) -> Holders:
    """Arrays of floats without a counterpart."""
    holders: Holders = defaultdict(list)
    for path, arrays in _outside_pairs(folder):
        for key, array in arrays.items():
            if array.dtype.kind == "f":
                checksum = int(mixed(array.astype(np.float64).ravel()).sum())
                holders[_content(path, key, array.size, checksum)].append(Holder(path, key, None))
    return holders


def _is_of_other_side(check: Check, key: str, side: int, holder: Holder) -> bool:
    """Whether a holder without a counterpart names the side that this one is compared with."""
    names = check.names_of_key.get(key, ("", ""))
    paths = ("", "") if check.pair.inside else (check.pair.reference, check.pair.port)
    ours, theirs = (side_words(f"{paths[at]} {names[at]}") for at in (side, 1 - side))
    named = (side_words(holder.key) if check.pair.inside else frozenset()) or side_words(f"{holder.path} {holder.key}")
    return same_side(named - ours, theirs - ours)


def _matches(folder: Folder) -> Iterator[_Match]:
    references, left_over = _references(folder), _left_over(folder)
    for check in folder.checks:
        for side in (0, 1):
            for key, content in _numbers(check, side):
                for holder in references.get(content, ()) if side else ():
                    if _may_be_copied(check, key, content[1], holder):
                        yield _Match(check, side, content[1], holder)
                for holder in left_over.get(content, ()):
                    if _is_of_other_side(check, key, side, holder):
                        yield _Match(check, side, content[1], holder)


def _family(path: str) -> str:
    return re.sub(r"\d+", "#", path)


def neighbour_findings(folder: Folder) -> Iterator[AuditFinding]:
    """Sides that have the bits of another reference, or of an array without a counterpart, and not of their own.

    Two programs that sum in different orders round about every second result alike, so that ``MANY_ALIKE`` equal
    numbers are one case in 2^8 at most; and it is the neighbour's they equal. Files that differ in a number only count
    together.
    """
    groups: dict[tuple[str, int, str, bool], list[_Match]] = defaultdict(list)
    for match in _matches(folder):
        outside = match.holder.check is None
        groups[_family(match.check.name), match.side, _family(match.holder.path), outside].append(match)
    for (_, side, _, outside), matches in groups.items():
        count, (check, _, _, holder) = sum(match.size for match in matches), matches[0]
        if count < MANY_ALIKE:
            continue
        path = check.pair.port if side else check.pair.reference
        source = f"{holder.path} [{holder.key}]" if holder.path in (path, check.pair.reference) else holder.path
        text = f"{count} numbers of {path} are to the bit those of {source},"
        text += " and not those of its counterpart" if outside else " the reference of another comparison"
        yield finding("one program", check.name, f"{text}: one program made both.", count)
