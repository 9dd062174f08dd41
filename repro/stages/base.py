"""What every stage is called with."""

import importlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from repro.config.paths import RunPaths
from repro.config.profile import BackendName, Profile
from repro.errors import InputError
from repro.stages import task_name


@dataclass(frozen=True)
class Stage:
    """What a stage is called with.

    Attributes:
        only: parts to do, as ``part`` names them; all by default.
        mirror: address that stands in for the original hosts (stages that fetch).
        announce: called with the name of each task; the task's files are written inside the context, which writes the
            stamp. By default there is none: the stage is called outside a workflow.
    """

    name: str
    run: RunPaths
    profile: Profile
    backend: BackendName | None = None
    only: Sequence[str] | None = None
    mirror: str | None = None
    announce: Callable[[str], AbstractContextManager[object]] = nullcontext

    def parts(self, known: Sequence[str]) -> list[str]:
        """The parts to do, of all that the run has.

        Raises:
            InputError: one is asked for that the run does not have.
        """
        parts = list(known if self.only is None else self.only)
        if unknown := [part for part in parts if part not in known]:
            what = f"stage {self.name} of this run has no part {unknown[0]!r}"
            raise InputError(what, where=self.run.root, next_step=f"choose from: {', '.join(known) or 'none'}")
        return parts

    def task(self, part: str = "") -> AbstractContextManager[object]:
        """The context in which one task is done."""
        return self.announce(task_name(self.name, self.backend or "", part))

    @property
    def framework(self) -> BackendName:
        """The backend of a stage that needs one. Raises InputError without one."""
        if self.backend is None:
            raise InputError(f"stage {self.name} needs a framework", next_step="--backend pytorch or paddle")
        return self.backend


def run_stage(stage: Stage) -> None:
    """Do a stage by its name."""
    importlib.import_module(f"repro.stages.{stage.name.replace('-', '_')}").run(stage)
