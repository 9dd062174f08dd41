"""Other machines: profiles of batch systems, and a run whose trainings an array of jobs does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from repro.errors import EnvironmentFault, InputError
from repro.paths import PROJECT, RunPaths, read_json
from repro.workflow.array import INDICES, array_index
from repro.workflow.executors import FOLDER, executor_folder, executor_options
from repro.workflow.receipts import plan_path
from tests.workflow.start_run import start

needs_plugin = pytest.mark.skipif(sys.version_info < (3, 11), reason="Snakemake's Slurm plugin needs Python 3.11")


def test_a_profile_is_found_by_name_or_by_folder(tmp_path: Path) -> None:
    assert executor_folder("slurm") == FOLDER / "slurm"
    (tmp_path / "config.yaml").write_text("executor: slurm\n")
    assert executor_folder(str(tmp_path)) == tmp_path
    with pytest.raises(InputError, match=r"no executor 'lsf'[\s\S]*choose one of: slurm"):
        executor_folder("lsf")


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("jobs: 4\n", InputError, "names no executor"),
        ("- a\n", InputError, "names no executor"),
        ("a: [\n", InputError, "not YAML"),
        ("executor: nosuch\n", EnvironmentFault, "snakemake-executor-plugin-nosuch is not installed"),
    ],
)
def test_a_profile_that_cannot_work_is_refused(tmp_path: Path, text: str, error: type[Exception], said: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(error, match=said):
        executor_options(tmp_path)


@needs_plugin
def test_limits_go_to_snakemake() -> None:
    assert executor_options(FOLDER / "slurm", jobs=3, gpus=2)[2:] == ["--jobs", "3", "--resources", "gpu=2"]


@needs_plugin
def test_snakemake_knows_every_option_of_the_shipped_profile() -> None:
    from snakemake.cli import get_argument_parser

    known = {option for action in get_argument_parser()._actions for option in action.option_strings}
    for path in FOLDER.glob("*/config.yaml"):
        options = {f"--{name}" for name in yaml.safe_load(path.read_text())}
        assert options <= known, options - known


def array_job(run: Path, index: int, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "repro", "job", "--run", str(run)],
        env={**os.environ, "PYTHONPATH": str(PROJECT), INDICES[index % 3]: str(index), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_an_array_does_the_trainings_and_the_last_job_the_rest(tmp_path: Path) -> None:
    run = tmp_path / "run"
    output, _ = start(run, FAKE_UNTIL="features").communicate(timeout=60)
    assert "jobs: " in output
    jobs = read_json(plan_path(RunPaths(run)))["jobs"]
    trainings = [name for name, job in jobs.items() if job["command"][0] == "train"]
    assert len(trainings) == 4
    assert all(len(jobs[name]["pieces"]) == 1 for name in trainings)
    assert not (run / "training").exists()

    # one is preempted in the middle and its index started again, as a batch system does; one index is one too many
    preempted = array_job(run, 1, FAKE_SECONDS="60")
    limit = time.monotonic() + 30
    while f"begin {jobs[trainings[1]]['pieces'][0]}" not in (run / "trace.txt").read_text():
        assert time.monotonic() < limit
        time.sleep(0.05)
    preempted.send_signal(signal.SIGTERM)
    preempted.communicate(timeout=10)
    assert preempted.returncode == 128 + signal.SIGTERM
    processes = [array_job(run, index) for index in range(5)]
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 5, said
    assert "nothing to do: the plan has 4 trainings" in said[4]
    assert "finished already" in array_job(run, 2).communicate(timeout=60)[0]

    output, _ = start(run).communicate(timeout=60)
    assert "jobs: " in output
    assert (run / "report.md").exists()
    ends = [line.split()[1] for line in (run / "trace.txt").read_text().splitlines() if line.startswith("end")]
    assert len(ends) == len(set(ends)), "something was done twice"
    assert sum(name.startswith("train-") for name in ends) == 4


def test_an_array_needs_a_plan_and_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    start(run, "steps=[1]").communicate(timeout=60)
    output, _ = (process := array_job(run, 0)).communicate(timeout=60)
    assert process.returncode == 2
    assert "repro all --until features, first" in output
    for name in INDICES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="no array job"):
        array_index()
