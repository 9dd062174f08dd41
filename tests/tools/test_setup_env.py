"""The shell side of the set-up: which Python it takes, and what it says where there is none."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from repro.config.paths import PROJECT


@pytest.fixture
def python(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a fake interpreter: a shell script in a folder that can be the whole path."""

    def write(name: str, body: str) -> Path:
        script = tmp_path / "pythons" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"#!/bin/sh\n{body}\n")
        script.chmod(0o755)
        return script

    return write


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a bash line with setup_env.sh sourced."""
    line = f"set -euo pipefail; source '{PROJECT}/tools/setup_env.sh'; {command}"
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment}
    return subprocess.run(["/bin/bash", "-c", line], capture_output=True, text=True, input="", env=environment)


def test_named_python_is_taken() -> None:
    assert shell("find_python", REPRO_PYTHON=sys.executable).stdout.strip() == sys.executable


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("exit 127", "does not run"),  # a pyenv shim of a version that is not selected
        ("echo 'cpython 3.10, and CPython 3.11 or 3.12 is needed'; exit 1", "3.10"),
        ("echo '3.11 without ensurepip (Debian, Ubuntu: apt install python3.11-venv)'; exit 1", "python3.11-venv"),
    ],
)
def test_unsuitable_python_ends_with_a_message(python: Callable[[str, str], Path], body: str, reason: str) -> None:
    done = shell("find_python", REPRO_PYTHON=str(python("python3.11", body)))
    assert done.returncode == 3
    assert reason in done.stderr
    assert "next:" in done.stderr


def test_second_candidate_is_taken_when_the_first_does_not_run(python: Callable[[str, str], Path]) -> None:
    python("python3.11", "exit 127")
    second = python("python3.12", f'exec "{sys.executable}" "$@"')
    assert shell("find_python", PATH=f"{second.parent}").stdout.strip() == str(second)


def test_no_python_at_all(tmp_path: Path) -> None:
    done = shell("find_python", PATH=str(tmp_path))
    assert done.returncode == 3
    assert "python3.11: not found" in done.stderr


def test_failed_set_up_ends_the_program(tmp_path: Path) -> None:
    options = {"REPRO_PYTHON": sys.executable, "REPRO_VENV": str(tmp_path / "venv"), "REPRO_VARIANT": "tpu"}
    done = shell("setup_env run; echo reached", **options)
    assert done.returncode == 3
    assert "no variant 'tpu'" in done.stderr
    assert "reached" not in done.stdout


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_needs_no_environment(tmp_path: Path, option: str) -> None:
    environment = {"PATH": os.environ["PATH"], "REPRO_VENV": str(tmp_path / "venv"), "REPRO_PYTHON": "/nowhere"}
    done = subprocess.run([PROJECT / "run_all.sh", option], capture_output=True, text=True, env=environment)
    assert done.returncode == 0
    assert done.stdout.startswith("usage: ./run_all.sh")
    assert not (tmp_path / "venv").exists()
