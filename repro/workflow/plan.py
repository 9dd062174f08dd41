"""The types of a plan, as the launcher writes it and as jobs and the Snakefile read it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from repro.config.paths import RunPaths
from repro.errors import InputError
from repro.results.base import Result
from repro.results.stamp import WORK
from repro.stages import TRAINS, task_name

PROGRAM = (sys.executable, "-m", "repro", "stage")


class Task(Result):
    """The smallest part that is finished or not.

    Attributes:
        kind: its stage.
        key: over all that its result depends on.
        outputs: glob patterns under the run directory; each must match when the task is done.
        optional: patterns of what it writes in some runs only.
        after: names of the tasks that must be finished before.
        part: which task of its stage and backend (``train``: ``pretrained-16-42``).
        cost: rough seconds on one core, for the order of jobs and the first estimate of the time left.
    """

    kind: str
    key: str
    outputs: tuple[str, ...]
    optional: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    backend: str = ""
    part: str = ""
    cost: float = 1.0

    @property
    def name(self) -> str:
        return task_name(self.kind, self.backend, self.part)


class Job(Result):
    """One process: several tasks of one stage with one framework.

    Attributes:
        after: unfinished tasks of other jobs that must be finished before.
    """

    kind: str
    backend: str
    tasks: tuple[str, ...]
    options: tuple[str, ...]
    after: tuple[str, ...]
    priority: int
    gpu: bool = False

    def command(self, program: Sequence[str], run: RunPaths) -> list[str]:
        """``repro stage capture --run DIR --backend paddle --only 1,2``."""
        backend = ["--backend", self.backend] if self.backend else []
        return [*program, self.kind, "--run", str(run.root), *backend, *self.options]


class Plan(Result):
    """The work of a run.

    Attributes:
        tasks: all of the profile, by name.
        finished: those to which nothing has to be done.
        damaged: those that were finished, and which file is not as they left it.
        jobs: the others, by name of the job.
        targets: the jobs that this launch is to do, and whatever they need.
        program: what every job calls, before the name of its stage.
        startup: framework -> seconds until a job of it begins its first task.
        devices: framework -> ``auto``, ``cpu`` or ``gpu``.
        gpus: framework -> GPUs of this machine, one a job; None where a batch system assigns them.
        remote: jobs run on other machines than the launcher's.
    """

    tasks: dict[str, Task]
    finished: frozenset[str]
    jobs: dict[str, Job]
    targets: tuple[str, ...]
    program: tuple[str, ...] = PROGRAM
    python: str = sys.executable
    startup: dict[str, float] = Field(default_factory=dict)
    devices: dict[str, str] = Field(default_factory=dict)
    threads: int = 1
    gpus: dict[str, tuple[str, ...]] | None = Field(default_factory=dict)
    damaged: dict[str, str] = Field(default_factory=dict)
    remote: bool = False

    def unfinished(self) -> list[str]:
        """Tasks of all targets."""
        return [task for name in self.targets for task in self.jobs[name].tasks]

    def gpus_of(self, job: Job) -> tuple[str, ...] | None:
        """GPUs of which the job gets one; empty where it uses none, None where a batch system assigns it."""
        if not job.gpu or self.devices.get(job.backend, "cpu") == "cpu":
            return ()
        return None if self.gpus is None else self.gpus.get(job.backend, ())

    def trainings(self) -> list[str]:
        """Names of the jobs that train."""
        return [name for name, job in self.jobs.items() if job.kind in TRAINS]


def plan_path(run: RunPaths) -> Path:
    return run.root / WORK / "plan.json"


def read_plan(run: RunPaths) -> Plan | None:
    """The plan of the run in progress; None where there is none.

    Raises:
        InputError: it is damaged, or of another version of this program.
    """
    try:
        return Plan.read(plan_path(run)) if plan_path(run).is_file() else None
    except InputError as error:
        what = "the plan of this run is damaged, or of another version of this program"
        next_step = f"repro all --out {run.root} writes it again"
        raise InputError(what, where=plan_path(run), next_step=next_step) from error
