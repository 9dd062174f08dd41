"""When each job and task of a run was at work, when cores were idle, what had to wait for what: from its events."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from repro.config.paths import RunPaths
from repro.errors import InputError
from repro.workflow.completion import Event, read_events
from repro.workflow.plan import Task, read_plan

OPENING = "load"  # what a job does before its first task: start Python, import a framework


@dataclass
class Work:
    """A task at work, or the start of its job (``OPENING``): seconds since the run began, and of CPU time."""

    name: str
    kind: str
    start: float
    end: float
    cpu: float = 0.0

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass
class JobTime:
    """A job from the start of its process to its end, with what it did, in order; ``lane`` numbers the worker."""

    name: str
    start: float
    end: float
    work: list[Work] = field(default_factory=list)
    lane: int = 0

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass
class Timeline:
    """A run: its jobs in the order in which they began.

    Attributes:
        workers: jobs at a time.
        loading: what preloaded processes did beside the workers, before the first job of their framework.
        seconds: from the first event to the last.
        chain: the critical path, tasks that waited for each other's results and together took longest.
    """

    workers: int
    seconds: float
    jobs: list[JobTime]
    chain: list[Work]
    loading: list[JobTime] = field(default_factory=list)

    def work(self) -> list[Work]:
        """All tasks and starts of jobs."""
        return [work for job in self.jobs for work in job.work]

    def share(self, seconds: float) -> float:
        """Of the time of all workers together, in percent."""
        return 100 * seconds / (self.workers * self.seconds) if self.seconds else 0.0

    def busy(self) -> float:
        """Percent of the workers' time in which they had a job."""
        return self.share(sum(job.seconds for job in self.jobs))

    def idle(self) -> list[tuple[int, float, float]]:
        """(worker, start, end) of the times without a job, longest first."""
        gaps = []
        for lane in range(self.workers):
            free = 0.0
            for job in [*(job for job in self.jobs if job.lane == lane), JobTime("", self.seconds, self.seconds)]:
                gaps.append((lane, free, job.start))
                free = job.end
        return sorted((gap for gap in gaps if gap[2] > gap[1]), key=lambda gap: gap[1] - gap[2])

    def by_stage(self) -> dict[str, tuple[int, float, float]]:
        """Stage (``OPENING``: starting jobs) -> (how many, seconds, CPU seconds), most CPU time first."""
        totals: dict[str, tuple[int, float, float]] = defaultdict(lambda: (0, 0.0, 0.0))
        for work in [*self.work(), *(work for job in self.loading for work in job.work)]:
            count, seconds, cpu = totals[work.kind]
            totals[work.kind] = count + 1, seconds + work.seconds, cpu + work.cpu
        return dict(sorted(totals.items(), key=lambda item: -item[1][2]))


def read_timeline(run: RunPaths) -> Timeline:
    """The timeline of the last launch that had something to do, even while it is under way.

    Raises:
        InputError: this is no run, or none with events of this version.
    """
    try:
        plan, events = read_plan(run), read_events(run)
    except InputError as error:
        next_step = f"remove this file; repro all --out {run.root} writes it again"
        raise InputError(error.what, where=run.root, next_step=next_step) from error
    if plan is None or not events or not any(event.tasks for event in events):
        raise InputError("this run has no events of jobs", where=run.root, next_step="repro all --out DIR")
    return timeline(events, plan.tasks)


def timeline(events: list[Event], tasks: Mapping[str, Task]) -> Timeline:
    """The timeline of events in order of time; ``tasks`` say what each needed."""
    begin, seconds = events[0].time, events[-1].time - events[0].time
    jobs: dict[str, JobTime] = {}
    owner: dict[str, JobTime] = {}
    used: dict[str, float] = defaultdict(float)  # job -> CPU seconds so far
    running: dict[str, Work] = {}
    loading: list[JobTime] = []
    workers = 0
    for event in events:
        now, name = event.time - begin, event.name
        if event.event == "begin" and not name:
            workers = event.workers
        elif event.event == "begin":
            jobs[name] = JobTime(name, now, seconds)
            owner |= dict.fromkeys(event.tasks, jobs[name])
        elif event.event == "loaded":
            work = Work(name, OPENING, max(0.0, now - event.seconds), now, event.cpu)
            loading.append(JobTime(f"{OPENING} {name}", work.start, now, [work]))
        elif event.event == "end" and name in jobs:
            jobs[name].end = now
        elif name in owner:
            job = owner[name]
            if event.event == "start":
                if not job.work:
                    job.work.append(Work(job.name, OPENING, job.start, now, event.cpu))
                used[job.name] = event.cpu
                running[name] = Work(name, tasks[name].kind if name in tasks else name, now, job.end)
                job.work.append(running[name])
            elif event.event == "done" and name in running:
                work = running.pop(name)
                work.end, work.cpu = now, event.cpu - used[job.name]
    for job in jobs.values():
        for work in job.work:
            work.end = min(work.end, job.end)  # a task that failed or is still at work
    ordered = sorted(jobs.values(), key=lambda job: job.start)
    return Timeline(max(workers, _assign(ordered)), seconds, ordered, critical_path(ordered, tasks), loading)


def _assign(jobs: list[JobTime]) -> int:
    """Give each job the first worker that is free; returns how many there are."""
    free: list[float] = []
    for job in jobs:
        job.lane = next((lane for lane, end in enumerate(free) if end <= job.start), len(free))
        free[job.lane : job.lane + 1] = [job.end]
    return len(free)


def critical_path(jobs: list[JobTime], tasks: Mapping[str, Task]) -> list[Work]:
    """The longest chain of tasks each of which reads a result of the one before: no number of cores makes it shorter.

    A job's start counts with its tasks. Tasks that were finished before this launch take no time.
    """
    opening = {work.name: job.work[0] for job in jobs for work in job.work[1:]}
    at_work = sorted((work for job in jobs for work in job.work[1:]), key=lambda work: work.start)
    length: dict[str, float] = {}
    before: dict[str, str] = {}
    chains: dict[str, list[Work]] = {}
    for work in at_work:
        name = work.name
        needed = [other for other in (tasks[name].after if name in tasks else ()) if other in length]
        if needed:
            before[name] = max(needed, key=length.__getitem__)
        chain = chains.get(before.get(name, ""), [])
        works = [work] if opening[name] in chain else [opening[name], work]
        chains[name] = [*chain, *works]
        length[name] = sum(part.seconds for part in chains[name])
    return chains[max(length, key=length.__getitem__)] if length else []
