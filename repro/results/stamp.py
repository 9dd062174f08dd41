"""Completion stamps: what a task leaves when its files are in place, so that whoever reads them knows them again.

A file is as the task left it if its content is. Whether that may have changed, the kernel says: size, time of the last
change and time of the last change of its entry, which no program can set back. Only a file with another one of these is
read again, as one of a copied folder is.
"""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

from repro.config.paths import RunPaths, sha256_file
from repro.errors import InputError
from repro.results.base import Result

WORK = ".work"  # folder of a run: what the workflow keeps


class FileState(NamedTuple):
    """A file as a task left it.

    Attributes:
        size: bytes.
        modified: time of the last change of its content in nanoseconds, which ``cp -p`` and ``touch`` set.
        changed: that of its content, name or permissions, which only the kernel sets.
        sha256: empty in stamps of older versions, which know size and time only.
    """

    size: int
    modified: int
    changed: int = 0
    sha256: str = ""

    @classmethod
    def of(cls, path: Path, sha256: str = "") -> Self:
        """The state of a file, whose content is read only where its hash is not known.

        Raises:
            OSError: there is no such file.
        """
        state = path.stat()
        return cls(state.st_size, state.st_mtime_ns, state.st_ctime_ns, sha256 or sha256_file(path))

    def now(self, path: Path, *, thorough: bool = False) -> Self | None:
        """The state of the same content at ``path``; None where it is another one or missing.

        Args:
            thorough: read the file even if nothing has touched it, as a disk that loses bits does not.
        """
        try:
            state = self.of(path, self.sha256 or "unknown")
            if not self.sha256:
                return self if state[:2] == self[:2] else None
            if state.size != self.size or ((thorough or state != self) and sha256_file(path) != self.sha256):
                return None
        except OSError:
            return None
        return state


class Stamp(Result):
    """What a finished task leaves: its key, how long it took, and the state of its files by path in the run."""

    key: str
    seconds: float
    files: dict[str, FileState]

    def now(self, run: RunPaths, *, thorough: bool = False) -> tuple[Self, list[str]]:
        """The stamp with the files as they are now, and those of them that are not as the task left them."""
        files = {file: state.now(run.root / file, thorough=thorough) for file, state in self.files.items()}
        same = {file: state for file, state in files.items() if state is not None}
        return self.replace(files=same), [file for file in files if file not in same]


def stamp_path(run: RunPaths, task: str) -> Path:
    return run.root / WORK / "stamps" / f"{task}.json"


def profile_stamp(run: RunPaths) -> Path:
    """The stamp of the run's profile, which no task writes but the launcher."""
    return run.root / WORK / "profile.json"


def states(run: RunPaths, files: Iterable[Path]) -> dict[str, FileState]:
    """Files of a run by path in it."""
    return {str(path.relative_to(run.root)): FileState.of(path) for path in files}


def all_stamps(run: RunPaths) -> Iterator[tuple[str, Stamp]]:
    """Every task that has a stamp, and this; those of another version are left out."""
    for path in stamp_path(run, "*").parent.glob("*.json"):
        with contextlib.suppress(InputError):
            yield path.stem, Stamp.read(path)


def altered(run: RunPaths) -> frozenset[str]:
    """Files of the run that are not as the task left them that wrote them."""
    return frozenset(file for _, stamp in all_stamps(run) for file in stamp.now(run)[1])


def is_profile_altered(run: RunPaths) -> bool:
    """Whether the profile is not as the launcher wrote it."""
    try:
        return bool(Stamp.read(profile_stamp(run)).now(run)[1])
    except InputError:  # none: this run is one of another version, or was not set up by the launcher
        return False
