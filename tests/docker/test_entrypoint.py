"""The entrypoint of the image: its working directory, its environment, and its message if /out cannot be written."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from repro.config.paths import PROJECT

ENTRYPOINT = PROJECT / "docker" / "entrypoint.sh"
OTHER_USER = 12345  # root may write everywhere
FAKE_PYTHON = '#!/bin/sh\necho "$PWD|$HOME|$XDG_CACHE_HOME|${TMPDIR-}|$*"\necho "container=${REPRO_CONTAINER-}" >&2\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with `bin/python`, which prints how it was called, and the mounts `out` and `cache`."""
    for name in ("bin", "out", "cache"):
        (tmp_path / name).mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(FAKE_PYTHON)
    python.chmod(0o755)
    return tmp_path


def start(folder: Path, *arguments: str, user: int | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the entrypoint with the folder's mounts."""
    environment = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": "/", "REPRO_OUT": str(folder / "out")}
    environment |= {"XDG_CACHE_HOME": str(folder / "cache"), **variables}
    command = ["sh", "-c", ENTRYPOINT.read_text(), "entrypoint.sh", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, user=user, cwd="/")


def test_runs_in_out_with_the_cache_that_is_mounted_or_lies_in_out(folder: Path) -> None:
    done = start(folder, "all", "--steps", "1 2")
    assert done.stdout.strip() == f"{folder}/out|{folder}/cache|{folder}/cache||-m repro all --steps 1 2"
    done = start(folder, "all", XDG_CACHE_HOME=str(folder / "missing"), TMPDIR=str(folder / "missing"))
    cache = f"{folder}/out/.cache"
    assert done.stdout.strip() == f"{folder}/out|{cache}|{cache}|{cache}/tmp|-m repro all"
    assert (folder / "out" / ".cache" / "tmp").is_dir()


def test_results_that_stay_in_the_container_are_announced(folder: Path) -> None:
    done = start(folder, "all")
    assert done.returncode == 0
    for part in (f"nothing is mounted at {folder}/out", "with --rm they are gone", f":{folder}/out"):
        assert part in done.stderr
    assert f"container={Path('/etc/hostname').read_text().strip()}" in done.stderr
    for arguments in (("all", "--help"), ("doctor",)):
        assert start(folder, *arguments).stderr == "container=\n"
    assert start(folder, "all", REPRO_OUT="/dev/shm").stderr == "container=\n", "a mount"


def test_run_without_out_is_refused(folder: Path) -> None:
    done = start(folder, "all", REPRO_OUT=str(folder / "missing"))
    assert done.returncode == 3
    assert not done.stdout
    for part in (f"{folder}/missing cannot be written", "where:", "next:", "-v"):
        assert part in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user: run the tests as root")
def test_run_as_a_user_who_may_not_write_is_refused(folder: Path) -> None:
    done = start(folder, "all", user=OTHER_USER, REPRO_OUT="/usr")
    assert done.returncode == 3
    assert f"/usr cannot be written by user {OTHER_USER}:" in done.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("doctor",), ("all", "--help"), ("all", "--steps", "1", "-h"), ()])
def test_questions_need_no_out(folder: Path, arguments: tuple[str, ...]) -> None:
    done = start(folder, *arguments, REPRO_OUT=str(folder / "missing"))
    assert done.returncode == 0
    assert done.stdout.strip().endswith(" ".join(("-m repro", *arguments)))


def test_signal_reaches_the_program(folder: Path) -> None:
    """The shell replaces itself, so that tini's child is the program."""
    (folder / "bin" / "python").write_text("#!/bin/sh\ntrap 'exit 143' TERM\necho ready\nread line\n")
    environment = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "REPRO_OUT": str(folder / "out")}
    with subprocess.Popen(
        [ENTRYPOINT, "all"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 143
