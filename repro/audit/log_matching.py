"""Which committed log belongs to which pair of dumps, and to which step a path belongs."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import PurePosixPath
from typing import NamedTuple

from repro.audit.discovery import words
from repro.audit.evidence import Check, Folder, first_folder
from repro.audit.facts import is_unnamed
from repro.audit.pairing import Pair
from repro.audit.printed import is_number
from repro.audit.sides import split_side
from repro.dumps.log import Line

_STEPS = re.compile(r"(?:step|check)?[ _-]*(\d{1,2}(?:[-_+]\d{1,2})*)(?!\d)", re.IGNORECASE)
_PLAIN = frozenset({"diff", "difference", "log", "logs", "check", "compare", "result", "output", "report"})
MEASURES = ("mean", "any", "max", "min")  # the first that a log has of a key is the one that counts


@cache
def steps_of(path: str) -> frozenset[int]:
    """Step numbers at the beginning of the names of a path."""
    matches = filter(None, map(_STEPS.match, PurePosixPath(path).parts))
    return frozenset(int(number) for match in matches for number in re.findall(r"\d+", match[1]))


def one_measure(lines: Sequence[Line]) -> list[Line]:
    """One line of each key: its mean where the log has it."""
    chosen: dict[str, Line] = {}
    for line in sorted(lines, key=lambda line: MEASURES.index(line.measure)):
        chosen.setdefault(line.name, line)
    return [chosen[name] for name in dict.fromkeys(line.name for line in lines)]


_ABOUT_DIFFERENCES = frozenset(
    "diff difference differences compare comparison check align alignment verify parity".split()
)


class _Option(NamedTuple):
    """A log, or one report in it, and a check that it may be about; the larger, the likelier."""

    same_numbers: int
    named: bool
    together: bool
    likeness: float
    shared: int
    path: str
    report: int
    check: int
    lines: tuple[tuple[Line, str], ...]  # with the key of the check that each is about

    @property
    def names(self) -> frozenset[str]:
        """What the log calls the arrays."""
        return frozenset(line.name for line, _ in self.lines)

    @property
    def certain(self) -> bool:
        """Whether more than the names of keys ties the two."""
        return bool(self.same_numbers or self.named or (self.together and self.likeness))


@cache
def _stem_words(path: str) -> frozenset[str]:
    return frozenset(words(PurePosixPath(split_side(path)[0]).stem)) - _PLAIN


def _likeness(log: str, check: Check) -> float:
    """How much the name of a log suggests a pair or its script: shared words over all words, 0 to 1."""
    first = _stem_words(log)
    others = [_stem_words(path) for path in (check.name, *(script.path for script in check.scripts))]
    return max(len(first & other) / len(first | other) if first | other else 0.0 for other in others)


@cache
def _group(path: str) -> str:
    """First folder that is numbered as a step; else the folder above the last one."""
    parts = PurePosixPath(path).parts[:-1]
    for count, part in enumerate(parts, 1):
        if _STEPS.match(part):
            return "/".join(parts[:count])
    return "/".join(parts[:-1] if len(parts) > 1 else parts)


def _is_printed(check: Check, line: Line, key: str) -> bool:
    """Whether a line has the number that the dumps give, other than 0, which many give."""
    return is_number(line.value) and float(line.value) != 0 and check.gives(key, line.value, line.measure)


def _name_of_files(name: str) -> frozenset[str]:
    """Words of a file's name, or of what a line calls it, without its side."""
    return frozenset(words(PurePosixPath(split_side(name)[0]).stem))


def _is_file_of(pair: Pair, name: str) -> bool:
    return PurePosixPath(name).name in {PurePosixPath(path).name for path in (pair.reference, pair.port)}


def _options(
    logs: Mapping[str, Sequence[Sequence[Line]]], checks: Sequence[Check], named: Mapping[str, Collection[str]]
) -> list[_Option]:
    with_key: dict[str, list[tuple[int, str]]] = defaultdict(list)
    bare: dict[frozenset[str], list[tuple[int, str]]] = defaultdict(list)  # arrays that only their files name
    for index, check in enumerate(checks):
        for key in check.keys:
            with_key[key].append((index, key))
        if len(check.keys) == 1 and is_unnamed(check.keys[0]):
            bare[_name_of_files(check.name)].append((index, check.keys[0]))
    options = []
    for path, reports in logs.items():
        for number, lines in enumerate(reports):
            shared: dict[int, list[tuple[Line, str]]] = defaultdict(list)
            for line in lines:
                for index, key in with_key.get(line.name) or bare.get(_name_of_files(line.name)) or ():
                    shared[index].append((line, key))
            for index, common in shared.items():
                check = checks[index]
                equal = sum(_is_printed(check, line, key) for line, key in common)
                tied = any(path in named.get(script.path, ()) for script in check.scripts)
                tied = tied or any(_is_file_of(check.pair, line.name) for line, _ in common)
                beside = {_group(check.name), *(_group(script.path) for script in check.scripts)}
                together = _group(path) in beside or steps_of(path) == check.steps != frozenset()
                likeness = _likeness(path, check)
                options.append(
                    _Option(equal, tied, together, likeness, len(common), path, number, index, tuple(common))
                )
    return options


def _may_belong(path: str, check: Check) -> bool:
    """Whether a log and a pair are of one project and step, as far as their paths and those of the scripts say."""
    projects = {first_folder(path), first_folder(check.name)} - {""}
    above = any(PurePosixPath(script.path).parent in PurePosixPath(path).parents for script in check.scripts)
    return (len(projects) < 2 or above) and (steps_of(path) == check.steps or not steps_of(path) or not check.steps)


def assign_logs(folder: Folder, loose: Mapping[str, Sequence[Line]], named: Mapping[str, Collection[str]]) -> None:
    """Set ``log`` and ``lines`` of each check whose log is in the folder.

    A report goes to a pair that shares a key with it, or whose files have the name of a line where the arrays in them
    have none: the pair whose numbers it prints, whose script names the log, whose files it names, which lies in the
    same folder or step, or whose name is most similar. Where none of this is so, names need not agree if only one pair
    of the project has such keys. Each line of another log goes to one pair, and from ``folder.loose``.

    Args:
        loose: log in a form of its own -> its lines; a log only where a pair has such keys.
        named: script -> logs that it names.
    """
    logs: dict[str, list[tuple[Line, ...]]] = {path: [tuple(lines)] for path, lines in loose.items()} | folder.reports
    checks = folder.checks
    options = _options(logs, checks, named)
    rivals: dict[tuple[str, int], list[_Option]] = defaultdict(list)
    for option in options:
        rivals[option.path, option.report].append(option)
    taken: set[tuple[str, int, str]] = set()
    for option in sorted(options, key=lambda option: (*(-value for value in option[:5]), *option[5:8])):
        check, by_helper = checks[option.check], option.path in folder.reports
        if check.log:
            continue
        if not option.certain:
            others = (
                other
                for other in rivals[option.path, option.report]
                if other.check != option.check and not checks[other.check].log and other.likeness >= option.likeness
                if other.together or not option.together
                if by_helper or not option.names.isdisjoint(other.names)
            )
            plain = by_helper or not _ABOUT_DIFFERENCES.isdisjoint(words(option.path))
            if not plain or not _may_belong(option.path, check) or any(True for _ in others):
                continue
        lines = one_measure(logs[option.path][option.report])
        free = [line for line in lines if (option.path, option.report, line.name) not in taken]
        keys = {line.name: key for line, key in option.lines}
        mine = free if by_helper else [line for line in free if line.name in keys]
        if not mine or (by_helper and len(free) < len(lines)):
            continue
        taken |= {(option.path, option.report, line.name) for line in mine}
        names = {line.name: keys.get(line.name, line.name) for line in mine}
        first = {*mine}
        more = [line for line in logs[option.path][option.report] if line.name in names and line not in first]
        check.log, check.logged_by_helper = option.path, by_helper
        check.lines, check.more_lines = (
            tuple(replace(line, name=names[line.name]) for line in each) for each in (mine, more)
        )
        folder.logs.setdefault(option.path, lines)
    for path, printed in loose.items():
        folder.loose[path] = [line for line in printed if (path, 0, line.name) not in taken]
