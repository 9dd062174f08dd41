"""Rules on checks that share their numbers: plain copies of folders, and one experiment's file with another's bytes."""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from pathlib import PurePosixPath

from repro.audit.discovery import words
from repro.audit.evidence import Check, Folder, by_content
from repro.audit.facts import Facts
from repro.audit.findings import finding, first_few
from repro.audit.key_words import INPUT, PARAMETER, SCHEDULE
from repro.results.audit import AuditFinding

ENOUGH = 4  # computed numbers that two experiments do not share by chance
RERUN = frozenset("run runs rerun again repeat repeated second try trial copy backup bak old v version".split())


def _folder(check: Check) -> str:
    return str(PurePosixPath(check.name).parent)


def _computed(check: Check) -> dict[str, Facts]:
    """Keys of computed numbers: floats that are no inputs, no weights and no settings."""
    return {
        key: facts
        for key, facts in check.facts.items()
        if facts.dtype_a[0] == "f" and not facts.constant and {*words(key)}.isdisjoint(INPUT | PARAMETER | SCHEDULE)
    }


def _results(check: Check) -> int:
    """Count of computed numbers."""
    return sum(facts.size for facts in _computed(check).values())


def _experiment(name: str) -> str | None:
    """A path with ``#`` for its numbers, as experiments with other seeds or sizes share it; None for reruns."""
    return re.sub(r"\d+", "#", name) if RERUN.isdisjoint(words(name)) and re.search(r"\d", name) else None


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
    """What identifies the computed numbers of one side, whatever its container and the seed beside them."""
    sides = {key: facts.second if port else facts.first for key, facts in _computed(check).items()}
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
