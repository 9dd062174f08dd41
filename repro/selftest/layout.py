"""Where the self-test keeps what, and under which key it counts as finished.

``clean/{seed}/`` are whole runs. ``faults/{backend}/{name}/`` is one where that backend's capture went wrong; all else
in it is a link into ``clean/0``. ``captured-{backend}.json`` says that dumps were finished, ``result.json`` what
their comparison came to. Dumps are removed once they are judged, but for those of ``clean/0``.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro.installed import installed_versions
from repro.paths import CHECKPOINTS, RunPaths, atomic_json, read_json, sha256_file
from repro.profile import BACKENDS, load_profile
from repro.steps.provenance import digest, source_fingerprint

PROFILE = Path(__file__).with_name("profile.yaml")
VOCABULARY = CHECKPOINTS / "mini" / "vocab.txt"
CLEAN = 10
SOURCES = (
    *("backends", "checkpoint", "claims", "data", "dumps", "numerics", "selftest", "steps"),
    *("profile.py", "protocol.py"),
)


@dataclass(frozen=True)
class SelftestPaths:
    """Layout of one self-test."""

    root: Path

    def clean(self, seed: int) -> RunPaths:
        return RunPaths(self.root / "clean" / str(seed))

    def fault(self, name: str, backend: str) -> RunPaths:
        return RunPaths(self.root / "faults" / backend / name)

    def captured(self, backend: str) -> Path:
        """What ``capture_all`` writes last."""
        return self.root / f"captured-{backend}.json"

    @property
    def json(self) -> Path:
        return self.root / "selftest.json"

    @property
    def markdown(self) -> Path:
        return self.root / "selftest.md"


def receipt(run: RunPaths, backend: str) -> Path:
    """What the capture of a run with one backend leaves when it is finished."""
    return run.root / f"captured-{backend}.json"


def result(run: RunPaths) -> Path:
    """What the comparison of a run came to."""
    return run.root / "result.json"


@functools.cache
def key() -> str:
    """Everything that captures and comparisons depend on: sources, profile, vocabulary, library versions."""
    profile = load_profile(str(PROFILE)).model_dump(mode="json")
    versions = [installed_versions(backend) for backend in BACKENDS]
    return digest([source_fingerprint(SOURCES), profile, sha256_file(VOCABULARY), versions])


def is_finished(path: Path) -> bool:
    """Whether a receipt or result was written under the present key."""
    return path.is_file() and bool(read_json(path)["key"] == key())


def finish(path: Path, **content: Any) -> None:
    """Write a receipt or result."""
    atomic_json(path, {"key": key(), **content})


@contextlib.contextmanager
def alone(run: RunPaths) -> Iterator[None]:
    """Wait until no other process is at what both frameworks share of a run; the kernel frees the lock."""
    run.root.mkdir(parents=True, exist_ok=True)
    with (run.root / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_captured(run: RunPaths, backend: str) -> bool:
    """Whether a capture need not be done again: its dumps are there, or have been judged already."""
    done = is_finished(receipt(run, backend))
    return done and (run.dump(backend, 1).is_file() or is_finished(result(run)))
