"""Completion stamps: what says that a task is finished, written by the stage itself when its files are in place.

A stamp (``RUN/.work/stamps/<task>.json``) counts only for the same key and while every file is as the task left it.
Snakemake's outputs are the stamps and not the results: it removes outputs before a job starts and after it failed,
which would throw away the finished tasks of a job that does many (trainings, steps).
"""

import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from repro.config.paths import RunPaths
from repro.errors import InputError
from repro.progress import listening
from repro.results.base import Result
from repro.results.stamp import WORK, FileState, Stamp, all_stamps, stamp_path, states
from repro.workflow.plan import Task, read_plan

HOST = "REPRO_HOST"  # in the environment of jobs on other machines than the launcher's
Kind = Literal["begin", "start", "at", "done", "failed", "end", "loaded"]


def _stamp(run: RunPaths, name: str, key: str) -> Stamp | None:
    """What the task left when it was finished under this key; None where it was not."""
    try:
        stamp = Stamp.read(stamp_path(run, name))
    except InputError:  # none, or one of another version
        return None
    return stamp if stamp.key == key else None


def unfinished_because(run: RunPaths, name: str, key: str, *, thorough: bool = False) -> str | None:
    """None where the task was finished under this key and its files are as it left them.

    Else which of its files is not, or nothing where it was not finished.

    Args:
        thorough: read every file, whatever the kernel says about it.
    """
    stamp = _stamp(run, name, key)
    if stamp is None:
        return ""
    now, other = stamp.now(run, thorough=thorough)
    if other:
        return f"{other[0]} {'is not as this task left it' if (run.root / other[0]).exists() else 'is missing'}"
    if now != stamp:  # the next one need not read these files again
        now.write(stamp_path(run, name))
    return None


def durations(run: RunPaths) -> dict[str, float]:
    """Seconds of every task that has a stamp."""
    return {name: stamp.seconds for name, stamp in all_stamps(run)}


def _files(run: RunPaths, task: Task) -> dict[str, FileState]:
    """What the task wrote, without links: what they lead to, another task wrote."""
    files: set[Path] = set()
    for pattern in (*task.outputs, *task.optional):
        paths = [path for path in run.root.glob(pattern) if path.is_file() and not path.name.startswith(".")]
        if not paths and pattern in task.outputs:
            raise InputError(f"{task.name} ended without writing {pattern}", where=run.root)
        files.update(path for path in paths if not path.is_symlink())
    return states(run, sorted(files))


@contextlib.contextmanager
def working(run: RunPaths, name: str) -> Iterator[None]:
    """Announce a task, and write its stamp when the block ends without an exception.

    A stage that is called by hand leaves no stamp where the task is not part of the current plan, or where one before
    it is not finished: what it starts from then are files of other settings, or not all of them.
    """
    plan = read_plan(run)
    task = plan.tasks.get(name) if plan else None
    if plan is None or task is None:
        yield
        return
    stamp_path(run, name).unlink(missing_ok=True)
    if not all(_stamp(run, before, plan.tasks[before].key) for before in task.after):
        yield
        return
    add_event(run, "start", name, cpu=time.process_time())
    start = time.monotonic()
    with listening(lambda left: add_event(run, "at", name, left=round(left, 1))):
        yield
    seconds = round(time.monotonic() - start, 2)
    Stamp(key=task.key, seconds=seconds, files=_files(run, task)).write(stamp_path(run, name))
    add_event(run, "done", name, seconds=seconds, cpu=time.process_time())


class Event(Result):
    """What happened to a task (``start``, ``at`` work, ``done``), a job (``begin``, ``failed``, ``end``) or a preloaded
    process.

    Attributes:
        name: of the task or job; empty: the whole run.
        workers: jobs at a time, of the whole run; 0 where a batch system decides.
        tasks: of a job that begins.
        cpu: seconds of CPU time that the process has used so far.
        seconds: that a finished task, or loading, took.
        left: seconds that the present part of a task at work will go on for, at the least.
        code: of a failed job, minus the signal's number where one ended it; ``outcome`` says it in words.
        log: of a failed job, relative to the run; ``tail`` are its last lines.
    """

    time: float
    event: Kind
    name: str
    workers: int = 0
    tasks: tuple[str, ...] = ()
    cpu: float = 0.0
    seconds: float = 0.0
    left: float = 0.0
    code: int = 0
    outcome: str = ""
    log: str = ""
    tail: tuple[str, ...] = ()


def events_path(run: RunPaths) -> Path:
    """The events of this machine, one a line. Machines other than the launcher's write separate files, since
    appending is not atomic across the clients of a network file system."""
    host = os.environ.get(HOST)
    return run.root / WORK / (f"events-{host}.jsonl" if host else "events.jsonl")


def all_events(run: RunPaths) -> list[Path]:
    """The events of every machine."""
    return sorted((run.root / WORK).glob("events*.jsonl"))


def parse_events(lines: Iterable[bytes], name: str) -> Iterator[Event]:
    """The events in the lines of a file. A line that was cut off, as by a full disk, is left out, with what follows it.

    Raises:
        InputError: a line is whole but not one of this version.
    """
    for line in lines:
        try:
            json.loads(line)
        except ValueError:
            continue
        yield Event.parse(line, name)


def read_events(run: RunPaths) -> list[Event]:
    """The events of every machine, in order of time.

    Raises:
        InputError: as ``parse_events``.
    """
    files = [parse_events(path.read_bytes().splitlines(), str(path)) for path in all_events(run)]
    return sorted(chain.from_iterable(files), key=lambda event: event.time)


def add_event(run: RunPaths, event: Kind, name: str, **details: Any) -> None:
    """Append one line; a single short write, so that lines of several processes never mix."""
    line = Event(time=time.time(), event=event, name=name, **details).model_dump_json(exclude_defaults=True) + "\n"
    path = events_path(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        file.write(line.encode())
