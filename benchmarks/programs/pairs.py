"""Two programs take turns at one part of the work, each in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.programs.parts import Outcome
from repro.config.paths import PROJECT
from repro.errors import EnvironmentFault
from repro.machine.cpu import cpu_field
from repro.workflow.job import KEEP_FREED, shared_environment

SIDES = ("ours", "peer")
ERROR_LINES = 12
Reply = dict[str, Any]  # one line of a worker


@dataclass
class Pairs:
    """Replies of both sides: once each program is loaded, and after each repetition."""

    loads: dict[str, list[Reply]] = field(default_factory=lambda: {side: [] for side in SIDES})
    runs: dict[str, list[Reply]] = field(default_factory=lambda: {side: [] for side in SIDES})

    def outcome(self, side: str) -> Outcome:
        """What the last repetition came to."""
        return Outcome(self.runs[side][-1]["items"], self.runs[side][-1]["numbers"])


def measure(part: str, argument: str, framework: str, *, pairs: int, apart: bool, material: Path, log: Path) -> Pairs:
    """Repetitions in alternating order: ours, peer, peer, ours …

    Args:
        apart: start a process for every repetition, one after the other; else both live until the last.
        material: file of the ``Material``.
        log: what the programs print is added to this file.

    Raises:
        EnvironmentFault: a program failed; the message holds the end of what it printed.
    """
    result, running = Pairs(), {}
    with ExitStack() as together:
        for number in range(pairs):
            for side in SIDES if number % 2 == 0 else SIDES[::-1]:
                with ExitStack() as alone:
                    if apart or side not in running:
                        worker = started([side, framework, part, argument, str(material)], log)
                        loaded, running[side] = (alone if apart else together).enter_context(worker)
                        result.loads[side].append(loaded)
                    result.runs[side].append(running[side]())
    return result


@contextmanager
def started(arguments: list[str], log: Path) -> Iterator[tuple[Reply, Callable[[], Reply]]]:
    """A worker that is ready: its reply once it was loaded, and what asks it for a repetition."""
    command = [sys.executable, "-m", "benchmarks.programs.worker", *arguments]
    with (
        log.open("a") as errors,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=PROJECT,
            env=environment(arguments[0]),
        ) as process,
    ):
        requests, replies = process.stdin, process.stdout
        assert requests and replies

        def reply() -> Reply:
            line = replies.readline()
            if not line:
                tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-ERROR_LINES:]
                raise EnvironmentFault("\n".join(["a program failed:", *tail]), where=" ".join(arguments[:-1]))
            return json.loads(line)

        def repetition() -> Reply:
            with suppress(BrokenPipeError):  # it has ended: ``reply`` says how
                requests.write("\n")
                requests.flush()
            return reply()

        try:
            loaded, _ = reply(), reply()
            yield loaded, repetition
        except BaseException:
            process.kill()
            raise


def environment(side: str) -> dict[str, str]:
    """One thread and an MKL set up for this processor on both sides; ours keeps freed memory, as its trainings do."""
    shared = shared_environment(1, cpu_field("vendor_id"))
    return {**os.environ, **shared, **(KEEP_FREED if side == "ours" else {})}
