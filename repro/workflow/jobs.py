"""From tasks that are not finished to jobs: one process does several tasks of one stage with one framework.

Loading a framework costs seconds, so features and steps share one process a framework, and trainings are grouped so
that large groups start first and single trainings fill the end evenly.
"""

from collections.abc import Collection
from math import inf

from repro.config.paths import RunPaths
from repro.config.profile import Profile
from repro.workflow.completion import is_finished
from repro.workflow.plan import Job, Plan, Task
from repro.workflow.tasks import TRAINING, TaskList

PRIORITY = {
    "inputs": 90,
    "convert": 80,
    "selftest-prepare": 75,
    "features": 70,
    "capture": 60,
    "measure": 50,
    "selftest-capture": 50,  # long, and two at a time: before the trainings, which fill the end evenly
    "train": 10,  # plus a number that is larger the earlier the group is formed
    "reprod-log": 6,
    "compare": 5,
    "audit": 5,
    "selftest-compare": 5,
    "report": 1,
}
SELFTEST = ("selftest-prepare", "selftest-capture", "selftest-compare")
USES_GPU = ("capture", "measure", "train")
CHEAP = ("compare", "reprod-log", "audit", "selftest-compare", "report")
MIRRORED = ("inputs", "audit")  # what may download
ALONE = inf  # workers, where every training is a job of its own: on a cluster it may lose its machine at any time
STARTUP = {"pytorch": 4.5, "paddle": 3.0}  # seconds on one core to load a framework
WORTH_LOADING = 3  # a group of trainings takes at least so many times what loading its framework takes


def group_trainings(tasks: list[Task], workers: float) -> list[list[Task]]:
    """Guided self-scheduling: each group takes about ``1 / (2 workers)`` of the work that is left.

    Paddle first (its steps take longer), longest trainings first; a group holds one framework. While there is work
    for all workers, groups stay several times longer than it takes to load the framework. With ``ALONE`` there is one
    training a group.
    """
    queue = sorted(tasks, key=lambda task: (task.backend != "paddle", -task.cost))
    left = sum(task.cost for task in queue)
    groups: list[list[Task]] = []
    while queue:
        backend = queue[0].backend
        share = max(left / (2 * workers), min(WORTH_LOADING * STARTUP[backend], left / workers))
        group = [queue.pop(0)]
        cost = group[0].cost
        while queue and queue[0].backend == backend and cost + queue[0].cost / 2 <= share:
            group.append(queue.pop(0))
            cost += group[-1].cost
        left -= cost
        groups.append(group)
    return groups


def _unfinished(run: RunPaths, tasks: dict[str, Task]) -> list[Task]:
    """Tasks to do. What is cheap is also redone when something under it is."""
    stale: dict[str, Task] = {}
    for name, task in tasks.items():
        if (task.kind in CHEAP and not stale.keys().isdisjoint(task.after)) or not is_finished(run, name, task.key):
            stale[name] = task
    return list(stale.values())


def make_plan(
    run: RunPaths,
    profile: Profile,
    *,
    workers: float,
    stages: Collection[str] = tuple(PRIORITY),
    mirror: str | None = None,
) -> Plan:
    """Compare the profile's tasks with the completion stamps and group the unfinished ones into jobs.

    Args:
        workers: jobs at a time.
        stages: those whose jobs are the targets.
        mirror: address that stands in for the original hosts.
    """
    tasks = TaskList(run, profile).tasks
    unfinished = _unfinished(run, tasks)
    groups: dict[str, list[Task]] = {}
    trainings = group_trainings([task for task in unfinished if task.kind == "train"], workers)
    for number, group in enumerate(trainings, 1):
        groups[f"train-{group[0].backend}-{number:02d}"] = group
    for task in unfinished:
        if task.kind != "train":
            # trainings are compared apart from dumps, which are there long before
            last = "trainings" if task.kind == "compare" and task.part == str(TRAINING) else task.backend
            groups.setdefault("-".join(filter(None, [task.kind, last])), []).append(task)
    waiting = {task.name for task in unfinished}
    jobs = {}
    for number, (name, group) in enumerate(groups.items()):
        first, members = group[0], tuple(task.name for task in group)
        options = ["--only", ",".join(task.part for task in group)] if first.part else []
        options += ["--mirror", mirror] if mirror and first.kind in MIRRORED else []
        earlier = max(0, len(trainings) - number) if first.kind == "train" else int(first.backend == "paddle")
        jobs[name] = Job(
            kind=first.kind,
            backend=first.backend,
            tasks=members,
            options=tuple(options),
            after=tuple(sorted({name for task in group for name in task.after if name in waiting} - {*members})),
            priority=PRIORITY[first.kind] + earlier,
            gpu=first.kind in USES_GPU,
        )
    return Plan(
        tasks=tasks,
        finished=frozenset(tasks) - waiting,
        jobs=jobs,
        targets=tuple(name for name, job in jobs.items() if job.kind in stages),
        device=profile.device,
        threads=profile.threads,
    )
