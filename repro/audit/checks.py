"""From a pair of dumps to a check: both sides with their keys aligned, what they hold, what ``reprod_log`` prints.

One key is in memory at a time: the arrays stay in their files and are read block by block.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from repro.audit.arithmetic import Arithmetic, joined
from repro.audit.discovery import words
from repro.audit.evidence import Check, Folder, named_threshold, named_tolerance
from repro.audit.facts import Facts, key_facts
from repro.audit.key_matching import keys_of_one, keys_of_two, tied_keys
from repro.audit.log_matching import steps_of
from repro.audit.pairing import Pair
from repro.audit.scripted import Script
from repro.dumps.helper import THRESHOLD, helper_log
from repro.errors import InputError
from repro.numerics.arrays import Arrays
from repro.numerics.chunks import BLOCK, blocks, release
from repro.untrusted.flatten import arrays
from repro.untrusted.formats import read_content

_FLOAT64 = frozenset({"numpy", "np", "double"})


def _digest(array: np.ndarray) -> bytes:
    """Of the numbers, whatever their type and axes of length 1; of large arrays in their own type."""
    array = array.squeeze()
    digest = hashlib.sha256(repr(array.shape).encode())
    for (block,) in blocks(array):
        digest.update(np.ascontiguousarray(block, np.float64 if array.size <= BLOCK else None).tobytes())
    return digest.digest()


def _read(folder: Folder, pair: Pair) -> list[tuple[Any, Arrays]] | None:
    """The dump or both dumps, each as it is and as arrays; None where one is refused."""
    contents = []
    for path in dict.fromkeys((pair.reference, pair.port)):
        try:
            content = read_content(folder.inventory.root / path)
            contents.append((content, arrays(content)))
        except InputError as error:
            folder.inventory.refused[path] = error.what
    return contents if len(contents) == 2 - pair.inside else None


def _facts(a: Arrays, b: Arrays, scripts: Sequence[Script], names: Mapping[str, tuple[str, str]]) -> dict[str, Facts]:
    facts = {}
    for key in a:
        if key in b:
            facts[key] = key_facts(key, a[key], b[key], named_tolerance(scripts, key, *names.get(key, ())))
            release(a[key])
            release(b[key])
    return facts


def _arithmetic(folder: Folder, pair: Pair) -> Arithmetic:
    """What the scripts of the pair's project say of their precision; numpy computes in float64 where nobody does."""
    named = not _FLOAT64.isdisjoint(words(f"{pair.reference} {pair.port}"))
    return joined([folder.arithmetic_around(pair.name), Arithmetic(float64=named)])


def make_check(folder: Folder, pair: Pair, scripts: Sequence[Script]) -> Check | None:
    """Everything about a pair but its log; None where a side is refused.

    Args:
        scripts: comparisons of these two dumps.
    """
    contents = _read(folder, pair)
    if contents is None:
        return None
    tied = tied_keys(pair, scripts)
    (first, a), (second, b) = contents[0], contents[-1]
    keys = keys_of_one(a, pair.port, tied) if pair.inside else keys_of_two(a, b, tied)
    a = {name: a[key] for name, (key, _) in keys.items() if key in a}
    b = {name: b[key] for name, (_, key) in keys.items() if key in b}
    if pair.inside:
        first, second = ({key: side[key] for key in side if len({*keys[key]}) > 1} for side in (a, b))
    digests = [{key: _digest(array) for key, array in side.items()} for side in (a, b)]
    groups: dict[tuple[bytes, bytes], list[str]] = defaultdict(list)
    for key in a:
        if key in b:
            groups[digests[0][key], digests[1][key]].append(key)
    named = named_threshold(list(scripts))
    return Check(
        pair=pair,
        steps=steps_of(pair.name),
        facts=_facts(a, b, scripts, keys),
        helper=helper_log(first, second, THRESHOLD if named is None else named),
        content=hashlib.sha256(b"".join(value for side in digests for value in side.values())).hexdigest(),
        keys=tuple(dict.fromkeys([*a, *b])),
        names_of_key={name: names for name, names in keys.items() if names[0] != names[1]},
        repeated=tuple(tuple(group) for group in groups.values() if len(group) > 1),
        scripts=list(scripts),
        arithmetic=_arithmetic(folder, pair),
    )
