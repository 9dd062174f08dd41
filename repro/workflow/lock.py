"""Locks that the kernel frees when their holder dies, so that none is ever stale."""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from repro.config.paths import RunPaths
from repro.errors import InputError

GPU_POLL_SECONDS = 0.5


def _lock(path: Path) -> FileLock:
    return FileLock(path, mode=0o600, blocking=False, fallback_to_soft=False)  # a soft lock can be stale


@contextlib.contextmanager
def run_lock(run: RunPaths) -> Iterator[None]:
    """Hold the run directory for this process.

    Raises:
        InputError: another process holds it, or the folder cannot be written.
    """
    holder = run.root / ".lock.process"
    with contextlib.ExitStack() as stack:
        try:
            run.root.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_lock(run.root / ".lock"))
            holder.write_text(f"{os.getpid()}\n")
        except Timeout:
            process = holder.read_text().strip() if holder.is_file() else "unknown"
            what = f"another run is at work here (process {process})"
            next_step = "wait for it, stop it, or give this run another folder with --out DIR"
            raise InputError(what, where=run.root, next_step=next_step) from None
        except OSError as error:
            what = f"cannot write the run directory: {error.strerror}"
            raise InputError(what, where=run.root, next_step="--out DIR") from error
        yield


@contextlib.contextmanager
def gpu_lock(gpus: Sequence[str]) -> Iterator[str]:
    """Wait for a GPU that no other job of this user holds on this machine; yields its index."""
    prefix = Path(tempfile.gettempdir()) / f"repro-{os.getuid()}-gpu-"
    locks = {gpu: _lock(Path(f"{prefix}{gpu.replace('/', '-')}.lock")) for gpu in gpus}
    while True:
        for gpu, lock in locks.items():
            try:
                held = lock.acquire()
            except Timeout:
                continue
            with held:
                yield gpu
            return
        time.sleep(GPU_POLL_SECONDS)
