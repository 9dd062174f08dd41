"""Receipts: what says that a piece of work is finished, written by the box itself when its files are in place.

``RUN/.work/receipts/<piece>.json``: ``{"key", "context", "seconds", "files": {path: [bytes, mtime_ns]}}``. A receipt
counts only for the same key (profile fields, inputs and sources that matter to the piece) and while every file is
as it was left. Snakemake's outputs are the receipts and not the results: it removes outputs before a job starts
and after it failed, which would throw away the finished pieces of a job that makes many (trainings, steps).
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from repro.errors import InputError
from repro.paths import RunPaths, atomic_json, read_json

WORK = ".work"
HOST = "REPRO_HOST"  # in the environment of jobs on other machines than the launcher's


def plan_path(run: RunPaths) -> Path:
    """The plan of the run in progress, as the jobs and the Snakefile read it."""
    return run.root / WORK / "plan.json"


def events_path(run: RunPaths) -> Path:
    """What happened, one JSON object a line: piece, event, time. Other machines have files of their own, since
    appending is not atomic across the clients of a network file system."""
    host = os.environ.get(HOST)
    return run.root / WORK / (f"events-{host}.jsonl" if host else "events.jsonl")


def all_events(run: RunPaths) -> list[Path]:
    """The events of every machine."""
    return sorted((run.root / WORK).glob("events*.jsonl"))


def receipt_path(run: RunPaths, piece: str) -> Path:
    return run.root / WORK / "receipts" / f"{piece}.json"


def add_event(run: RunPaths, event: str, name: str, **more: Any) -> None:
    """Append one line; a single short write, so that lines of several processes never mix."""
    line = json.dumps({"time": time.time(), "event": event, "name": name, **more}) + "\n"
    path = events_path(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def _files(run: RunPaths, patterns: list[str], piece: str) -> dict[str, list[int]]:
    files = {}
    for pattern in patterns:
        matches = sorted(p for p in run.root.glob(pattern) if p.is_file() and not p.name.startswith("."))
        if not matches:
            raise InputError(f"{piece} ended without writing {pattern}", where=run.root)
        for path in matches:
            state = path.stat()
            files[str(path.relative_to(run.root))] = [state.st_size, state.st_mtime_ns]
    return files


@contextlib.contextmanager
def working(run: RunPaths, piece: str) -> Iterator[None]:
    """Announce a piece, and write its receipt when the block ends without an exception.

    A piece that is not part of the current plan (a box called by hand) leaves no receipt.
    """
    plan = read_json(plan_path(run)) if plan_path(run).is_file() else {"pieces": {}}
    planned = plan["pieces"].get(piece)
    if planned is None:
        yield
        return
    receipt_path(run, piece).unlink(missing_ok=True)
    add_event(run, "start", piece)
    start = time.monotonic()
    yield
    seconds = round(time.monotonic() - start, 2)
    files = _files(run, planned["outputs"], piece)
    receipt = {"key": planned["key"], "context": planned["context"], "seconds": seconds, "files": files}
    atomic_json(receipt_path(run, piece), receipt)
    add_event(run, "done", piece, seconds=seconds)


def is_finished(run: RunPaths, piece: str, key: str) -> bool:
    """Whether the piece was finished under this key and its files are untouched."""
    path = receipt_path(run, piece)
    if not path.is_file():
        return False
    receipt = read_json(path)
    return receipt["key"] == key and all(_state(run.root / name) == state for name, state in receipt["files"].items())


def context_of(run: RunPaths, piece: str) -> str:
    """The context under which a finished piece was made."""
    return str(read_json(receipt_path(run, piece))["context"])


def _state(path: Path) -> list[int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return [state.st_size, state.st_mtime_ns]


def durations(run: RunPaths) -> dict[str, float]:
    """Seconds of every piece that has a receipt."""
    folder = receipt_path(run, "x").parent
    return {path.stem: read_json(path)["seconds"] for path in folder.glob("*.json")} if folder.is_dir() else {}
