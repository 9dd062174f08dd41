"""GPUs: which are used, which are refused before any job, and that each serves one job at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from repro.devices import gpu_indices
from repro.errors import EnvironmentFault, InputError
from repro.paths import RunPaths, atomic_json, read_json
from repro.workflow.gpus import choose_gpus
from repro.workflow.job import work
from repro.workflow.receipts import events_path, plan_path

FAKE_RUN = Path(__file__).with_name("fake_run.py")
PROJECT = Path(__file__).resolve().parents[2]
T4 = "{}, Tesla T4, 7.5, 15360 MiB, 580.65.06"
H100 = "{}, NVIDIA H100 80GB HBM3, 9.0, 81559 MiB, 580.65.06"
OLD_DRIVER = "{}, NVIDIA A100-SXM4-40GB, 8.0, 40960 MiB, 535.104.05"
THIRTY = ("steps=[11]", "training.seeds=[42,43,44,45,46]", "training.sizes=[16,128,1024]", "device=gpu")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts an ``nvidia-smi`` on the path that lists these GPUs, and ``-L`` with a MIG slice on each."""

    def put(*rows: str) -> None:
        script = tmp_path / "bin" / "nvidia-smi"
        script.parent.mkdir(exist_ok=True)
        query = "".join(f"echo '{row.format(n)}'\n" for n, row in enumerate(rows))
        listing = "".join(
            f"echo 'GPU {n}: a card (UUID: GPU-{n}aaa-bbbb)'\necho '  MIG 1g.5gb     Device  0: (UUID: MIG-{n}ccc)'\n"
            for n in range(len(rows))
        )
        script.write_text(f'#!/bin/sh\nif [ "$1" = -L ]; then\n{listing}exit\nfi\n{query}')
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return put


def test_all_supported_gpus_are_used_and_others_are_named(machine: Callable[..., None]) -> None:
    machine(T4, H100, T4)
    gpus, left_out = choose_gpus("auto")
    assert gpus == ["0", "2"]
    (reason,) = left_out
    assert reason.startswith("GPU 1 (NVIDIA H100 80GB HBM3): Paddle's wheel needs compute capability 6.1, ")
    assert choose_gpus("auto", backends=("pytorch",)) == (["0", "1", "2"], [])
    assert choose_gpus("cpu") == ([], [])


def test_a_number_limits_and_a_list_names(machine: Callable[..., None]) -> None:
    machine(T4, H100, T4, T4)
    assert choose_gpus("gpu", 2)[0] == ["0", "2"]
    assert choose_gpus("gpu", 9)[0] == ["0", "2", "3"]
    assert choose_gpus("gpu", ["3", "0"])[0] == ["3", "0"]
    with pytest.raises(InputError, match=r"no GPU 7; this process may use: 0, 1, 2, 3"):
        choose_gpus("gpu", ["0", "7"])
    with pytest.raises(EnvironmentFault, match="H100"):
        choose_gpus("gpu", ["0", "1"])


@pytest.mark.parametrize(
    ("row", "said"), [(H100, "compute capability 6.1"), (OLD_DRIVER, "driver 580 or newer, this is 535.104.05")]
)
def test_an_unsupported_gpu_is_refused_with_the_supported_ones(
    machine: Callable[..., None], row: str, said: str
) -> None:
    machine(row)
    assert choose_gpus("auto")[0] == []
    with pytest.raises(
        EnvironmentFault, match=r"supported one: compute capability 7.5, 8.0, 8.6 or 8.9 \(T4"
    ) as caught:
        choose_gpus("gpu")
    assert said in str(caught.value)
    assert caught.value.exit_code == 3


def test_what_the_batch_system_assigned_is_respected(
    machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(T4, H100, T4)
    for visible, usable in (("2", ["2"]), ("2,1", ["2"]), ("GPU-2aaa", ["GPU-2aaa"]), ("MIG-0ccc", ["MIG-0ccc"])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert choose_gpus("gpu")[0] == usable
    for visible in ("1", "GPU-1aaa-bbbb", "MIG-1ccc", "MIG-unknown"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        with pytest.raises(EnvironmentFault, match=f"GPU {visible}"):
            choose_gpus("gpu")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    with pytest.raises(InputError, match="this process may use: 2"):
        choose_gpus("gpu", ["0"])


def test_a_gpu_that_cannot_be_asked_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(EnvironmentFault, match="NVIDIA_DRIVER_CAPABILITIES=compute,utility"):
        choose_gpus("gpu")


def test_a_job_on_a_node_with_the_wrong_gpu_fails_before_its_program(
    machine: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(H100)
    run = RunPaths(tmp_path / "run")
    job = {"command": ["train", "--backend", "paddle"], "gpu": True}
    plan = {"threads": 1, "gpus": None, "device": "gpu", "remote": True, "program": ["/nowhere"], "jobs": {"it": job}}
    atomic_json(plan_path(run), plan)
    monkeypatch.setenv("REPRO_HOST", "")
    assert work(run, "it") == 3
    assert "supported one: compute capability 7.5" in (run.logs / "it.log").read_text()
    assert '"failed"' in events_path(run).read_text()


def start(run: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(FAKE_RUN), str(run), *THIRTY],
        env={**os.environ, "PYTHONPATH": str(PROJECT), "TMPDIR": str(run.parent), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def timeline(*runs: Path) -> list[tuple[float, str, str]]:
    """(time, "begin" or "end", GPU) of every training of these runs."""
    found, gpu = [], {}
    for run in runs:
        for line in (run / "trace.txt").read_text().splitlines():
            what, piece, *rest = line.split()
            if piece.startswith("train-"):
                if what == "begin":
                    gpu[run, piece] = rest[2]
                found.append((float(rest[-1 if what == "end" else 1]), what, gpu[run, piece]))
    return sorted(found)


def assert_one_at_a_time(events: list[tuple[float, str, str]], trainings: int, gpus: int) -> None:
    """No GPU has two jobs at any time, and all GPUs are at work at some time."""
    busy: set[str] = set()
    most = 0
    for _, what, gpu in events:
        if what == "begin":
            assert gpu not in busy, f"two jobs on GPU {gpu}"
            busy.add(gpu)
        else:
            busy.remove(gpu)
        most = max(most, len(busy))
    assert sum(what == "begin" for _, what, _ in events) == trainings
    assert most == gpus
    assert {gpu for _, _, gpu in events} == {str(n) for n in range(gpus)}


def test_thirty_jobs_on_four_gpus_never_share_one(machine: Callable[..., None], tmp_path: Path) -> None:
    machine(T4, T4, T4, T4)
    process = start(tmp_path / "run", FAKE_SECONDS="0.6", FAKE_WORKERS="300")
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 0, output
    jobs = read_json(plan_path(RunPaths(tmp_path / "run")))["jobs"]
    assert sum(job["command"][0] == "train" for job in jobs.values()) == 30
    assert_one_at_a_time(timeline(tmp_path / "run"), 30, 4)


def test_two_runs_on_one_machine_share_its_gpus(machine: Callable[..., None], tmp_path: Path) -> None:
    machine(T4, T4)
    runs = [tmp_path / "first", tmp_path / "second"]
    processes = [start(run, FAKE_SECONDS="0.1") for run in runs]
    for process in processes:
        output, _ = process.communicate(timeout=200)
        assert process.returncode == 0, output
    assert_one_at_a_time(timeline(*runs), 60, 2)


def test_without_a_listing_the_device_files_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpu_indices() == sorted((p.name[6:] for p in Path("/dev").glob("nvidia[0-9]*")), key=int)
