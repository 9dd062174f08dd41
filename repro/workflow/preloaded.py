"""Which jobs a preloaded process can do, and starting one per framework beside Snakemake (``fork_server``)."""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from functools import partial

from repro.config.paths import RunPaths
from repro.machine.cpu import cpu_field
from repro.results.stamp import WORK
from repro.workflow.job import shared_environment
from repro.workflow.plan import Job, Plan
from repro.workflow.process import die_with

PLAIN = "plain"  # the server without a framework
LOADS = {"reprod-log": "paddle"}  # kinds of jobs that load a framework without belonging to it


def server_of(plan: Plan, job: Job) -> str | None:
    """The server that can do a job; None: only a process of its own can."""
    if plan.remote or plan.gpus_of(job) != () or plan.program[:2] != (plan.python, "-m"):
        return None
    return LOADS.get(job.kind) or job.backend or PLAIN


def socket_path(server: str) -> str:
    """Relative to the run, since the address of a socket has room for 107 bytes only."""
    return f"{WORK}/{server}.socket"


def _listen(run: RunPaths, server: str) -> socket.socket:
    """Raises OSError where the file system holds no sockets."""
    path = run.root / socket_path(server)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    folder = os.open(path.parent, os.O_PATH)
    try:
        os.fchmod(listener.fileno(), 0o600)  # of the file that bind makes
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
        listener.listen(socket.SOMAXCONN)
    except OSError:
        listener.close()
        raise
    finally:
        os.close(folder)
    return listener


@contextlib.contextmanager
def _started(run: RunPaths, plan: Plan, server: str, variables: Mapping[str, str]) -> Iterator[None]:
    """A server while the block lasts. What it prints while it loads goes to ``logs/preloaded-SERVER.log``."""
    log = run.logs / f"preloaded-{server}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with _listen(run, server) as listener, log.open("wb") as file:
        process = subprocess.Popen(
            [plan.python, "-m", "repro.workflow.fork_server", server, str(listener.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=run.root,
            env={**variables, **shared_environment(plan.threads, cpu_field("vendor_id")), "CUDA_VISIBLE_DEVICES": ""},
            pass_fds=[listener.fileno()],
            start_new_session=True,
            preexec_fn=partial(die_with, os.getpid()),
        )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # jobs end with it; processes that a job has started do not
        process.wait()
        (run.root / socket_path(server)).unlink(missing_ok=True)


@contextlib.contextmanager
def servers(run: RunPaths, plan: Plan, variables: Mapping[str, str]) -> Iterator[None]:
    """While the block lasts there are the servers that the targets of the plan can use.

    Args:
        variables: environment of Snakemake.
    """
    needed = {server for name in plan.targets if (server := server_of(plan, plan.jobs[name]))}
    with contextlib.ExitStack() as stack:
        for server in sorted(needed):
            with contextlib.suppress(OSError):  # without one the jobs do without
                stack.enter_context(_started(run, plan, server, variables))
        yield
