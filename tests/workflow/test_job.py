"""The wrapper around a job: environment, GPU locks, messages."""

import fcntl
import os
import signal
import tempfile
import threading
from pathlib import Path

import pytest

from repro.config.paths import RunPaths, atomic_text
from repro.errors import InputError
from repro.workflow.job import environment, outcome, tail
from repro.workflow.lock import gpu_lock, run_lock
from repro.workflow.plan import Job, Plan

CAPTURE = Job(kind="capture", backend="paddle", tasks=(), options=(), after=(), priority=1, gpu=True)
PLAN = Plan(tasks={}, finished=frozenset(), jobs={}, targets=(), threads=3, gpus={"paddle": ("0", "1")})


def test_threads_and_the_switch_for_amd() -> None:
    intel = environment(PLAN, CAPTURE, None, "GenuineIntel")
    assert intel["OMP_NUM_THREADS"] == intel["MKL_NUM_THREADS"] == "3"
    assert "MKL_DEBUG_CPU_TYPE" not in intel
    assert environment(PLAN, CAPTURE, None, "AuthenticAMD")["MKL_DEBUG_CPU_TYPE"] == "5"


def test_a_job_sees_its_own_gpu_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment(PLAN, CAPTURE, "1", "")["CUDA_VISIBLE_DEVICES"] == "1"
    assert environment(PLAN, CAPTURE, None, "")["CUDA_VISIBLE_DEVICES"] == ""
    monkeypatch.setenv("LD_LIBRARY_PATH", "/lib")
    assert environment(PLAN, CAPTURE, "1", "")["LD_LIBRARY_PATH"].endswith("/lib")
    assert environment(PLAN, CAPTURE, None, "")["LD_LIBRARY_PATH"] == "/lib"


def test_outcome_names_the_signal() -> None:
    assert outcome(3) == "exit code 3"
    assert outcome(-signal.SIGKILL) == "killed by SIGKILL (out of memory?)"
    assert outcome(-signal.SIGTERM) == "killed by SIGTERM"


def test_tail_splits_progress_bars_and_leaves_out_empty_lines(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("first\n\n 10%\r 20%\nlast\n")
    assert tail(tmp_path / "log", 2) == [" 20%", "last"]


def test_each_gpu_serves_one_job_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    waits, freed, third = threading.Event(), threading.Event(), list[str]()

    def sleep(_seconds: float) -> None:
        waits.set()
        freed.wait()

    monkeypatch.setattr("repro.workflow.lock.time.sleep", sleep)

    def wait() -> None:
        with gpu_lock(["0", "1"]) as index:
            third.append(index)

    with gpu_lock(["0", "1"]) as first:
        with gpu_lock(["0", "1"]) as second:
            assert {first, second} == {"0", "1"}
            thread = threading.Thread(target=wait)
            thread.start()
            assert waits.wait(60)
            assert not third, "a third job got a GPU that is taken"
        freed.set()
        thread.join(60)
        assert third == [second]


def test_a_lock_file_without_a_holder_stops_nobody(tmp_path: Path) -> None:
    run = RunPaths(tmp_path / "run")
    atomic_text(run.root / ".lock", "99999999\n")
    refused = pytest.raises(InputError, match=rf"another run is at work here \(process {os.getpid()}\)")
    with run_lock(run), refused, run_lock(run):
        raise AssertionError("held twice")
    with run_lock(run):
        assert (run.root / ".lock.process").read_text() == f"{os.getpid()}\n"


def test_the_run_lock_is_the_kernels_and_not_inherited_by_children(tmp_path: Path) -> None:
    with run_lock(RunPaths(tmp_path)), (tmp_path / ".lock").open() as file:
        held = [link.name for link in Path("/proc/self/fd").iterdir() if link.resolve() == tmp_path / ".lock"]
        assert len(held) == 2
        assert not any(os.get_inheritable(int(descriptor)) for descriptor in held)
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_folder_that_cannot_be_made_is_an_input_error(tmp_path: Path) -> None:
    atomic_text(tmp_path / "file", "")
    with (
        pytest.raises(InputError, match="cannot write the run directory"),
        run_lock(RunPaths(tmp_path / "file" / "run")),
    ):
        raise AssertionError("locked what is not there")
