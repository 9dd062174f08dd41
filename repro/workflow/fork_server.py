"""One process per framework that has loaded it, and forks for every job in place of starting Python and loading again.

The launcher starts them beside Snakemake: ``python -m repro.workflow.fork_server SERVER DESCRIPTOR`` in the run
directory, ``SERVER`` being a framework or ``plain``. A job asks over a socket (``repro.workflow.ask``). For each the
server forks a keeper, which does what the wrapper ``repro.workflow.job`` does, but forks the job as well:

    launcher ── Snakemake ── ask            each ends with what stands left of it: the kernel kills it, and a job
        └────── server ── keeper ── job     whose ``ask`` has gone gets SIGTERM from its keeper

Only for jobs on the CPU of this machine: a CUDA context does not survive a fork. Not ``multiprocessing.forkserver``:
it serves the process that has started it, and not Snakemake's children; its children outlive those who ask for them.

A fork is safe while no other thread holds a lock. PyTorch starts no thread when it is imported. Paddle starts one, the
sampler of brpc's counters, which re-creates itself after a fork; ``tests/backends/test_imports.py`` counts them.
"""

import contextlib
import gc
import importlib
import os
import runpy
import select
import signal
import socket
import sys
import time
from functools import partial
from pathlib import Path
from types import FrameType

import numpy as np

from repro.config.paths import RunPaths
from repro.machine.cpu import cpu_field
from repro.workflow.completion import add_event
from repro.workflow.job import environment, work
from repro.workflow.plan import PROGRAM, Job, Plan, read_plan
from repro.workflow.preloaded import PLAIN, server_of
from repro.workflow.process import die_with, exiting, set_allocator


def _preload(plan: Plan, server: str) -> None:
    """Import what the jobs of this server do, but for programs of tests, which load what they need themselves."""
    if plan.program == PROGRAM:
        importlib.import_module("repro.cli.stages")
        for kind in {job.kind for job in plan.jobs.values() if server_of(plan, job) == server}:
            importlib.import_module(f"repro.stages.{kind.replace('-', '_')}")
        if server != PLAIN:
            importlib.import_module(f"repro.backends.{server}")
    gc.freeze()  # a collection in a job would write to every page that it shares with this process


def _become(job: Job, plan: Plan, run: RunPaths, log: Path) -> None:
    """Turn this process into a job's, as if it had just started, and do the job."""
    with log.open("wb") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
    os.environ.update(environment(plan, job, None, cpu_field("vendor_id")))
    set_allocator(os.environ)
    np.random.seed()
    _python, _m, *sys.argv = job.command(plan.program, run)
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _call(connection: socket.socket, run: RunPaths, plan: Plan, job: Job, log: Path) -> int:
    """Fork the job's process and wait for it; ends it when ``ask`` at the other end has gone."""
    keeper, child = os.getpid(), os.fork()
    if not child:
        with exiting():
            die_with(keeper)
            connection.close()
            _become(job, plan, run, log)
    ended = os.pidfd_open(child)
    ready, _, _ = select.select([ended, connection.fileno()], [], [])
    if ended not in ready:
        os.kill(child, signal.SIGTERM)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _keep(connection: socket.socket) -> None:
    """Do the job that is asked for, with the output of whoever asks, and answer with the exit code."""
    name, descriptors, _, _ = socket.recv_fds(connection, 4096, 2)
    if not name:
        return
    for target, descriptor in enumerate(descriptors, 1):
        os.dup2(descriptor, target)
        os.close(descriptor)
    code = work(RunPaths(Path.cwd()), name.decode(), call=partial(_call, connection))
    with contextlib.suppress(BrokenPipeError):  # who asked has gone
        connection.send(str(code).encode())


def _reap(_number: int, _frame: FrameType | None) -> None:
    """Wait for keepers that have ended, so that their time counts as this process's."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def serve(listener: socket.socket) -> None:
    """Fork a keeper for everyone who asks, until this process is killed."""
    server = os.getpid()
    os.close(os.pidfd_open(server))  # an old kernel has none: the end of this process, and jobs do without it
    signal.signal(signal.SIGCHLD, _reap)
    while True:
        connection, _ = listener.accept()
        with connection:
            if os.fork():
                continue
            with exiting():
                die_with(server)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                _keep(connection)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[2])) as listening:
        current = read_plan(RunPaths(Path.cwd()))
        assert current is not None
        start = time.monotonic()
        _preload(current, sys.argv[1])
        seconds, used = time.monotonic() - start, time.process_time()
        add_event(RunPaths(Path.cwd()), "loaded", sys.argv[1], seconds=seconds, cpu=used)
        serve(listening)
