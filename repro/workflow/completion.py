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
from repro.workflow.plan import WORK, Task, read_plan

HOST = "REPRO_HOST"  # in the environment of jobs on other machines than the launcher's
Kind = Literal["begin", "start", "at", "done", "failed", "end", "loaded"]
FileState = tuple[int, int]  # bytes, time of the last change in nanoseconds


class Stamp(Result):
    """What a finished task leaves: its key, how long it took, and the state of its files by path in the run."""

    key: str
    seconds: float
    files: dict[str, FileState]


def stamp_path(run: RunPaths, task: str) -> Path:
    return run.root / WORK / "stamps" / f"{task}.json"


def _state(path: Path) -> FileState | None:
    """None where there is no such file."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns


def is_finished(run: RunPaths, name: str, key: str) -> bool:
    """Whether the task was finished under this key and its files are untouched."""
    try:
        stamp = Stamp.read(stamp_path(run, name))
    except InputError:  # none, or one of another version
        return False
    return stamp.key == key and all(_state(run.root / file) == state for file, state in stamp.files.items())


def durations(run: RunPaths) -> dict[str, float]:
    """Seconds of every task that has a stamp."""
    seconds = {}
    for path in stamp_path(run, "*").parent.glob("*.json"):
        with contextlib.suppress(InputError):  # one of another version
            seconds[path.stem] = Stamp.read(path).seconds
    return seconds


def _files(run: RunPaths, task: Task) -> dict[str, FileState]:
    files: dict[str, FileState] = {}
    for pattern in task.outputs:
        paths = sorted(path for path in run.root.glob(pattern) if path.is_file() and not path.name.startswith("."))
        if not paths:
            raise InputError(f"{task.name} ended without writing {pattern}", where=run.root)
        files |= {str(path.relative_to(run.root)): state for path in paths if (state := _state(path))}
    return files


@contextlib.contextmanager
def working(run: RunPaths, name: str) -> Iterator[None]:
    """Announce a task, and write its stamp when the block ends without an exception.

    A task that is not part of the current plan (a stage called by hand) leaves no stamp.
    """
    plan = read_plan(run)
    task = plan.tasks.get(name) if plan else None
    if task is None:
        yield
        return
    stamp_path(run, name).unlink(missing_ok=True)
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
