"""Starts runs of fake stages, follows what they do through a pipe, and holds their tasks at a gate."""

import contextlib
import os
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from repro.config.paths import PROJECT

LIMIT_SECONDS = 600.0  # what hangs is a failure; nothing is waited for so long otherwise


def trace(run: Path) -> list[list[str]]:
    """What the tasks of a run wrote down: ``begin``, ``hold`` or ``end``, name, process, GPU."""
    path = run / "trace.txt"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def ended(run: Path) -> Counter[str]:
    """How often each task was done."""
    return Counter(line[1] for line in trace(run) if line[0] == "end")


def stamps(run: Path) -> set[str]:
    """Tasks that have a completion stamp."""
    return {path.stem for path in (run / ".work" / "stamps").glob("*.json")}


def finished(process: subprocess.Popen[str], code: int = 0) -> str:
    """Wait for a process to end with this code; returns what it printed."""
    output, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == code, output
    return output


class Observer:
    """The two pipes of a test, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._rest = folder, b""
        self._events, self._gate = folder / "events", folder / "gate"
        for path in (self._events, self._gate):
            os.mkfifo(path)
        self._descriptors = [os.open(self._events, os.O_RDWR | os.O_NONBLOCK)]  # a writer as well: it never ends

    def start(self, run: Path, *overrides: str, **variables: str) -> subprocess.Popen[str]:
        """``fake_run.py RUN``; its output and messages can be read from ``stdout``."""
        return self.call(str(Path(__file__).with_name("fake_run.py")), str(run), *overrides, **variables)

    def call(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """``python ARGUMENTS``."""
        environment = {**os.environ, "PYTHONPATH": str(PROJECT), "TMPDIR": str(self.folder)}
        environment |= {"FAKE_EVENTS": str(self._events), "FAKE_GATE": str(self._gate), **variables}
        command, pipe, same = [sys.executable, *arguments], subprocess.PIPE, subprocess.STDOUT
        return subprocess.Popen(command, env=environment, text=True, stdout=pipe, stderr=same)

    def finish(self, run: Path, *overrides: str, code: int = 0, **variables: str) -> str:
        """Do a run to its end; returns what it printed."""
        return finished(self.start(run, *overrides, **variables), code)

    def _read(self) -> Iterator[list[str]]:
        while True:
            ready, _, _ = select.select(self._descriptors[:1], [], [], LIMIT_SECONDS)
            assert ready, "nothing happens"
            *lines, self._rest = (self._rest + os.read(self._descriptors[0], 65536)).split(b"\n")
            yield from (line.decode().split() for line in lines)

    def wait_for(self, what: str, count: int = 1) -> list[list[str]]:
        """The next ``count`` events of a kind."""
        events: list[list[str]] = []
        for event in self._read():
            events += [event] if event[0] == what else []
            if len(events) == count:
                break
        return events

    def open_gate(self) -> None:
        """Let all go that are held, now and later."""
        self._descriptors.append(os.open(self._gate, os.O_RDWR))

    def close(self) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)


def survivors(run: Path) -> list[int]:
    """Processes that still work in this run directory."""
    processes = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().decode(errors="replace")
            if str(run) in command or (folder / "cwd").readlink() == run:
                processes.append(int(folder.name))
    return [process for process in processes if process != os.getpid()]


def assert_none_survives(run: Path) -> None:
    """Every process of a killed run ends."""
    while left := survivors(run):
        for process in left:
            with contextlib.suppress(ProcessLookupError), os.fdopen(os.pidfd_open(process)) as descriptor:
                ready, _, _ = select.select([descriptor], [], [], LIMIT_SECONDS)
                assert ready, f"process {process} goes on"
