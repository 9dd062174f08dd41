"""The wrapper around a job: environment, GPU locks, messages."""

from __future__ import annotations

import fcntl
import os
import signal
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

from repro.devices import gpu_indices
from repro.errors import InputError
from repro.paths import RunPaths, atomic_text
from repro.workflow.job import environment, outcome, tail, vendor
from repro.workflow.lock import gpu_lock, run_lock

PLAN: dict[str, Any] = {"threads": 3, "gpus": ["0", "1"]}
CAPTURE = {"command": ["capture", "--backend", "paddle"], "gpu": True}


def test_threads_and_the_switch_for_amd() -> None:
    intel = environment(PLAN, CAPTURE, None, "GenuineIntel")
    amd = environment(PLAN, CAPTURE, None, "AuthenticAMD")
    assert intel["OMP_NUM_THREADS"] == intel["MKL_NUM_THREADS"] == "3"
    assert "MKL_DEBUG_CPU_TYPE" not in intel
    assert amd["MKL_DEBUG_CPU_TYPE"] == "5"


def test_trainings_keep_freed_memory_and_large_models_give_it_back() -> None:
    training = environment(PLAN, {"command": ["train"], "gpu": True}, None, "")
    capture = environment(PLAN, CAPTURE, None, "")
    assert int(capture["MALLOC_MMAP_THRESHOLD_"]) < int(training["MALLOC_MMAP_THRESHOLD_"])
    assert "MALLOC_TRIM_THRESHOLD_" in training and "MALLOC_TRIM_THRESHOLD_" not in capture


def test_a_job_sees_its_own_gpu_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment(PLAN, CAPTURE, "1", "")["CUDA_VISIBLE_DEVICES"] == "1"
    assert environment(PLAN, CAPTURE, None, "")["CUDA_VISIBLE_DEVICES"] == ""
    monkeypatch.setenv("LD_LIBRARY_PATH", "/own")
    assert environment(PLAN, CAPTURE, "1", "")["LD_LIBRARY_PATH"].endswith("/own")
    assert environment(PLAN, CAPTURE, None, "")["LD_LIBRARY_PATH"] == "/own"


def test_vendor_of_the_processor(tmp_path: Path) -> None:
    atomic_text(tmp_path / "cpuinfo", "processor\t: 0\nvendor_id\t: AuthenticAMD\n")
    assert vendor(tmp_path / "cpuinfo") == "AuthenticAMD"
    assert vendor(tmp_path / "missing") == ""


def test_outcome_names_the_signal() -> None:
    assert outcome(3) == "exit code 3"
    assert outcome(-signal.SIGKILL) == "killed by SIGKILL (out of memory?)"
    assert outcome(-signal.SIGTERM) == "killed by SIGTERM"


def test_tail_splits_progress_bars_and_leaves_out_empty_lines(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("first\n\n 10%\r 20%\nlast\n")
    assert tail(tmp_path / "log", 2) == [" 20%", "last"]


def test_gpus_come_from_the_environment_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, expected in (("0, 2", ["0", "2"]), ("", []), ("-1", [])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", text)
        assert gpu_indices() == expected


def test_each_gpu_serves_one_job_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("repro.workflow.lock.GPU_POLL_SECONDS", 0.01)
    third: list[str] = []

    def wait() -> None:
        with gpu_lock(["0", "1"]) as index:
            third.append(index)

    with gpu_lock(["0", "1"]) as first:
        with gpu_lock(["0", "1"]) as second:
            assert {first, second} == {"0", "1"}
            thread = threading.Thread(target=wait)
            thread.start()
            thread.join(0.1)
            assert not third, "a third job got a GPU that is taken"
        thread.join(5)
        assert third == [second]


def test_a_lock_file_without_a_holder_stops_nobody(tmp_path: Path) -> None:
    run = RunPaths(tmp_path / "run")
    atomic_text(run.root / ".lock", "99999999\n")
    refused = pytest.raises(InputError, match=rf"another run is at work here \(process {os.getpid()}\)")
    with run_lock(run), refused, run_lock(run):
        raise AssertionError("held twice")
    with run_lock(run):
        assert (run.root / ".lock").read_text() == f"{os.getpid()}\n"


def test_the_run_lock_is_not_inherited_by_children(tmp_path: Path) -> None:
    with run_lock(RunPaths(tmp_path)):
        held = [fd for fd in os.listdir("/proc/self/fd") if _is(fd, tmp_path / ".lock")]
        assert held
        assert not any(os.get_inheritable(int(fd)) for fd in held)
        descriptor = os.open(tmp_path / ".lock", os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)


def _is(descriptor: str, path: Path) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}") == str(path)
    except OSError:
        return False


def test_a_folder_that_cannot_be_made_is_an_input_error(tmp_path: Path) -> None:
    atomic_text(tmp_path / "file", "")
    with (
        pytest.raises(InputError, match="cannot write the run directory"),
        run_lock(RunPaths(tmp_path / "file" / "run")),
    ):
        raise AssertionError("locked what is not there")
