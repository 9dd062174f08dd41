"""Which evidence a section of a document is about."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

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

    def __bool__(self) -> bool:
        return bool(self.checks or self.logs)


def _below(prefix: str, paths: Iterable[str | None]) -> bool:
    return any(path is not None and path.startswith(prefix) for path in paths)


def _inside(folder: Folder, prefix: str) -> Scope:
    checks = [c for c in folder.checks if _below(prefix, (c.pair.reference, c.pair.port, c.log))]
    return Scope(
        tuple(checks), tuple(path for path in folder.unpaired if path in folder.logs and _below(prefix, [path]))
    )


def _folders(document: str) -> Iterator[str]:
    """The document's folder, and those around it."""
    for parent in PurePosixPath(document).parents:
        yield "" if str(parent) == "." else f"{parent}/"


def section_scope(folder: Folder, number: int | None, document: str) -> Scope:
    """Evidence of a section.

    A README in the folder of a step, or beside dumps, speaks of what lies there. Other documents speak of the steps
    that their headings number, within the nearest folder around them that holds evidence.

    Args:
        number: of the section's heading.
        document: path in the folder; a bare name for one from elsewhere.
    """
    for prefix in _folders(document):
        if not (inside := _inside(folder, prefix)):
            continue
        beside = any(str(PurePosixPath(check.pair.port).parent) + "/" == prefix for check in inside.checks)
        if prefix and (beside or steps_of(prefix)):
            return replace(inside, beside=True, around=inside.checks)
        checks = tuple(check for check in inside.checks if number in check.steps)
        logs = tuple(path for path in inside.logs if number in steps_of(path))
        if checks or logs:
            return Scope(checks, logs, around=inside.checks)
        unnumbered = tuple(check for check in inside.checks if not check.steps)
        return Scope(unnumbered, (), certain=False, around=inside.checks)
    return Scope((), (), certain=False)
