"""Doing what is unfinished of a run: lock, plan, Snakemake, progress, and a clean end whatever happens."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from types import FrameType

from repro.config.paths import PACKAGE, PROJECT, RunPaths, read_json
from repro.config.profile import BACKENDS, Profile
from repro.config.profile_file import save_profile
from repro.errors import EXIT_INPUT, EnvironmentFault, InputError, Interrupted, ReproError
from repro.machine.home import missing_variables
from repro.machine.needs import jobs_at_a_time
from repro.results.stamp import Stamp, profile_stamp, stamp_path, states
from repro.workflow.completion import add_event, all_events
from repro.workflow.jobs import ALONE, PRIORITY, make_plan
from repro.workflow.lock import run_lock
from repro.workflow.plan import PROGRAM, Plan, plan_path
from repro.workflow.preloaded import servers
from repro.workflow.process import die_with
from repro.workflow.progress import Progress

SNAKEFILE = PACKAGE / "workflow" / "Snakefile"
POLL_SECONDS = 0.25
INPUTS = "inputs"
GRACE_SECONDS = 6.0


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Within the block SIGINT, SIGTERM and SIGHUP raise ``Interrupted``."""

    def raise_it(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(number)

    before = {number: signal.signal(number, raise_it) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def snakemake_command(run: RunPaths, plan: Plan, *, workers: int, cluster: Sequence[str] | None = None) -> list[str]:
    """The Snakemake call. Locks and triggers are ours (``run_lock``, keys); stamps are written atomically, so those
    that a failed or killed job left are true (``--keep-incomplete``, ``--ignore-incomplete``).

    Args:
        cluster: options for jobs on other machines, in place of the limits of this one.
    """
    gpus = f"gpu={len({*chain(*(plan.gpus or {}).values())})}"
    local = ("--cores", str(workers * plan.threads), "--resources", gpus, "--latency-wait", "5")
    program = "snakemake" if cluster else "repro.workflow.engine"
    return [
        *(sys.executable, "-m", program, "--snakefile", str(SNAKEFILE), "--directory", str(run.root)),
        *("--scheduler", "greedy", "--nolock", "--ignore-incomplete", "--drop-metadata", "--rerun-triggers", "mtime"),
        *("--keep-going", "--keep-incomplete", "--nocolor", *(cluster or local)),
    ]


def job_environment(run: RunPaths) -> dict[str, str]:
    """Environment of Snakemake and all jobs: this package importable, a home and a cache that can be written."""
    path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **missing_variables(run.root / ".cache")}


def _clear_leftovers(run: RunPaths) -> None:
    """Files that a killed run was still writing."""
    for path in run.root.rglob(".*.partial"):
        path.unlink(missing_ok=True)


def _is_report_incomplete(run: RunPaths) -> bool:
    """Whether the report that is there found files of the run wanting: then a stamp may say too much."""
    try:
        return read_json(run.report_json)["summary"]["complete"] is not True
    except OSError:
        return False
    except (ValueError, LookupError, TypeError):
        return True


def _stop(process: subprocess.Popen[bytes], polite: signal.Signals) -> None:
    """End Snakemake and every job, at first politely; those of this machine are in its process group."""
    for number, seconds in ((polite, GRACE_SECONDS), (signal.SIGKILL, 2.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            break


def _are_inputs_refused(progress: Progress) -> bool:
    return any(event.name == INPUTS for event in progress.failed)


def _run_snakemake(run: RunPaths, command: Sequence[str], progress: Progress, polite: signal.Signals) -> int:
    """Exit code of Snakemake, 0 as soon as every job has ended well: it itself takes two more seconds to end.

    Inputs that are refused end the run at once.

    Args:
        polite: the signal with which it ends where this program is asked to.
    """
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
                if progress.complete():
                    _stop(process, signal.SIGKILL)
                    return 0
                if _are_inputs_refused(progress):
                    progress.mute()  # whoever mends them need not wait for the self-test
                    _stop(process, polite)
                    return EXIT_INPUT
                time.sleep(POLL_SECONDS)
        except BaseException:
            progress.mute()
            _stop(process, polite)
            raise
        finally:
            progress.close()
    return process.returncode


def _failure(run: RunPaths, progress: Progress, code: int) -> ReproError:
    """The error that ends a run in which jobs failed: bad input only if every one of them failed over that."""
    if not plan_path(run).is_file():
        what = "the run directory was moved or deleted while the run was at work"
        next_step = "the same command, with --out DIR where it is now: finished work is kept"
        return EnvironmentFault(what, where=run.root, next_step=next_step)
    if not progress.failed:
        what = f"the workflow engine stopped with exit code {code}"
        return EnvironmentFault(what, where=run.logs / "snakemake.log", next_step="read this log")
    names = ", ".join(event.name for event in progress.failed)
    rest = "" if _are_inputs_refused(progress) else "; everything that does not depend on them is finished"
    kind = InputError if all(event.code == EXIT_INPUT for event in progress.failed) else EnvironmentFault
    what = f"{len(progress.failed)} job(s) failed: {names}{rest}"
    next_step = "mend the cause, then give the same command again: finished work is kept"
    return kind(what, where=run.logs, next_step=next_step)


def launch(
    run: RunPaths,
    profile: Profile,
    *,
    workers: int | None = None,
    gpus: Mapping[str, Sequence[str]] | None = None,
    cluster: Sequence[str] | None = None,
    stages: Collection[str] = tuple(PRIORITY),
    array: bool = False,
    mirror: str | None = None,
    program: Sequence[str] = PROGRAM,
) -> Plan:
    """Bring a run to its end, doing only what is unfinished; returns the plan that was carried out.

    Args:
        workers: jobs at a time; by default as many as there are cores and memory for.
        gpus: the GPUs of this machine that each framework may use, one a job.
        cluster: Snakemake's options for a batch system that runs the jobs; by default this machine does.
        stages: those to carry out, with whatever they need.
        array: plan trainings one a job, for an array of ``repro job``.
        program: what every job calls, before the name of its stage.

    Raises:
        InputError: the run directory is in use or not writable, or jobs failed over bad input.
        EnvironmentFault: jobs failed over something else.
        Interrupted: a signal came; all jobs have ended.
    """
    remote = cluster is not None or array
    workers = workers or jobs_at_a_time(profile)
    with interruptible(), run_lock(run):
        _clear_leftovers(run)
        # a process that holds a framework and forks the jobs would break CUDA, and stays on this machine
        preloaded = () if remote else [backend for backend in BACKENDS if not (gpus or {}).get(backend)]
        plan = make_plan(
            run,
            profile,
            workers=ALONE if remote else workers,
            stages=stages,
            mirror=mirror,
            preloaded=preloaded,
            thorough=_is_report_incomplete(run),
        )
        chosen = None if cluster else {backend: tuple(names) for backend, names in (gpus or {}).items()}
        plan = plan.replace(program=tuple(program), gpus=chosen, remote=remote)
        plan_path(run).unlink(missing_ok=True)  # a stage by hand must not find the old one beside the new profile
        save_profile(run, profile)
        Stamp(key="", seconds=0, files=states(run, [run.profile])).write(profile_stamp(run))
        plan.write(plan_path(run))
        if not plan.targets:
            return plan
        for path in all_events(run):  # they stay until there is work again: ``repro timeline`` reads them
            path.unlink()
        add_event(run, "begin", "", workers=0 if cluster else workers)
        progress = Progress(run, plan, 0 if cluster else workers)  # first: it reads stamps of outdated tasks as well
        for job in plan.jobs.values():
            for task in job.tasks:
                stamp_path(run, task).unlink(missing_ok=True)  # the engine takes a stamp that is there for a result
        command = snakemake_command(run, plan, workers=workers, cluster=cluster)
        # on SIGTERM Snakemake waits for jobs on other machines; on SIGINT it cancels them
        polite = signal.SIGINT if cluster else signal.SIGTERM
        with servers(run, plan, job_environment(run)):
            code = _run_snakemake(run, command, progress, polite)
        add_event(run, "end", "")
        left = [task for task in plan.unfinished() if not stamp_path(run, task).is_file()]
        if code or progress.failed or left:
            raise _failure(run, progress, code)
    return plan
