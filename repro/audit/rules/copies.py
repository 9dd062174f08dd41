"""Rules on checks that share their numbers: plain copies of folders, and one experiment's file with another's bytes."""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np

from repro.audit.discovery import words
from repro.audit.evidence import Check, Folder, by_content
from repro.audit.findings import finding, first_few
from repro.audit.measures import mixed
from repro.audit.rules.key import INPUT, PARAMETER
from repro.audit.sides import same_side, side_words
from repro.errors import InputError
from repro.results.audit import AuditFinding

MAX_SINGLE, MAX_SIZE = 64, 16 << 20  # dumps without a counterpart that are looked into, and bytes of each
MANY_ALIKE = 8  # computed numbers that two programs do not share by chance
ENOUGH = 4  # computed numbers that two experiments do not share by chance
Content = tuple[int, int]  # size and checksum of an array
_RERUN = frozenset("run runs rerun repeat try trial copy backup bak old v version".split())


def _folder(check: Check) -> str:
    return str(PurePosixPath(check.name).parent)


def _results(check: Check) -> int:
    """Count of computed numbers: floats that are no inputs and no weights."""
    computed = [
        facts
        for key, facts in check.facts.items()
        if facts.dtype_a[0] == "f" and not facts.constant and {*words(key)}.isdisjoint(INPUT | PARAMETER)
    ]
    return sum(facts.size for facts in computed)


def _experiment(name: str) -> str | None:
    """A path with ``#`` for its numbers, as experiments with other seeds or sizes share it; None for reruns."""
    return re.sub(r"\d+", "#", name) if _RERUN.isdisjoint(words(name)) and re.search(r"\d", name) else None


def _copied_folders(checks: Sequence[Check]) -> dict[str, str]:
    """Folder -> another that holds the same checks, name for name, with the same numbers."""
    contents: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for check in checks:
        contents[_folder(check)].add((PurePosixPath(check.name).name, check.content))
    first: dict[frozenset[tuple[str, str]], str] = {}
    sources = {folder: first.setdefault(frozenset(inside), folder) for folder, inside in sorted(contents.items())}
    return {folder: source for folder, source in sources.items() if folder != source}


def repeated(checks: Sequence[Check]) -> set[str]:
    """Checks that repeat the numbers of another and need no judgement of their own."""
    copies = _copied_folders(checks)
    names = {check.name for check in checks if _folder(check) in copies}
    for group in by_content(list(checks)):
        ordered = sorted(group, key=lambda check: (not check.compared, check.log is None, check.name))[1:]
        names |= {check.name for check in ordered if not check.compared}
    return names


def _shared(group: Sequence[Check]) -> AuditFinding:
    """Finding on checks with the same numbers on both sides."""
    names = [check.name for check in group]
    stems = {_experiment(name) for name in names}
    compared = [check for check in group if check.compared]
    if len(stems) == 1 and None not in stems and _results(group[0]) >= ENOUGH:
        text = (
            f"{first_few(names)} hold the same results, number for number, though their names tell experiments apart."
        )
        return finding("bytes of another experiment", names[0], text)
    if len(compared) > 1:
        logs = ", ".join(check.log or check.scripts[0].path for check in compared)
        text = f"{len(compared)} checks ({logs}) rest on the same numbers."
        return finding("same evidence", ", ".join(names), text)
    return finding("copy", ", ".join(names), "the same numbers on both sides of each; judged once.")


def content_findings(folder: Folder) -> Iterator[AuditFinding]:
    """Checks that should be independent and rest on the same numbers."""
    copies = _copied_folders(folder.checks)
    plain = {
        copy for copy, source in copies.items() if _experiment(copy) != _experiment(source) or not _experiment(copy)
    }
    for copy in sorted(plain):
        text = f"every pair in it is the one of the same name in {copies[copy]}; judged once."
        yield finding("copy", copy, text)
    for group in by_content([check for check in folder.checks if _folder(check) not in plain]):
        yield _shared(group)


def _side(check: Check, port: bool) -> Hashable:
    """What identifies the numbers of one side, whatever its container."""
    sides = {key: facts.second if port else facts.first for key, facts in check.facts.items()}
    return tuple((key, numbers.size, numbers.checksum) for key, numbers in sorted(sides.items()))


def borrowed_findings(folder: Folder) -> Iterator[AuditFinding]:
    """Ports with the numbers of another experiment's, while their references differ.

    One reference may well be compared with several versions of a port, but no port gives one result for two references.
    """
    ports: dict[Hashable, list[Check]] = defaultdict(list)
    for check in folder.checks:
        if _results(check) >= ENOUGH:
            ports[_side(check, port=True)].append(check)
    for group in ports.values():
        paths = list(dict.fromkeys(check.pair.port for check in group))
        if len(paths) > 1 and len({_side(check, port=False) for check in group}) > 1:
            text = f"{first_few(paths)} hold the same numbers, while their references differ: one experiment's result"
            yield finding("bytes of another experiment", group[0].name, f"{text} stands for another's.")


def _numbers(check: Check, port: bool) -> dict[str, Content]:
    """Size and checksum of each computed array of one side that the other side does not share."""
    result = {}
    for key, facts in check.facts.items():
        computed = facts.dtype_a[0] == "f" and not facts.constant and {*words(key)}.isdisjoint(INPUT | PARAMETER)
        if computed and facts.first.checksum != facts.second.checksum:
            side = facts.second if port else facts.first
            result[key] = side.size, side.checksum
    return result


def _related(check: Check, other: Check) -> bool:
    """Whether two checks belong to one reproduction: in one folder, both steps of it, or of one name."""
    paths = [PurePosixPath(each.name) for each in (check, other)]
    tops = {path.parts[0] if len(path.parts) > 1 else "" for path in paths}
    return len(tops) == 1 or bool(check.steps and other.steps) or paths[0].name == paths[1].name


def _alike(numbers: Mapping[str, Content], holders: Mapping[tuple[str, Content], Sequence[str]]) -> dict[str, int]:
    """Dumps that hold the same arrays under the same keys, to the bit -> count of the numbers, if it is no chance."""
    counts: dict[str, int] = defaultdict(int)
    for key, content in numbers.items():
        for path in holders.get((key, content), ()):
            counts[path] += content[0]
    return {path: count for path, count in counts.items() if count >= MANY_ALIKE}


def neighbour_findings(folder: Folder) -> Iterator[AuditFinding]:
    """Sides that have the bits of another check's other side, or of a dump without a counterpart, and not of their own.

    Two programs that sum in different orders round about every second result alike, so that ``MANY_ALIKE`` equal
    numbers are one case in 2^8 at most; and it is the neighbour's they equal.
    """
    checks = {check.pair.reference: check for check in folder.checks}
    references: dict[tuple[str, Content], list[str]] = defaultdict(list)
    for check in folder.checks:
        for named in _numbers(check, port=False).items():
            references[named].append(check.pair.reference)
    left_over = _left_over(folder)
    for check in folder.checks:
        reference, port = sides = check.pair.reference, check.pair.port
        for path, count in _alike(_numbers(check, port=True), references).items():
            other = checks[path]
            if path != port and _related(check, other) and not _is_swapped(check, other):
                text = f"{count} numbers of {port} are to the bit those of {path}, the reference of another check"
                yield finding("one program", check.name, f"{text}: one program made both.", count)
        words = side_words(reference), side_words(port)
        for place, side in enumerate(sides):
            for path, count in _alike(_numbers(check, port=bool(place)), left_over).items():
                if same_side(side_words(path) - words[place], words[1 - place] - words[place]):
                    text = f"{count} numbers of {side} are to the bit those of {path}, and not those of its counterpart"
                    yield finding("one program", check.name, f"{text}: one program made both.", count)


def _is_swapped(check: Check, other: Check) -> bool:
    """Whether two checks hold the same two sides in the other order."""
    pairs = [(facts, other.facts[key]) for key, facts in check.facts.items() if key in other.facts]
    return all(a.first.checksum == b.second.checksum for a, b in pairs)


def _left_over(folder: Folder) -> dict[tuple[str, Content], list[str]]:
    """Key and content of each array of floats in a dump without a counterpart -> the dumps that hold it."""
    holders: dict[tuple[str, Content], list[str]] = defaultdict(list)
    paired = {path for check in folder.checks for path in (check.pair.reference, check.pair.port)}
    single = [path for path in folder.inventory.dumps if path not in paired and path not in folder.inventory.refused]
    for path in single[:MAX_SINGLE]:
        try:
            if (folder.inventory.root / path).stat().st_size > MAX_SIZE:
                continue
            arrays = folder.load(path)
        except (InputError, OSError):
            continue  # listed as refused elsewhere
        for key, array in arrays.items():
            if array.dtype.kind == "f":
                content = array.size, int(mixed(array.astype(np.float64).ravel()).sum())
                holders[key, content].append(path)
    return holders
