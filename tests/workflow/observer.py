"""Starts runs of fake stages, follows what they do through a pipe, and holds their tasks at a gate."""

import contextlib
import multiprocessing
import os
import select
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from repro.cli.main import main as repro
from tests.workflow import fake_run

# All are forks of a process that has loaded what they need, since that takes most of the time of starting one.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.workflow.loaded"])
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


class Started:
    """A program in a process of its own; its output and messages go to a file."""

    def __init__(
        self, program: Callable[[list[str]], int], arguments: Sequence[str], variables: Mapping[str, str], folder: Path
    ) -> None:
        descriptor, output = tempfile.mkstemp(dir=folder)
        os.close(descriptor)
        self._output = Path(output)
        self._process = FORKS.Process(target=_become, args=(program, [*arguments], dict(variables), output))
        self._process.start()
        assert self._process.pid
        self.pid = self._process.pid

    def end(self, number: int) -> None:
        """Send it a signal and wait until it ends."""
        os.kill(self.pid, number)
        self._process.join(LIMIT_SECONDS)

    def finished(self, code: int = 0) -> str:
        """Wait for it to end with this code; returns what it printed."""
        self._process.join(LIMIT_SECONDS)
        printed = self._output.read_text()
        assert self._process.exitcode == code, printed
        return printed


def _become(program: Callable[[list[str]], int], arguments: list[str], variables: dict[str, str], output: str) -> None:
    """Do in this process what the program does in a new one."""
    for descriptor in (1, 2):
        os.dup2(os.open(output, os.O_WRONLY | os.O_APPEND), descriptor)
    os.environ.clear()
    os.environ.update(variables)
    sys.exit(program(arguments))


class Observer:
    """The two pipes of a test, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._rest = folder, b""
        self._events, self._gate = folder / "events", folder / "gate"
        for path in (self._events, self._gate):
            os.mkfifo(path)
        self._descriptors = [os.open(self._events, os.O_RDWR | os.O_NONBLOCK)]  # a writer as well: it never ends

    def start(self, run: Path, *overrides: str, **variables: str) -> Started:
        """A run of fake stages."""
        return self._start(fake_run.main, [str(run), *overrides], variables)

    def repro(self, *arguments: str, **variables: str) -> Started:
        """``repro ARGUMENTS``."""
        return self._start(repro, arguments, variables)

    def _start(
        self, program: Callable[[list[str]], int], arguments: Sequence[str], variables: Mapping[str, str]
    ) -> Started:
        environment = {**os.environ, "TMPDIR": str(self.folder)}
        environment |= {"FAKE_EVENTS": str(self._events), "FAKE_GATE": str(self._gate), **variables}
        return Started(program, arguments, environment, self.folder)

    def finish(self, run: Path, *overrides: str, code: int = 0, **variables: str) -> str:
        """Do a run to its end; returns what it printed."""
        return self.start(run, *overrides, **variables).finished(code)

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

    def let_go(self) -> None:
        """Let those go that are held."""
        self._gate.open("wb").close()

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
