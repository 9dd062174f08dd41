"""Doing what is unfinished of a run: lock, plan, Snakemake, progress, and a clean end whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import FrameType

from repro.errors import EXIT_INPUT, EnvironmentFault, InputError, ReproError
from repro.paths import PACKAGE, PROJECT, RunPaths, atomic_json
from repro.profile import Profile, save_profile
from repro.workflow.gpus import choose_gpus
from repro.workflow.lock import run_lock
from repro.workflow.plan import ALONE, Job, Plan, make_plan
from repro.workflow.process import die_with
from repro.workflow.progress import Progress
from repro.workflow.receipts import all_events, plan_path, receipt_path

SNAKEFILE = PACKAGE / "workflow" / "Snakefile"
PROGRAM = (sys.executable, "-m", "repro")
POLL_SECONDS = 0.25
GRACE_SECONDS = 6.0


class Interrupted(BaseException):
    """A signal asked this program to end. ``code`` is the exit code that says so: 128 + the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Within the block SIGINT, SIGTERM and SIGHUP raise ``Interrupted``."""

    def raise_it(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, raise_it) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0))


def snakemake_command(
    run: RunPaths, *, workers: int, threads: int, gpus: int, cluster: Sequence[str] | None = None
) -> list[str]:
    """The Snakemake call. Locks and triggers are ours (``run_lock``, keys); receipts are written atomically, so those
    that a failed or killed job left are true (``--keep-incomplete``, ``--ignore-incomplete``).

    Args:
        cluster: options for jobs on other machines, in place of the limits of this one.
    """
    local = ("--cores", str(workers * threads), "--resources", f"gpu={gpus}", "--latency-wait", "5")
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE), "--directory", str(run.root)),
        *("--scheduler", "greedy", "--nolock", "--ignore-incomplete", "--drop-metadata", "--rerun-triggers", "mtime"),
        *("--keep-going", "--keep-incomplete", "--nocolor", *(cluster or local)),
    ]


def job_environment(run: RunPaths) -> dict[str, str]:
    """Environment of Snakemake and all jobs: this package importable, a cache folder that can be written."""
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    writable = next((folder for folder in (cache, *cache.parents) if folder.exists()), cache)
    if not os.access(writable, os.W_OK):
        environment["XDG_CACHE_HOME"] = str(run.root / ".cache")
    return environment


def _clear_leftovers(run: RunPaths) -> None:
    """Files that a killed run was still writing."""
    for path in run.root.rglob(".*.partial"):
        path.unlink(missing_ok=True)
    for path in all_events(run):
        path.unlink()


def _stop(process: subprocess.Popen[bytes], polite: signal.Signals) -> None:
    """End Snakemake and every job, at first politely; those of this machine are in its process group."""
    for number, seconds in ((polite, GRACE_SECONDS), (signal.SIGKILL, 2.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            break


def _run_snakemake(
    run: RunPaths, command: Sequence[str], progress: Progress, polite: signal.Signals = signal.SIGTERM
) -> int:
    """Exit code of Snakemake. ``polite`` is the signal with which it ends where this program is asked to."""
    log = run.logs / "snakemake.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=job_environment(run),
            start_new_session=True,
            preexec_fn=partial(die_with, os.getpid()),
        )
        try:
            while process.poll() is None:
                progress.poll()
                time.sleep(POLL_SECONDS)
        except BaseException:
            progress.mute()
            _stop(process, polite)
            raise
        finally:
            progress.close()
    return process.returncode


def _pieces(jobs: Iterable[Job]) -> list[str]:
    return [piece for job in jobs for piece in job.pieces]


def _failure(run: RunPaths, progress: Progress, code: int) -> ReproError:
    """The error that ends a run in which jobs failed: of bad input only if every failed job says so."""
    if not progress.failed:
        return EnvironmentFault(
            f"the workflow engine stopped with exit code {code}",
            where=run.logs / "snakemake.log",
            next_step="read this log",
        )
    names = ", ".join(event["name"] for event in progress.failed)
    kind = InputError if all(event["code"] == EXIT_INPUT for event in progress.failed) else EnvironmentFault
    return kind(
        f"{len(progress.failed)} job(s) failed: {names}; everything that does not depend on them is finished",
        where=run.logs,
        next_step="mend the cause, then give the same command again: finished work is kept",
    )


def launch(
    run: RunPaths,
    profile: Profile,
    *,
    workers: int | None = None,
    gpus: Sequence[str] | None = None,
    cluster: Sequence[str] | None = None,
    until: str | None = None,
    mirror: str | None = None,
    program: Sequence[str] = PROGRAM,
) -> Plan:
    """Bring a run to its end, doing only what is unfinished; returns the plan that was carried out.

    Args:
        workers: jobs at a time; by default as many as there are cores for ``profile.threads`` each.
        gpus: the GPUs of this machine to use, one a job; by default as ``profile.device`` says.
        cluster: Snakemake's options for a batch system that runs the jobs; by default this machine does.
        until: last box to carry out; trainings are then planned one a job, for an array of ``repro job``.
        program: what every job calls, before the name of its box.

    Raises:
        InputError: the run directory is in use or not writable, or jobs failed over bad input.
        EnvironmentFault: a GPU is asked for and there is none, or jobs failed over something else.
        Interrupted: a signal came; all jobs have ended.
    """
    remote = cluster is not None or until is not None
    workers = workers or max(1, cores() // profile.threads)
    with interruptible(), run_lock(run):
        _clear_leftovers(run)
        save_profile(run, profile)
        plan = make_plan(run, profile, workers=ALONE if remote else workers, mirror=mirror)
        jobs = plan.until(until)
        devices: Sequence[str] | None = gpus
        if profile.device == "cpu" or not any(job.gpu for job in jobs):
            devices = []
        elif cluster is not None:
            devices = None  # the batch system assigns them
        elif gpus is None:
            devices, _ = choose_gpus(profile.device, backends=profile.backends)
        shared = {
            **{"program": list(program), "python": sys.executable, "threads": profile.threads, "gpus": devices},
            **{"device": profile.device, "remote": remote, "targets": [job.name for job in jobs]},
        }
        atomic_json(plan_path(run), plan.to_json(**shared))
        if not jobs:
            return plan
        # knows how long outdated pieces took, so it comes before their receipts go
        progress = Progress(run, plan, 0 if cluster else workers)
        for piece in _pieces(plan.jobs):
            receipt_path(run, piece).unlink(missing_ok=True)  # the engine takes a receipt that is there for a result
        command = snakemake_command(
            run, workers=workers, threads=profile.threads, gpus=len(devices or ()), cluster=cluster
        )
        # on SIGTERM Snakemake waits for jobs on other machines; on SIGINT it cancels them
        code = _run_snakemake(run, command, progress, signal.SIGINT if cluster else signal.SIGTERM)
        left = [name for name in _pieces(jobs) if not receipt_path(run, name).is_file()]
        if code or progress.failed or left:
            raise _failure(run, progress, code)
    return plan
