"""Which committed log belongs to which pair of dumps, and to which step a path belongs."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from repro.audit.discovery import split_side, words
from repro.audit.evidence import Check
from repro.dumps.log import Line

_STEPS = re.compile(r"(?:step|check)?[ _-]*(\d{1,2}(?:[-_+]\d{1,2})*)(?!\d)", re.IGNORECASE)
_PLAIN = frozenset({"diff", "difference", "log", "logs", "check", "compare", "result", "output", "report"})


def steps_of(path: str) -> frozenset[int]:
    """Step numbers at the beginning of the names of a path."""
    matches = filter(None, map(_STEPS.match, PurePosixPath(path).parts))
    return frozenset(int(number) for match in matches for number in re.findall(r"\d+", match[1]))


def _likeness(log: str, check: Check) -> float:
    """How much the name of a log suggests a pair: shared words over all words, 0 to 1."""
    stems = (PurePosixPath(split_side(path)[0]).stem for path in (log, check.name))
    first, second = (set(words(stem)) - _PLAIN for stem in stems)
    return len(first & second) / len(first | second) if first | second else 0.0


def _group(path: str) -> str:
    """First folder that is numbered as a step; else the folder above the last one."""
    parts = PurePosixPath(path).parts[:-1]
    for count, part in enumerate(parts, 1):
        if _STEPS.match(part):
            return "/".join(parts[:count])
    return "/".join(parts[:-1] if len(parts) > 1 else parts)


def assign_logs(logs: Mapping[str, Sequence[Line]], checks: Sequence[Check]) -> None:
    """Set ``log`` and ``lines`` of each check whose log is among ``logs`` (path -> lines).

    A log goes to a pair of the same folder or step that shares a key with it, the one with the most similar name
    first. Names need not agree where only one such pair is left.
    """
    options = []
    for path, lines in logs.items():
        keys = {line.name for line in lines}
        for index, check in enumerate(checks):
            together = _group(path) == _group(check.name) or steps_of(path) == check.steps != frozenset()
            if together and keys & set(check.keys):
                options.append((_likeness(path, check), path, index))
    free = set(logs)
    for likeness, path, index in sorted(options, key=lambda option: (-option[0], option[1], option[2])):
        check = checks[index]
        rivals = [i for _, p, i in options if p == path and checks[i].log is None]
        if path in free and check.log is None and (likeness > 0 or len(rivals) == 1):
            check.log, check.lines = path, tuple(logs[path])
            free.remove(path)
