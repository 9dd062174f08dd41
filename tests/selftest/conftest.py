"""Both frameworks, each once in a process of its own, with a few faults planted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from repro.profile import BACKENDS

WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the workers of both frameworks left."""
    found = tmp_path_factory.mktemp("selftest")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    processes = {
        backend: subprocess.Popen(
            [sys.executable, str(WORKER), backend, str(found)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for backend in BACKENDS
    }
    for backend, process in processes.items():
        output, _ = process.communicate(timeout=600)
        assert process.returncode == 0, f"{backend}:\n{output[-3000:]}"
    return found
