"""From tasks that are not finished to jobs: one process does several tasks of one stage with one framework.

Where no process holds the framework already, loading it costs seconds: features and steps share a process, and
trainings are grouped so that large groups start first and single trainings fill the end evenly.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from math import inf

from repro.config.paths import RunPaths
from repro.config.profile import Profile
from repro.stages import TRAINS
from repro.stages.selftest_capture import group_of
from repro.workflow.completion import unfinished_because
from repro.workflow.plan import Job, Plan, Task
from repro.workflow.tasks import TRAINING, TaskList

# Which jobs start first where several could: whatever others wait for, then long ones. The trainings, of which there
# are many, come last and fill the end evenly.
ORDER = (
    *("inputs", "convert", "selftest-prepare", "features", "capture", "measure", "compare", "reprod-log", "audit"),
    *("selftest-capture", "selftest-compare", "selftest-conclude"),
    *("train", "deviations-train", "deviations-compare", "report"),
)
LEVEL = 10**6  # twice as many as there are jobs of a stage at the most; the first ones of a stage start first
PRIORITY = {stage: LEVEL * (len(ORDER) - number) for number, stage in enumerate(ORDER)}
SELFTEST = ("selftest-prepare", "selftest-capture", "selftest-compare", "selftest-conclude")
DEVIATIONS = ("deviations-train", "deviations-compare")
USES_GPU = ("capture", "measure", *TRAINS)
CHEAP = ("compare", "reprod-log", "audit", "selftest-compare", "selftest-conclude", "deviations-compare", "report")
MIRRORED = ("inputs", "audit")  # what may download
ALONE = inf  # workers, where every training is a job of its own: on a cluster it may lose its machine at any time
STARTUP = {"pytorch": 3.2, "paddle": 1.6}  # seconds on one core to load a framework
FORK = 0.5  # seconds to start a job where a process holds the framework already
SPLIT: dict[str, Callable[[str], str]] = {  # stages of several jobs a framework: part of a task -> which job
    # step 8 trains, for minutes at BERT-base size, and nothing but its comparison waits for it
    "capture": lambda part: part if part == "8" else "",
    "selftest-capture": group_of,
    "selftest-compare": str,
}
WORTH_LOADING = 3  # a group of trainings takes at least so many times what its start takes


def group_trainings(tasks: list[Task], workers: float, startup: Mapping[str, float] = STARTUP) -> list[list[Task]]:
    """Guided self-scheduling: each group takes about ``1 / (2 workers)`` of the work that is left.

    Paddle first (its steps take longer), longest trainings first; a group holds one framework. While there is work
    for all workers, groups stay several times longer than the start of a job (``startup``, seconds by framework). With
    ``ALONE`` there is one training a group.
    """
    queue = sorted(tasks, key=lambda task: (task.backend != "paddle", -task.cost))
    left = sum(task.cost for task in queue)
    groups: list[list[Task]] = []
    while queue:
        backend = queue[0].backend
        share = max(left / (2 * workers), min(WORTH_LOADING * startup[backend], left / workers))
        group = [queue.pop(0)]
        cost = group[0].cost
        while queue and queue[0].backend == backend and cost + queue[0].cost / 2 <= share:
            group.append(queue.pop(0))
            cost += group[-1].cost
        left -= cost
        groups.append(group)
    return groups


def _unfinished(run: RunPaths, tasks: dict[str, Task], *, thorough: bool) -> dict[str, str]:
    """Tasks to do, and which file of them is damaged. What is cheap is also redone when something under it is."""
    stale: dict[str, str] = {}
    for name, task in tasks.items():
        why = unfinished_because(run, name, task.key, thorough=thorough)
        if why is None and task.kind in CHEAP and not stale.keys().isdisjoint(task.after):
            why = ""
        if why is not None:
            stale[name] = why
    return stale


def _needed(tasks: dict[str, Task], stages: Collection[str]) -> set[str]:
    """The tasks of these stages, and all that have to be finished before."""
    needed: set[str] = set()
    for name, task in reversed(tasks.items()):  # each stands behind those before it
        if task.kind in stages or name in needed:
            needed |= {name, *task.after}
    return needed


def make_plan(
    run: RunPaths,
    profile: Profile,
    *,
    workers: float,
    stages: Collection[str] = tuple(PRIORITY),
    mirror: str | None = None,
    preloaded: Collection[str] = (),
    thorough: bool = False,
) -> Plan:
    """Compare the profile's tasks with the completion stamps and group the unfinished ones into jobs.

    Args:
        workers: jobs at a time.
        stages: those whose jobs are the targets, with whatever they need.
        mirror: address that stands in for the original hosts.
        preloaded: frameworks that a process holds already.
        thorough: read every file of what is finished.
    """
    tasks = TaskList(run, profile).tasks
    stale = _unfinished(run, tasks, thorough=thorough)
    unfinished = [tasks[name] for name in stale]
    needed = _needed(tasks, stages)
    groups: dict[str, list[Task]] = {}
    startup = {backend: FORK if backend in preloaded else seconds for backend, seconds in STARTUP.items()}
    for kind in TRAINS:
        of_kind = [task for task in unfinished if task.kind == kind]
        parts = [[task for task in of_kind if (task.name in needed) == wanted] for wanted in (True, False)]
        for number, group in enumerate(
            (group for part in parts for group in group_trainings(part, workers, startup)), 1
        ):
            groups[f"{kind}-{group[0].backend}-{number:02d}"] = group
    for task in unfinished:
        if task.kind not in TRAINS:
            # trainings are compared apart from dumps, which are there long before
            last = "trainings" if task.kind == "compare" and task.part == str(TRAINING) else task.backend
            part = SPLIT[task.kind](task.part) if task.kind in SPLIT else ""
            groups.setdefault("-".join(filter(None, [task.kind, last, part])), []).append(task)
    waiting = stale.keys()
    jobs, formed = {}, Counter[tuple[str, str]]()
    for name, group in groups.items():
        first, members = group[0], tuple(task.name for task in group)
        options = ["--only", ",".join(task.part for task in group)] if first.part else []
        options += ["--exit-zero"] if first.kind == "report" else []  # what it says is no failure of the job
        options += ["--mirror", mirror] if mirror and first.kind in MIRRORED else []
        stage = (first.kind, "" if first.kind in TRAINS else first.backend)
        jobs[name] = Job(
            kind=first.kind,
            backend=first.backend,
            tasks=members,
            options=tuple(options),
            after=tuple(sorted({name for task in group for name in task.after if name in waiting} - {*members})),
            # Paddle's, which take longer, before PyTorch's
            priority=PRIORITY[first.kind] - 2 * formed[stage] + int(first.backend == "paddle"),
            gpu=first.kind in USES_GPU,
        )
        formed[stage] += 1
    return Plan(
        tasks=tasks,
        finished=frozenset(tasks) - waiting,
        damaged={name: why for name, why in stale.items() if why},
        jobs=jobs,
        targets=tuple(name for name, job in jobs.items() if not needed.isdisjoint(job.tasks)),
        startup=startup,
        devices=dict(profile.devices),
        threads=profile.threads,
    )
