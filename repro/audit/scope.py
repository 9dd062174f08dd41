"""Which evidence a section of a document is about."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from repro.audit.evidence import Check, Folder
from repro.audit.log_matching import steps_of


@dataclass(frozen=True)
class Scope:
    """Evidence that a section may speak of.

    Attributes:
        checks: pairs of dumps.
        logs: logs without dumps.
        certain: whether folder or heading say that it is this evidence. Otherwise only a number under the name of a
            key can be compared with it.
        beside: whether the document lies in the folder of this evidence.
        around: every pair in the nearest folder that holds evidence, for metrics, which belong to no single step.
    """

    checks: tuple[Check, ...]
    logs: tuple[str, ...]
    certain: bool = True
    beside: bool = False
    around: tuple[Check, ...] = ()


def _folders(path: str) -> Iterator[str]:
    """The folder of a path, and those around it."""
    while slash := path.rfind("/") + 1:
        yield path[:slash]
        path = path[: slash - 1]
    yield ""


class Scopes:
    """The evidence of each section of a folder's documents."""

    def __init__(self, folder: Folder) -> None:
        checks: dict[str, list[Check]] = defaultdict(list)
        logs: dict[str, list[str]] = defaultdict(list)
        for check in folder.checks:
            paths = [path for path in (check.pair.reference, check.pair.port, check.log) if path is not None]
            for prefix in dict.fromkeys(prefix for path in paths for prefix in _folders(path)):
                checks[prefix].append(check)
        for path in folder.unpaired:
            for prefix in _folders(path) if path in folder.logs else ():
                logs[prefix].append(path)
        self._inside = {p: Scope(tuple(checks[p]), tuple(logs[p])) for p in [*checks, *logs]}
        self._steps: dict[tuple[str, int | None], Scope] = {}

    def of_section(self, number: int | None, document: str) -> Scope:
        """Evidence of a section.

        A README in the folder of a step, or beside dumps, speaks of what lies there. Other documents speak of the steps
        that their headings number, within the nearest folder around them that holds evidence.

        Args:
            number: of the section's heading.
            document: path in the folder; a bare name for one from elsewhere.
        """
        prefix = next((prefix for prefix in _folders(document) if prefix in self._inside), None)
        if prefix is None:
            return Scope((), (), certain=False)
        if (prefix, number) not in self._steps:
            self._steps[prefix, number] = self._of_step(prefix, number)
        return self._steps[prefix, number]

    def _of_step(self, prefix: str, number: int | None) -> Scope:
        inside = self._inside[prefix]
        beside = any(next(_folders(check.pair.port)) == prefix for check in inside.checks)
        if prefix and (beside or steps_of(prefix)):
            return replace(inside, beside=True, around=inside.checks)
        checks = tuple(check for check in inside.checks if number in check.steps)
        logs = tuple(path for path in inside.logs if number in steps_of(path))
        if checks or logs:
            return Scope(checks, logs, around=inside.checks)
        unnumbered = tuple(check for check in inside.checks if not check.steps)
        return Scope(unnumbered, (), certain=False, around=inside.checks)
