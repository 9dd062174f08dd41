"""One capture that is to go wrong: a run directory of links into the clean run, but for what the fault changes."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repro.config.paths import RunPaths
from repro.config.profile import BACKENDS, Profile
from repro.config.profile_file import save_profile
from repro.results import CaptureProvenance
from repro.selftest.paths import SelftestPaths
from repro.selftest.prepare import profile_of


@dataclass(frozen=True)
class Case:
    """A run directory and the backend that goes wrong in it; ``clean`` is the run without a fault."""

    run: RunPaths
    clean: RunPaths
    profile: Profile
    backend: str

    def link(self, path: Path, target: Path | None = None) -> None:
        """Put a link to ``target`` in the place of a file or folder; by default to the one of the clean run.

        It is relative, so that it still works when the folder is moved.
        """
        target = target or self.clean.root / path.relative_to(self.run.root)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(os.path.relpath(target, path.parent))

    def link_step(self, step: int) -> None:
        """The clean run's dumps of a step, and what was written down about them."""
        path = self.run.capture(self.backend, step)
        self.link(path)
        for dtype in CaptureProvenance.read(path).dumps:
            self.link(self.run.dump(self.backend, step, dtype))

    def provenances(self) -> Iterator[tuple[int, CaptureProvenance]]:
        """What was written down about every step."""
        for step in self.profile.steps:
            yield step, CaptureProvenance.read(self.run.capture(self.backend, step))


def make_case(paths: SelftestPaths, name: str, backend: str) -> Case:
    """The directory for a fault, after ``capture_clean`` of seed 0: everything in place but the backend's dumps."""
    case = Case(paths.fault(name, backend), paths.clean(0), profile_of(0), backend)
    run, clean = case.run, case.clean
    shutil.rmtree(run.root, ignore_errors=True)
    case.link(run.inputs)
    case.link(run.root / "checkpoint")
    for split in case.profile.splits():  # file by file: a fault may write features of its own
        case.link(run.features(backend, split))
    for other in set(BACKENDS) - {backend}:
        for path in (clean.features(other, "dev").parent, clean.dump(other, 1).parent, clean.precision(other)):
            case.link(run.root / path.relative_to(clean.root))
    save_profile(run, case.profile)
    return case
