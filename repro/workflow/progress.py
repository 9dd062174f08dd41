"""What the user sees of a run: a bar on a terminal, flat lines in a log, both with the time left."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, TextIO

from tqdm import tqdm

from repro.paths import RunPaths
from repro.progress import clock
from repro.workflow.pieces import STARTUP, Piece
from repro.workflow.plan import Plan
from repro.workflow.receipts import all_events, durations

HEARTBEAT_SECONDS = 30.0
BAR_COLUMNS = 60
SHOWN = 4  # pieces at work, where a batch system may have hundreds


def label(piece: Piece) -> str:
    """``train paddle 1024-43``, ``capture paddle step 3``, ``features pytorch dev``."""
    if piece.kind == "capture":
        return f"capture {piece.backend} step {piece.argument}"
    if piece.kind == "compare":
        return "compare trainings" if piece.argument == "11" else "compare dumps"
    words = [piece.kind, piece.backend, piece.argument.removeprefix("pretrained-").replace("random-", "random ")]
    return " ".join(word for word in words if word)


def in_words(seconds: float) -> str:
    """``0.4 s``, ``41 s``, from two minutes on ``3:20``."""
    if seconds >= 120:
        return clock(seconds)
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def _alike(piece: Piece) -> tuple[str, str, str]:
    """Pieces that take about the same time."""
    argument = piece.argument
    if piece.kind == "train":
        argument = argument.split("-")[1]
    return piece.kind, piece.backend, argument


def _scaled_as(piece: Piece) -> tuple[tuple[str, ...], ...]:
    """Groups of pieces whose times grow together with model and data, the closest first."""
    kind = "capture" if piece.kind == "precision" else piece.kind
    return (kind, piece.backend), (kind,)


def _shows_bars(out: TextIO) -> bool:
    """Whether ``out`` is a terminal that says how wide it is; without a width a bar would be empty."""
    if not out.isatty():
        return False
    try:
        return os.get_terminal_size(out.fileno()).columns >= BAR_COLUMNS
    except OSError:
        return True


class Estimate:
    """Seconds that unfinished pieces will take, from those that are finished."""

    def __init__(self, pieces: dict[str, Piece], finished: dict[str, float]) -> None:
        self.pieces = pieces
        self._exact: defaultdict[tuple[str, str, str], list[float]] = defaultdict(list)
        self._ratios: defaultdict[tuple[str, ...], list[tuple[float, float]]] = defaultdict(list)
        for name, seconds in finished.items():
            if name in pieces:
                self.add(name, seconds)

    def add(self, name: str, seconds: float) -> None:
        """Learn from a finished piece."""
        piece = self.pieces[name]
        self._exact[_alike(piece)].append(seconds)
        for group in _scaled_as(piece):
            self._ratios[group].append((seconds, piece.cost))

    def seconds(self, piece: Piece) -> float:
        """Mean of pieces alike, else rough cost scaled as those turned out whose times grow with it."""
        if exact := self._exact.get(_alike(piece)):
            return sum(exact) / len(exact)
        for group in _scaled_as(piece):
            if ratios := self._ratios.get(group):
                return piece.cost * sum(s for s, _ in ratios) / sum(c for _, c in ratios)
        return piece.cost

    def left(self, waiting: list[Piece], running: dict[str, float], workers: int, startup: float = 0.0) -> float:
        """Seconds until all is done, ``running`` being pieces with the seconds since their start, ``startup`` the
        seconds in which jobs to come will load their framework."""
        rest = [max(0.0, self.seconds(self.pieces[name]) - elapsed) for name, elapsed in running.items()]
        total = startup + sum(rest) + sum(self.seconds(piece) for piece in waiting)
        return max([total / workers, *rest])


class Progress:
    """Follows the events of a run. ``poll`` as often as you like; ``close`` at the end.

    Args:
        workers: jobs at a time; 0: as many as are at work, since a batch system decides.
    """

    def __init__(self, run: RunPaths, plan: Plan, workers: int, stream: TextIO | None = None) -> None:
        self.run, self.workers = run, workers
        self.out = stream or sys.stderr
        self.pieces, self._jobs = plan.pieces, plan.jobs
        self.done = set(plan.finished)
        self.failed: list[dict[str, Any]] = []
        self._estimate = Estimate(plan.pieces, durations(run))
        self._running: dict[str, float] = {}
        self._muted = False
        self._begin = self._last = time.monotonic()
        self._offsets = {path: path.stat().st_size for path in all_events(run)}
        self._bar: tqdm[Any] | None = None
        if _shows_bars(self.out):
            form = "{percentage:3.0f}%|{bar:24}| {n_fmt} of {total_fmt}{postfix}"
            self._bar = tqdm(total=len(self.pieces), initial=len(self.done), file=self.out, bar_format=form)
        if plan.finished:
            self._say(f"{len(plan.finished)} of {len(self.pieces)} pieces of work are finished already")

    def _events(self) -> Iterator[dict[str, Any]]:
        for path in all_events(self.run):
            with path.open("rb") as file:
                file.seek(self._offsets.setdefault(path, 0))
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._offsets[path] += len(line)
                    yield json.loads(line)

    def poll(self) -> None:
        """Show what has happened since the last call."""
        for event in self._events():
            name = event["name"]
            if event["event"] == "start":
                self._running[name] = time.monotonic()
            elif event["event"] == "done":
                self._finish(name, event["seconds"])
            elif event["event"] == "failed":
                self._fail(event)
        now = time.monotonic()
        if self._bar is not None:
            finished = len(self.done) == len(self.pieces)
            self._bar.set_postfix_str(self._times() + ("" if finished else f"; {self._running_now()}"), refresh=False)
            self._bar.refresh()
        elif now - self._last > HEARTBEAT_SECONDS and self._running:
            self._line(f"at work: {self._running_now()}")

    def _finish(self, name: str, seconds: float) -> None:
        self._running.pop(name, None)
        if name not in self.pieces or name in self.done:
            return
        self.done.add(name)
        self._estimate.add(name, seconds)
        if self._bar is not None:
            self._bar.update(1)
        else:
            self._line(f"{label(self.pieces[name])} done in {in_words(seconds)}")

    def mute(self) -> None:
        """From now on the end of a job is our own doing, and no failure."""
        self._muted = True

    def _fail(self, event: dict[str, Any]) -> None:
        if self._muted:
            return
        self.failed.append(event)
        lines = [f"FAILED {event['name']}: {event['outcome']}. Last lines of {self.run.root / event['log']}:"]
        self._say("\n".join([*lines, *("    " + line for line in event["tail"])]))

    def _running_now(self) -> str:
        names = [label(self.pieces[name]) for name in self._running if name in self.pieces]
        if not self.workers and len(names) > SHOWN:
            names = [*names[:SHOWN], f"{len(names) - SHOWN} more"]
        return ", ".join(names[: (self.workers or SHOWN) + 1]) or "starting"

    def _times(self) -> str:
        now = time.monotonic()
        waiting = [p for n, p in self.pieces.items() if n not in self.done and n not in self._running]
        elapsed = {name: now - start for name, start in self._running.items() if name in self.pieces}
        begun = self.done | set(self._running)
        coming = [job for job in self._jobs if begun.isdisjoint(job.pieces)]
        startup = sum(STARTUP.get(self.pieces[job.pieces[0]].backend, 0.5) for job in coming)
        left = self._estimate.left(waiting, elapsed, self.workers or max(1, len(elapsed)), startup)
        return f"{clock(now - self._begin)} so far, about {clock(left)} left"

    def _line(self, text: str) -> None:
        width = len(str(len(self.pieces)))
        self._last = time.monotonic()
        self._say(f"[{len(self.done):{width}d} of {len(self.pieces)}] {text} — {self._times()}")

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
