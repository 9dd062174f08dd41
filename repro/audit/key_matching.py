"""Which keys of two dumps, or of one, hold the two sides of one thing."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePosixPath

from repro.audit.discovery import words
from repro.audit.key_words import COUNTER
from repro.audit.pairing import Match, Pair, opposing
from repro.audit.scripted import Script
from repro.audit.sides import LETTERS, names_side, tokens

UNNAMED = frozenset({"", "0", "arr_0"})  # a bare array, and what numpy calls one
Tied = Sequence[tuple[str, str]]  # keys that a script compares: of the reference, of the port
Keys = dict[str, tuple[str, str]]  # name -> key in the reference, key in the port


def tied_keys(pair: Pair, scripts: Iterable[Script]) -> Tied:
    """Keys of different names that scripts compare."""
    keys = [
        (script.first_key, script.second_key)
        if script.first == pair.reference
        else (script.second_key, script.first_key)
        for script in scripts
    ]
    return [(first, second) for first, second in dict.fromkeys(keys) if first and second and first != second]


def keys_inside(dump: Iterable[str], path: str) -> list[Match]:
    """Keys of one dump that are the two sides of one thing.

    One of them names its side by itself: a dump may hold ``a`` and ``b``, or ``left`` and ``right``, for any reason.
    ``t`` and ``p`` are sides of results, as keys or file say that they are.
    """
    matches = opposing(list(dump), is_path=False, about=words(PurePosixPath(path).stem))
    return [match for match in matches if _names_sides(tokens(match.reference) + tokens(match.port))]


def _names_sides(names: Collection[str]) -> bool:
    return any(map(names_side, names)) or {*map(str.lower, names)} >= LETTERS


def keys_of_one(dump: Collection[str], path: str, tied: Tied) -> Keys:
    """What one dump holds twice, for both sides, and the column that counts the steps of both."""
    keys = {match.name: (match.reference, match.port) for match in keys_inside(dump, path)}
    keys |= {key: (key, key) for key in dump if keys and not COUNTER.isdisjoint(words(key))}
    matched = {frozenset(pair) for pair in keys.values()}
    for first, second in tied:
        if first in dump and second in dump and frozenset((first, second)) not in matched:
            keys[f"{first} ~ {second}"] = first, second
    return keys


def keys_of_two(reference: Collection[str], port: Collection[str], tied: Tied) -> Keys:
    """Every key of two dumps under one name: equal ones, those that name their side, and those that a script compares.

    A single array without a name takes that of the other side.
    """
    names = {key: (key, key) for key in (*reference, *port)}
    alone = [key for key in reference if key not in port], [key for key in port if key not in reference]

    def join(name: str, first: str, second: str) -> None:
        if first in alone[0] and second in alone[1] and first in names and second in names and name not in names:
            del names[first], names[second]
            names[name] = first, second

    for match in opposing([*alone[0], *alone[1]], is_path=False):
        join(match.name, match.reference, match.port)
        join(match.name, match.port, match.reference)
    for first, second in tied:
        join(f"{first} ~ {second}", first, second)
    if len(reference) == len(port) == len(alone[0]) == 1 and UNNAMED & {alone[0][0], alone[1][0]}:
        named = max(alone[0][0], alone[1][0], key=lambda key: key not in UNNAMED)
        return {named: (alone[0][0], alone[1][0])}
    return names
