"""Locks that the kernel frees when their holder dies, so that none is ever stale."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from repro.errors import InputError
from repro.paths import RunPaths

GPU_POLL_SECONDS = 0.5


@contextlib.contextmanager
def run_lock(run: RunPaths) -> Iterator[None]:
    """Hold the run directory for this process.

    Raises:
        InputError: another process holds it, or the folder cannot be written.
    """
    path = run.root / ".lock"
    try:
        run.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise InputError(
            f"cannot write the run directory: {error.strerror}", where=run.root, next_step="--out DIR"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            raise InputError(
                f"another run is at work here (process {holder})",
                where=run.root,
                next_step="wait for it, stop it, or give this run another folder with --out DIR",
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def gpu_lock(indices: list[str]) -> Iterator[str]:
    """Wait for a GPU that no other job of this user holds on this machine; yields its index."""
    descriptors = {}
    try:
        for index in indices:
            path = Path(tempfile.gettempdir()) / f"repro-{os.getuid()}-gpu-{index.replace('/', '-')}.lock"
            descriptors[index] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        while True:
            for index, descriptor in descriptors.items():
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield index
                return
            time.sleep(GPU_POLL_SECONDS)
    finally:
        for descriptor in descriptors.values():
            os.close(descriptor)
