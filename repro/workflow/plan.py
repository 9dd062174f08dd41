"""From pieces that are not finished to jobs: one process does several pieces of one kind with one framework.

Loading a framework costs seconds, so features and steps share one process a framework, and
trainings are grouped so that large groups start first and single trainings fill the end evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

from repro.paths import RunPaths
from repro.profile import Profile
from repro.workflow.pieces import STARTUP, Piece, Pieces
from repro.workflow.receipts import context_of, is_finished

ARGUMENT = {
    "convert-run": "--inits",
    "features": "--splits",
    "capture": "--steps",
    "train": "--trainings",
    "compare": "--steps",
}
PRIORITY = {
    "inputs": 90,
    "convert-run": 80,
    "features": 70,
    "capture": 60,
    "precision": 50,
    "train": 10,  # plus a number that is larger the earlier the group was made
    "reprod-log": 6,
    "compare": 5,
    "audit-run": 5,
    "report": 1,
}
ALONE = inf  # workers, where every training is a job of its own: on a cluster it may lose its machine at any time
WORTH_LOADING = 3  # a group of trainings takes at least so many times what loading its framework takes
CHEAP = ("compare", "reprod-log", "audit-run", "report")


@dataclass(frozen=True)
class Job:
    """One process: ``repro <command>``."""

    name: str
    command: tuple[str, ...]
    pieces: tuple[str, ...]
    after: tuple[str, ...]
    priority: int
    gpu: bool


@dataclass(frozen=True)
class Plan:
    """Unfinished work of a run. ``pieces`` are all of the profile, ``finished`` the names that need nothing."""

    pieces: dict[str, Piece]
    finished: frozenset[str]
    jobs: tuple[Job, ...]

    def until(self, box: str | None) -> tuple[Job, ...]:
        """Jobs up to and with a box; all without one."""
        boxes = list(PRIORITY)
        wanted = boxes[: boxes.index(box) + 1] if box else boxes
        return tuple(job for job in self.jobs if job.command[0] in wanted)

    def to_json(self, **more: Any) -> dict[str, Any]:
        """What jobs and Snakefile read."""
        return {
            "pieces": {
                p.name: {"key": p.key, "context": p.context, "outputs": list(p.outputs)} for p in self.pieces.values()
            },
            "jobs": {
                job.name: {
                    "command": list(job.command),
                    "pieces": list(job.pieces),
                    "after": list(job.after),
                    "priority": job.priority,
                    "gpu": job.gpu,
                }
                for job in self.jobs
            },
            **more,
        }


def group_trainings(pieces: list[Piece], workers: float) -> list[list[Piece]]:
    """Guided self-scheduling: each group takes about ``1 / (2 workers)`` of the work that is left.

    Paddle first (its steps take longer), longest trainings first; a group holds one framework. While there is work
    for all workers, groups stay several times longer than it takes to load the framework. With ``ALONE`` there is one
    training a group.
    """
    queue = sorted(pieces, key=lambda piece: (piece.backend != "paddle", -piece.cost))
    left = sum(piece.cost for piece in queue)
    groups: list[list[Piece]] = []
    while queue:
        backend = queue[0].backend
        share = max(left / (2 * workers), min(WORTH_LOADING * STARTUP[backend], left / workers))
        group, taken = [queue[0]], queue[0].cost
        for piece in queue[1:]:
            if piece.backend != backend or taken + piece.cost / 2 > share:
                break
            group.append(piece)
            taken += piece.cost
        queue = queue[len(group) :]
        left -= taken
        groups.append(group)
    return groups


def _job(name: str, pieces: list[Piece], priority: int, extra: tuple[str, ...] = ()) -> Job:
    first = pieces[0]
    command: list[str] = [first.kind, *extra]
    if first.backend:
        command += ["--backend", first.backend]
    if first.argument:
        command += [ARGUMENT[first.kind], ",".join(piece.argument for piece in pieces)]
    after = dict.fromkeys(name for piece in pieces for name in piece.after)
    return Job(name, tuple(command), tuple(p.name for p in pieces), tuple(after), priority, first.gpu)


def _unfinished(run: RunPaths, pieces: dict[str, Piece]) -> list[Piece]:
    """Pieces to do. What is cheap is also redone when something under it is, and twins keep one context."""
    stale = {piece.name for piece in pieces.values() if not is_finished(run, piece.name, piece.key)}
    for piece in pieces.values():
        finished = piece.name not in stale
        below = piece.kind in CHEAP and not stale.isdisjoint(piece.after)
        if finished and (below or (piece.twin in stale and context_of(run, piece.name) != piece.context)):
            stale.add(piece.name)
    return [piece for piece in pieces.values() if piece.name in stale]


def make_plan(run: RunPaths, profile: Profile, *, workers: float, mirror: str | None = None) -> Plan:
    """Compare the profile's pieces with the receipts and group the rest into jobs."""
    pieces = Pieces(run, profile).names
    todo = _unfinished(run, pieces)
    groups: dict[tuple[str, str], list[Piece]] = {}
    for piece in todo:
        if piece.kind != "train":
            own = piece.name if piece.kind == "compare" else piece.kind
            groups.setdefault((own, piece.backend), []).append(piece)
    jobs = []
    for (name, backend), members in groups.items():
        kind = members[0].kind
        extra = ("--mirror", mirror) if kind in ("inputs", "audit-run") and mirror else ()
        paddle = 1 if backend == "paddle" else 0
        jobs.append(_job(f"{name}-{backend}" if backend else name, members, PRIORITY[kind] + paddle, extra))
    trainings = group_trainings([piece for piece in todo if piece.kind == "train"], workers)
    for number, members in enumerate(trainings, 1):
        priority = PRIORITY["train"] + len(trainings) - number
        jobs.append(_job(f"train-{members[0].backend}-{number:02d}", members, priority))
    return Plan(pieces, frozenset(pieces) - {piece.name for piece in todo}, tuple(jobs))
