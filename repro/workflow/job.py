"""Wrapper around one job of the workflow: environment, GPU, log, and death with its parent.

``python -m repro.workflow.job NAME PARENT`` in the run directory; the plan there says what NAME is, PARENT is the
scheduler's process id.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from repro.errors import ReproError
from repro.paths import RunPaths, atomic_text, read_json
from repro.profile import BACKENDS
from repro.workflow.gpus import choose_gpus
from repro.workflow.lock import gpu_lock
from repro.workflow.process import die_with
from repro.workflow.receipts import HOST, add_event, plan_path

TAIL_LINES = 12


def vendor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """``GenuineIntel``, ``AuthenticAMD`` …; empty where the system does not say."""
    with contextlib.suppress(OSError):
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("vendor_id"):
                return line.partition(":")[2].strip()
    return ""


def cuda_libraries() -> list[str]:
    """Folders of Paddle's CUDA 11.8. They lie apart from the packages, since PyTorch loads any CUDA that lies there."""
    return sorted(map(str, Path(sys.prefix, "paddle-cuda", "nvidia").glob("*/lib")))


def environment(plan: dict[str, Any], job: dict[str, Any], gpu: str | None, cpu_vendor: str) -> dict[str, str]:
    """Environment of the job's process."""
    threads = str(plan["threads"])
    own = {
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
    }
    if job["command"][:1] == ["train"]:
        # Freed activations stay with the process: Paddle's training steps took 10 to 15 % less CPU time.
        own |= {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}
    else:
        # Freed activations of a large model go back at once: PyTorch's gradients at BERT-base width took a third less.
        own["MALLOC_MMAP_THRESHOLD_"] = str(1 << 20)
    if cpu_vendor == "AuthenticAMD":
        own["MKL_DEBUG_CPU_TYPE"] = "5"  # Paddle's MKL of 2019 takes a slow path there otherwise
    if job["gpu"]:
        own["CUDA_VISIBLE_DEVICES"] = gpu or ""
        own["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # nvidia-smi's; CUDA's own begins with the fastest
    if gpu and "paddle" in job["command"]:
        own["LD_LIBRARY_PATH"] = ":".join([*cuda_libraries(), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])
    return {**os.environ, **own}


@contextlib.contextmanager
def _gpu(plan: dict[str, Any], job: dict[str, Any]) -> Iterator[str | None]:
    if not job["gpu"] or plan["gpus"] == []:
        yield None
    elif plan["gpus"] is None:
        # A batch system gave this job its GPU. No lock: "0" may mean another card in the job beside this one.
        yield choose_gpus("gpu", backends=tuple(name for name in BACKENDS if name in job["command"]))[0][0]
    else:
        with gpu_lock(plan["gpus"]) as index:
            yield index


def outcome(code: int) -> str:
    """``exit code 3`` or ``killed by SIGKILL (out of memory?)``."""
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    return f"killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")


def tail(log: Path, lines: int = TAIL_LINES) -> list[str]:
    """Last lines of a log that are not empty."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16384))
        text = file.read().decode(errors="replace")
    return [line.rstrip() for line in text.replace("\r", "\n").splitlines() if line.strip()][-lines:]


def _call(run: RunPaths, plan: dict[str, Any], job: dict[str, Any], log: Path) -> int:
    """Exit code of the job's program, or minus the signal that ended it."""
    with _gpu(plan, job) as gpu, log.open("wb") as file:
        process = subprocess.Popen(
            [*plan["program"], job["command"][0], "--run", str(run.root), *job["command"][1:]],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment(plan, job, gpu, vendor()),
            preexec_fn=partial(die_with, os.getpid()),
        )
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda received, _frame: process.send_signal(received))
        return process.wait()


def work(run: RunPaths, name: str, *, assigned: bool = False) -> int:
    """Do one job; returns its exit code, 128 + the signal's number where one ended it.

    Args:
        assigned: the job's GPU is the one that it sees, whatever the launcher saw.
    """
    plan = read_json(plan_path(run))
    if assigned and plan["device"] != "cpu":
        plan["gpus"] = None
    job = plan["jobs"][name]
    if plan["remote"]:
        os.environ[HOST] = socket.gethostname()
    log = run.logs / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        code = _call(run, plan, job, log)
    except ReproError as error:
        atomic_text(log, f"repro: {error}\n")
        code = error.exit_code
    if code:
        lines = tail(log)
        add_event(run, "failed", name, code=code, outcome=outcome(code), log=str(log.relative_to(run.root)), tail=lines)
        print(f"{name}: {outcome(code)}, see {log}", *lines, sep="\n", file=sys.stderr)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    die_with(int(sys.argv[2]))
    sys.exit(work(RunPaths(Path.cwd()), sys.argv[1]))
