"""Which names are two sides of one comparison. Names are paths of dumps, or keys inside one of them.

Two names are a pair where they differ only in words that are sides, each of them in the same direction. Of several
sides of one thing, such as three frameworks, each is compared with the one that stands first in ``sides.SIDES``.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import PurePosixPath
from typing import NamedTuple

from repro.audit.sides import LETTERS, SUFFIXES, is_side, names_side, order, rank, tokens

MAX_GROUP = 64  # names that differ in words of sides only; more of them are no sides of one thing
_SAVED = {".bin", ".ckpt", ".safetensors", ".pkl", ".pickle", *SUFFIXES}  # weights; other suffixes are of arrays
RESULTS = frozenset(
    "out output outputs logits logit loss losses feat feats feature features hidden grads forward backward".split()
)
# When a run began, with the name that Weights & Biases adds; Hydra has a folder for the time. Lightning counts the runs
# of a folder instead.
_DATE = re.compile(
    r"(?:19|20)\d{2}[-_]?\d{2}[-_]?\d{2}(?:/\d{2}-\d{2}-\d{2}(?=/)|[-_T]?\d{2,6}(?:[-_:]\d{2}){0,2}(?:-[a-z0-9]{8}(?=[/.]|$))?)?"
    r"|(?<=/)version_\d{1,4}(?=/)"
)


@dataclass(frozen=True)
class Pair:
    """Two sides that a check compares: two dumps, or two groups of keys of one.

    Attributes:
        name: their common path with ``*`` for the side.
        reference, port: paths of the dumps; equal where one dump holds both sides under keys of different names.
    """

    name: str
    reference: str
    port: str

    @property
    def inside(self) -> bool:
        """Whether one dump holds both sides."""
        return self.reference == self.port


class Match(NamedTuple):
    """A pair of names, with what they have in common; the smaller, the closer they are."""

    distance: tuple[int, ...]
    reference: str
    port: str
    name: str


def _split(name: str, *, is_path: bool) -> tuple[str, str]:
    path = PurePosixPath(name)
    return (str(path.with_suffix("")), path.suffix.lower()) if is_path else (name, "")


def _unlike_suffix(first: str, second: str) -> int:
    """0 for one suffix, 1 for two of one use, else 2."""
    return 0 if first == second else 1 if (first in _SAVED) == (second in _SAVED) else 2


def _compare(first: str, second: str, *, is_path: bool = True, about: Collection[str] = ()) -> Match | None:
    """The two names as reference and port, or None where they are no sides of one thing.

    Args:
        about: words of what holds the names.
    """
    (stem, suffix), (other_stem, other_suffix) = (_split(name, is_path=is_path) for name in (first, second))
    ours, others = tokens(stem), tokens(other_stem)
    if len(ours) != len(others):
        return None
    places = [at for at, (word, other) in enumerate(zip(ours, others, strict=True)) if word != other]
    words = [(ours[at], others[at]) for at in places] or [(SUFFIXES.get(suffix, ""), SUFFIXES.get(other_suffix, ""))]
    directions = {order(*pair) for pair in words}
    if directions not in ({-1}, {1}):
        return None
    single = {word.lower() for pair in words for word in pair} == LETTERS
    if single and RESULTS.isdisjoint(map(str.lower, (*ours, *about))):
        return None  # elsewhere, targets and predictions are called so
    file = stem.rfind("/")
    starts = [sum(map(len, ours[:at])) for at in places]
    if any(len(word) == 1 for pair in words for word in pair) and any(start < file for start in starts):
        return None  # the letters a and b tell files of one folder apart, not folders
    name = "".join("*" if at in places else word for at, word in enumerate(ours))
    ending = PurePosixPath(first).suffix if suffix == other_suffix else ".*"
    reference, port = (first, second) if directions == {-1} else (second, first)
    lead = min(rank(pair[0] if directions == {-1} else pair[1]) for pair in words)
    folders = sum(start < file for start in starts)
    distance = (_unlike_suffix(suffix, other_suffix), folders, len(places), lead)
    return Match(distance, reference, port, name + (ending if is_path else ""))


def _choose(candidates: Iterable[Match]) -> list[Match]:
    """The closest match of each port; no reference is also a port."""
    ports: set[str] = set()
    references: set[str] = set()
    chosen = []
    for match in sorted(candidates):
        if match.port not in ports | references and match.reference not in ports:
            ports.add(match.port)
            references.add(match.reference)
            chosen.append(match)
    return chosen


def _grouped(names: Iterable[str], *, is_path: bool) -> Iterator[list[str]]:
    """Names that are the same but for words that can be sides."""
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name in names:
        words = tokens(_split(name, is_path=is_path)[0])
        groups[tuple("*" if is_side(word) else word for word in words)].append(name)
    return (group for group in groups.values() if 1 < len(group) <= MAX_GROUP)


def opposing(names: Sequence[str], *, is_path: bool = True, about: Collection[str] = ()) -> list[Match]:
    """Names that differ in their side only, in the order of what they have in common.

    Args:
        about: words of the file whose keys the names are.
    """
    chosen: list[Match] = []
    for group in _grouped(names, is_path=is_path):
        matches = (_compare(*pair, is_path=is_path, about=about) for pair in combinations(sorted(group), 2))
        chosen += _choose(match for match in matches if match is not None)
    return sorted(chosen, key=lambda match: (match.name, match.reference, match.port))


def _without_side(path: str) -> Iterator[tuple[str, str]]:
    """(the path without a word of its file name that is a side, the word)."""
    folder, slash, file = path.rpartition("/")
    suffix = PurePosixPath(file).suffix
    words = tokens(file.removesuffix(suffix))
    for at in range(1, len(words), 2):
        if names_side(words[at]) and len(words) > 3:
            before, after = "".join(words[:at]), "".join(words[at + 1 :])
            joined = before[:-1] + after if before and not before[-1].isalnum() else before + after.lstrip("_-. ")
            yield f"{folder}{slash}{joined}{suffix}", words[at]


def _unnamed(paths: Sequence[str], free: set[str]) -> Iterator[Match]:
    """A file that names its side beside one of the same name that does not."""
    for path in paths:
        for plain, word in _without_side(path) if path in free else ():
            if plain in free:
                reference, port = (path, plain) if rank(word) < rank("") else (plain, path)
                yield Match((rank(word),), reference, port, f"{plain} ~ {PurePosixPath(path).name}")


def _elsewhere(free: set[str]) -> Iterator[Match]:
    """Files whose names differ in their side only, in folders of which one says the side of its file too.

    ``torch_ref/outputs/loss_torch.npy`` and ``paddle/loss_paddle.npy``; only where there is no other file to confuse.
    """
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for path in free:
        stem = tokens(PurePosixPath(path).stem)
        if any(map(names_side, stem)):
            groups[tuple("*" if names_side(word) else word for word in stem)].append(path)
    for first, second in (sorted(group) for group in groups.values() if len(group) == 2):
        match = _compare(PurePosixPath(first).name, PurePosixPath(second).name)
        if match is None or _numbers(first) != _numbers(second) or not _related(first, second):
            continue
        swapped = match.reference != PurePosixPath(first).name
        reference, port = (second, first) if swapped else (first, second)
        yield Match(match.distance, reference, port, f"{reference} ~ {port}")


def _dated(free: set[str]) -> Iterator[Match]:
    """Files whose names differ in their side and in a date, as logs of trainings do; only where there are just two."""
    groups: dict[str, list[str]] = defaultdict(list)
    plain = {path: _DATE.sub("#", path) for path in free if _DATE.search(path)}
    for path, name in plain.items():
        words = tokens(_split(name, is_path=True)[0])
        groups["".join("*" if names_side(word) else word for word in words) + PurePosixPath(path).suffix].append(path)
    for first, second in (sorted(group) for group in groups.values() if len(group) == 2):
        if match := _compare(plain[first], plain[second]):
            reference, port = (first, second) if match.reference == plain[first] else (second, first)
            yield Match(match.distance, reference, port, f"{reference} ~ {port}")


def other_dates(paths: Sequence[str], single: Collection[str]) -> dict[str, list[str]]:
    """Files without a counterpart -> those of the other side whose names differ in their date, too, so that names tell
    no pair: several dated runs of a side.
    """
    runs: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        if _DATE.search(path):
            words = tokens(_split(_DATE.sub("#", path), is_path=True)[0])
            runs["".join("*" if names_side(word) else word for word in words)].append(path)
    rivals = {
        path: [other for other in group if _compare(_DATE.sub("#", path), _DATE.sub("#", other))]
        for group in runs.values()
        if len(group) <= MAX_GROUP
        for path in group
        if path in single
    }
    return {path: others for path, others in rivals.items() if others}


def _numbers(path: str) -> list[str]:
    return [word for word in tokens(path) if word.isdecimal()]


def _related(first: str, second: str) -> bool:
    """Whether two folders are one inside the other, or name the side of their file."""
    folders = [PurePosixPath(path).parent.parts for path in (first, second)]
    shared = next((n for n, (a, b) in enumerate(zip(*folders, strict=False)) if a != b), min(map(len, folders)))
    rest = [parts[shared:] for parts in folders]
    sides = [{rank(word) for word in tokens(PurePosixPath(path).stem) if names_side(word)} for path in (first, second)]
    named = [
        any(names_side(word) and rank(word) in side for part in parts for word in tokens(part))
        for parts, side in zip(rest, sides, strict=True)
    ]
    return not all(rest) or any(named)


def pairs(paths: Sequence[str]) -> list[Pair]:
    """Dumps that are the two sides of a check by their names, sorted by name."""
    matches = opposing(paths)
    free = set(paths) - {path for match in matches for path in (match.reference, match.port)}
    matches += _choose(_unnamed(sorted(free), free))
    free -= {path for match in matches for path in (match.reference, match.port)}
    matches += _choose(_elsewhere(free))
    free -= {path for match in matches for path in (match.reference, match.port)}
    matches += _choose(_dated(free))
    often = Counter(match.name for match in matches)  # three frameworks give two pairs of one name
    return [
        Pair(name if often[name] == 1 else f"{reference} ~ {port}", reference, port)
        for _, reference, port, name in matches
    ]
