"""Wrapper around one job of the workflow: environment, GPU, log, and death with its parent.

``python -m repro.workflow.job NAME PARENT`` in the run directory; the plan there says what NAME is, PARENT is the
scheduler's process id. Where a batch system and not Snakemake starts the trainings, ``run_training`` does one.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from repro.config.paths import RunPaths, atomic_text
from repro.errors import InputError, ReproError
from repro.machine.cpu import cpu_field
from repro.results.stamp import stamp_path
from repro.stages import TRAINS
from repro.workflow.completion import HOST, add_event, unfinished_because
from repro.workflow.gpus import choose_gpus
from repro.workflow.lock import gpu_lock
from repro.workflow.plan import Job, Plan, read_plan
from repro.workflow.process import die_with

Call = Callable[[RunPaths, Plan, Job, Path], int]
TAIL_LINES = 12
# where Kubernetes (Indexed Job), AWS Batch and Slurm put the number of a job in its array, from 0
INDICES = ("JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX", "SLURM_ARRAY_TASK_ID")

# Freed activations stay with the process: Paddle's training steps took 10 to 15 % less CPU time.
KEEP_FREED = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}


def cuda_libraries() -> list[str]:
    """Folders of Paddle's CUDA 11.8. They lie apart from the packages, since PyTorch loads any CUDA beside it."""
    return sorted(map(str, Path(sys.prefix, "paddle-cuda", "nvidia").glob("*/lib")))


def shared_environment(threads: int, cpu_vendor: str) -> dict[str, str]:
    """Variables of every job, which libraries read when they are loaded; ``cpu_vendor`` such as ``GenuineIntel``."""
    variables = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    variables |= {"TOKENIZERS_PARALLELISM": "false", "PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1"}
    if cpu_vendor == "AuthenticAMD":
        variables["MKL_DEBUG_CPU_TYPE"] = "5"  # Paddle's MKL of 2019 takes a slow path there otherwise
    if threads == 1:
        # A noise floor takes two threads for a moment. Waiting busily for each other they took 300 ms instead of 5.
        variables["OMP_WAIT_POLICY"] = "PASSIVE"
    return variables


def environment(plan: Plan, job: Job, gpu: str | None, cpu_vendor: str) -> dict[str, str]:
    """Environment of the job's process."""
    variables = shared_environment(plan.threads, cpu_vendor)
    if job.kind in TRAINS:
        variables |= KEEP_FREED
    else:
        # Freed activations of a large model go back at once: PyTorch's gradients at BERT-base width took a third less.
        variables["MALLOC_MMAP_THRESHOLD_"] = str(1 << 20)
    if job.gpu:
        variables["CUDA_VISIBLE_DEVICES"] = gpu or ""
        variables["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # nvidia-smi's; CUDA's own begins with the fastest
    if gpu and job.backend == "paddle":
        variables["LD_LIBRARY_PATH"] = ":".join([*cuda_libraries(), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])
    return {**os.environ, **variables}


@contextlib.contextmanager
def _gpu(plan: Plan, job: Job) -> Iterator[str | None]:
    gpus = plan.gpus_of(job)
    if gpus == ():
        yield None
    elif gpus is None:
        # A batch system gave this job its GPU. No lock: "0" may mean another card in the job beside this one.
        yield choose_gpus({job.backend: "gpu"})[0][job.backend][0]
    else:
        with gpu_lock(gpus) as index:
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


def _call(run: RunPaths, plan: Plan, job: Job, log: Path) -> int:
    """Exit code of the job's program, or minus the signal that ended it."""
    with _gpu(plan, job) as gpu, log.open("wb") as file:
        process = subprocess.Popen(
            job.command(plan.program, run),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment(plan, job, gpu, cpu_field("vendor_id")),
            preexec_fn=partial(die_with, os.getpid()),
        )
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda received, _frame: process.send_signal(received))
        return process.wait()


def _date_back(run: RunPaths, job: Job) -> None:
    """Date what the job waited for to 1970: Snakemake ends the run where an output is older than an input, as it is
    where a clock was set back meanwhile, or where those of two machines differ."""
    for task in job.after:
        with contextlib.suppress(OSError):
            os.utime(stamp_path(run, task), (0, 0))


def work(run: RunPaths, name: str, *, assigned: bool = False, call: Call = _call) -> int:
    """Do one job; returns its exit code, 128 + the signal's number where one ended it.

    Args:
        assigned: the job's GPU is the one that it sees, whatever the launcher saw.
        call: runs the job's program to its end.
    """
    plan = read_plan(run)
    if plan is None:
        raise InputError("this run has no plan", where=run.root, next_step="repro all --out DIR")
    if assigned:
        plan = plan.replace(gpus=None)
    job = plan.jobs[name]
    if plan.remote:
        os.environ[HOST] = socket.gethostname()
    log = run.logs / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    add_event(run, "begin", name, tasks=job.tasks)
    try:
        code = call(run, plan, job, log)
    except ReproError as error:
        atomic_text(log, f"repro: {error}\n")
        code = error.exit_code
    if code:
        lines = tail(log)
        add_event(run, "failed", name, code=code, outcome=outcome(code), log=str(log.relative_to(run.root)), tail=lines)
        print(f"{name}: {outcome(code)}, see {log}", *lines, sep="\n", file=sys.stderr)
    add_event(run, "end", name)
    _date_back(run, job)
    return code if code >= 0 else 128 - code


def array_index() -> int:
    """This job's number in its array.

    Raises:
        InputError: this is no job of an array.
    """
    for name in INDICES:
        if (text := os.environ.get(name, "")).isdecimal():
            return int(text)
    raise InputError("no array job: none of these is set", where=", ".join(INDICES), next_step="repro job --index N")


def run_training(run: RunPaths, index: int) -> int:
    """Do training ``index`` of the plan if there is one and it is unfinished; returns the exit code.

    Raises:
        InputError: the index is negative, there is no plan, or it leaves the trainings to Snakemake.
    """
    plan = read_plan(run)
    if index < 0:
        raise InputError(f"no job {index}: they are counted from 0", where="--index", next_step="repro job --index N")
    if plan is None or not plan.remote:
        raise InputError("no plan for an array", where=run.root, next_step="repro all --until features, first")
    trainings = plan.trainings()
    if index >= len(trainings):
        print(f"nothing to do: the plan has {len(trainings)} trainings, this would be number {index + 1}")
        return 0
    name = trainings[index]
    (task,) = plan.jobs[name].tasks
    if unfinished_because(run, task, plan.tasks[task].key) is None:
        print(f"{task}: finished already")
        return 0
    if code := work(run, name, assigned=True):
        return code
    print(f"{task}: finished, log: {run.logs / name}.log")
    return 0


if __name__ == "__main__":
    die_with(int(sys.argv[2]))
    sys.exit(work(RunPaths(Path.cwd()), sys.argv[1]))
