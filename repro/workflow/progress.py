"""What the user sees of a run: a bar on a terminal, flat lines in a log, both with the time left."""

import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from time import monotonic
from typing import Any, NamedTuple, TextIO

from tqdm import tqdm

from repro.config.paths import RunPaths
from repro.progress import clock
from repro.stages import TRAINS
from repro.workflow.completion import Event, all_events, durations, parse_events
from repro.workflow.jobs import FORK
from repro.workflow.plan import Plan, Task

HEARTBEAT_SECONDS = 30.0
BAR_COLUMNS = 60
SHOWN = 4  # tasks at work, where a batch system may have hundreds
QUIET_SECONDS = 1.0  # of tasks that take less, only the last one of a job has a line


def label(task: Task) -> str:
    """``train paddle 1024-43``, ``capture paddle step 3``, ``features pytorch dev``."""
    part = task.part.removeprefix("pretrained-").replace("random-", "random ")
    if task.kind in ("capture", "compare"):
        part = f"step {part}"
    return " ".join(filter(None, [task.kind, task.backend, part]))


def in_words(seconds: float) -> str:
    """``0.4 s``, ``41 s``, from two minutes on ``3:20``."""
    if seconds >= 120:
        return clock(seconds)
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def _groups(task: Task) -> tuple[tuple[str, ...], ...]:
    """Groups of tasks whose times grow together with model and data; those of the first take about the same time."""
    kind, part = task.kind, task.part
    if kind in TRAINS:
        kind, part = "train", part.split("-")[-2]  # number of examples
    elif kind == "selftest-capture":
        part = ""
    similar = "capture" if kind == "measure" else kind
    return (kind, task.backend, part), (similar, task.backend), (similar,)


def _shows_bars(out: TextIO) -> bool:
    """Whether ``out`` is a terminal whose width is known; without it a bar would be empty."""
    try:
        return out.isatty() and os.get_terminal_size(out.fileno()).columns >= BAR_COLUMNS
    except OSError:
        return True


class AtWork(NamedTuple):
    """Seconds since the start of a task, and those that it will go on for at the least."""

    elapsed: float
    left: float = 0.0


class Estimate:
    """Seconds that unfinished tasks will take, from those that are finished."""

    def __init__(self, tasks: dict[str, Task], finished: dict[str, float]) -> None:
        self.tasks = tasks
        self._ratios: defaultdict[tuple[str, ...], list[tuple[float, float]]] = defaultdict(list)
        for name, seconds in finished.items():
            if name in tasks:
                self.add(name, seconds)

    def add(self, name: str, seconds: float) -> None:
        """Learn from a finished task."""
        for group in _groups(self.tasks[name]):
            self._ratios[group].append((seconds, self.tasks[name].cost))

    def seconds(self, task: Task) -> float:
        """Rough cost, scaled as tasks of the closest group turned out that has finished ones."""
        for group in _groups(task):
            if ratios := self._ratios.get(group):
                return task.cost * sum(s for s, _ in ratios) / sum(c for _, c in ratios)
        return task.cost

    def left(self, waiting: list[Task], running: dict[str, AtWork], workers: int, startup: float = 0.0) -> float:
        """Seconds until all is done.

        What takes longer than expected shows already while it runs how long tasks like it will take.

        Args:
            running: tasks at work.
            startup: seconds in which jobs to come will load their framework.
        """
        rest, longer = [], Estimate(self.tasks, {})
        longer._ratios = defaultdict(list, {group: list(ratios) for group, ratios in self._ratios.items()})
        for name, (elapsed, least) in running.items():
            expected = self.seconds(self.tasks[name])
            if elapsed + least > expected:
                longer.add(name, elapsed + least)
            rest.append(max(expected - elapsed, least))
        total = startup + sum(rest) + sum(longer.seconds(task) for task in waiting)
        return max([total / workers, *rest])


class Progress:
    """Follows the events of a run. ``poll`` as often as you like; ``close`` at the end.

    Args:
        workers: jobs at a time; 0: as many as are at work, since a batch system decides.
    """

    def __init__(self, run: RunPaths, plan: Plan, workers: int, stream: TextIO | None = None) -> None:
        self.run, self.workers = run, workers
        self.out = stream or sys.stderr
        scope = plan.finished.union(plan.unfinished())
        self.tasks = {name: task for name, task in plan.tasks.items() if name in scope}
        self._startup, self._under_way = plan.startup, set(plan.targets)
        self._jobs = [plan.jobs[name] for name in plan.targets]
        self.done = set(plan.finished)
        self.failed: list[Event] = []
        self._estimate = Estimate(self.tasks, durations(run))
        self._running: dict[str, float] = {}  # task -> when it began
        self._ends: dict[str, float] = {}  # task -> when its present part will end, by what it said last
        self._muted = False
        self._begin = self._last = monotonic()
        self._offsets = {path: path.stat().st_size for path in all_events(run)}
        self._bar: tqdm[Any] | None = None
        if _shows_bars(self.out):
            form = "{percentage:3.0f}%|{bar:24}| {n_fmt} of {total_fmt}{postfix}"
            self._bar = tqdm(total=len(self.tasks), initial=len(self.done), file=self.out, bar_format=form)
        if plan.finished:
            self._say(f"{len(plan.finished)} of {len(self.tasks)} tasks are finished already")
        for name, why in list(plan.damaged.items())[:SHOWN]:
            self._say(f"{name} is done again: {why}")
        if len(plan.damaged) > SHOWN:
            self._say(f"so are {len(plan.damaged) - SHOWN} more tasks, with files that are not as they were")

    def _events(self) -> Iterator[Event]:
        for path in all_events(self.run):
            with path.open("rb") as file:
                file.seek(self._offsets.setdefault(path, 0))
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._offsets[path] += len(line)
                    yield from parse_events([line], path.name)

    def poll(self) -> None:
        """Show what has happened since the last call."""
        for event in self._events():
            if event.event == "start":
                self._running[event.name] = monotonic()
            elif event.event == "at":
                self._ends[event.name] = monotonic() + event.left
            elif event.event == "done":
                self._finish(event.name, event.seconds)
            elif event.event == "failed":
                self._fail(event)
            elif event.event == "end":
                self._under_way.discard(event.name)
        now = monotonic()
        if self._bar is not None:
            finished = len(self.done) == len(self.tasks)
            self._bar.set_postfix_str(self._times() + ("" if finished else f"; {self._running_now()}"), refresh=False)
            self._bar.refresh()
        elif now - self._last > HEARTBEAT_SECONDS and self._running:
            self._line(f"at work: {self._running_now()}")

    def _finish(self, name: str, seconds: float) -> None:
        self._running.pop(name, None)
        if name not in self.tasks or name in self.done:
            return
        self.done.add(name)
        self._estimate.add(name, seconds)
        if self._bar is not None:
            self._bar.update(1)
        elif seconds >= QUIET_SECONDS or all(
            self.done.issuperset(job.tasks) for job in self._jobs if name in job.tasks
        ):
            self._line(f"{label(self.tasks[name])} done in {in_words(seconds)}")

    def complete(self) -> bool:
        """Whether every job of this machine has ended and every task is done."""
        return bool(self.workers) and not self._under_way and self.done.issuperset(self.tasks)

    def mute(self) -> None:
        """From now on a job that ends has been stopped, and has not failed."""
        self._muted = True

    def _fail(self, event: Event) -> None:
        if self._muted:
            return
        self.failed.append(event)
        title = f"FAILED {event.name}: {event.outcome}. Last lines of {self.run.root / event.log}:"
        self._say("\n    ".join([title, *event.tail]))

    def _running_now(self) -> str:
        names = [label(self.tasks[name]) for name in self._running if name in self.tasks]
        if not self.workers and len(names) > SHOWN:
            names = [*names[:SHOWN], f"{len(names) - SHOWN} more"]
        return ", ".join(names[: (self.workers or SHOWN) + 1]) or "starting"

    def _times(self) -> str:
        now = monotonic()
        begun = self.done | set(self._running)
        waiting = [task for name, task in self.tasks.items() if name not in begun]
        running = {
            name: AtWork(now - start, max(0.0, self._ends.get(name, now) - now))
            for name, start in self._running.items()
            if name in self.tasks
        }
        coming = [job for job in self._jobs if begun.isdisjoint(job.tasks)]
        startup = sum(self._startup.get(job.backend, FORK) for job in coming)
        left = self._estimate.left(waiting, running, self.workers or max(1, len(running)), startup)
        return f"{clock(now - self._begin)} so far, about {clock(left)} left"

    def _line(self, text: str) -> None:
        width = len(str(len(self.tasks)))
        self._last = monotonic()
        self._say(f"[{len(self.done):{width}d} of {len(self.tasks)}] {text} — {self._times()}")

    def _say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.write(text, file=self.out)
        else:
            print(text, file=self.out, flush=True)

    def close(self) -> None:
        """Take in the last events and free the terminal's line."""
        self.poll()
        if self._bar is not None:
            self._bar.close()
