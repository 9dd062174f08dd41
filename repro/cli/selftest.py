"""``repro selftest``: faults planted in both frameworks, side by side in a process each, and what the steps saw."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from repro.errors import EXIT_DIFFERS, EXIT_OK, EnvironmentFault, InputError
from repro.markdown import table
from repro.paths import PROJECT, RunPaths
from repro.profile import BACKENDS
from repro.workflow.job import environment, vendor
from repro.workflow.launch import cores
from repro.workflow.lock import run_lock
from repro.workflow.process import die_with


def _capture_beside(out: Path, arguments: argparse.Namespace) -> None:
    """Both frameworks at once, each in a process of its own: ``repro selftest --backend B``."""
    own = environment({"threads": 1}, {"gpu": False, "command": []}, None, vendor())
    own["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PROJECT), own.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "repro", "selftest", "--out", str(out), "--clean", str(arguments.clean)]
    command += ["--faults", ",".join(arguments.faults)] if arguments.faults else []
    processes = {
        backend: subprocess.Popen(
            [*command, "--backend", backend],
            stdin=subprocess.DEVNULL,
            env=own,
            preexec_fn=partial(die_with, os.getpid()),
        )
        for backend in BACKENDS
    }
    codes = {backend: process.wait() for backend, process in processes.items()}
    for backend, code in codes.items():
        if code:
            kind = InputError if code == InputError.exit_code else EnvironmentFault
            raise kind(f"the capture with {backend} ended with exit code {code}", next_step="see its message above")


def selftest(arguments: argparse.Namespace) -> int:
    """Plant, capture, compare, print the table; 1 if a fault was missed or a false alarm raised."""
    from repro.selftest import capture_all, conclude

    out = (arguments.out or Path("runs") / "selftest").expanduser().resolve()
    if arguments.backend:
        capture_all(out, arguments.backend, arguments.faults, arguments.clean)
        return EXIT_OK
    with run_lock(RunPaths(out)):
        _capture_beside(out, arguments)
        found = conclude(out, arguments.faults, arguments.clean, workers=cores())
    print("\n".join(table(found["table"]["columns"], found["table"]["rows"])))
    print(found["sentence"])
    print(f"self-test: {out / 'selftest.md'}")
    return EXIT_OK if found["passed"] else EXIT_DIFFERS
