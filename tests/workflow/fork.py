"""The engine and the servers of a run as forks of the launcher, which has loaded what they need (``loaded.py``).

Loading it takes each of them most of the time that they live in a test.
"""

import contextlib
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from repro.workflow.process import exiting

MODULES = ("repro.workflow.engine", "repro.workflow.fork_server")


class Fork(subprocess.Popen[bytes]):
    """A process that does what ``subprocess.Popen`` does in the launcher; other programs are started by that itself."""

    def _execute_child(
        self,
        args: Sequence[str],
        executable: str | None,
        preexec_fn: Callable[[], None],
        close_fds: bool,
        pass_fds: Collection[int],
        cwd: str | None,
        env: Mapping[str, str],
        *rest: Any,
    ) -> None:
        if tuple(args[1:2]) != ("-m",) or args[2] not in MODULES:
            start = super()._execute_child  # type: ignore[misc]
            return start(args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *rest)
        _startup, _flags, _shell, stdin, _, _, stdout, _, stderr, *_ = rest
        self.pid = os.fork()
        if not self.pid:
            _become(args[2:], preexec_fn, {*pass_fds}, cwd or ".", env, (stdin, stdout, stderr))
        self._child_created = True


def _become(
    words: Sequence[str],
    preexec: Callable[[], None],
    kept: set[int],
    cwd: str,
    variables: Mapping[str, str],
    streams: Sequence[int],
) -> None:
    with exiting():
        os.setsid()
        preexec()
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for target, descriptor in enumerate(streams):
            os.dup2(descriptor, target)
        for descriptor in {*map(int, os.listdir("/proc/self/fd"))} - {0, 1, 2, *kept}:
            with contextlib.suppress(OSError):  # that of the list itself has gone
                os.close(descriptor)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(variables)
        module, *sys.argv[1:] = words
        runpy.run_module(module, run_name="__main__", alter_sys=True)
