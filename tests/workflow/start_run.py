"""A whole run of fake boxes as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from repro.paths import PROJECT

FAKE_RUN = Path(__file__).with_name("fake_run.py")


def start(run: Path, *overrides: str, **environment: str) -> subprocess.Popen[str]:
    """``fake_run.py RUN``; its output and messages can be read from ``stdout``."""
    return subprocess.Popen(
        [sys.executable, str(FAKE_RUN), str(run), *overrides],
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
