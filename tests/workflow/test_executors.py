"""Other machines: profiles of batch systems, and a run whose trainings an array of jobs does."""

import signal
from pathlib import Path

import pytest
import yaml

from repro.config.paths import RunPaths
from repro.errors import EnvironmentFault, InputError
from repro.workflow.executors import FOLDER, executor_folder, executor_options
from repro.workflow.job import INDICES, array_index, run_training
from repro.workflow.launch import snakemake_command
from repro.workflow.plan import Plan, plan_path, read_plan
from tests.workflow.observer import Observer, Started, ended


def test_a_profile_is_found_by_name_or_by_folder(tmp_path: Path) -> None:
    assert executor_folder("slurm") == FOLDER / "slurm"
    (tmp_path / "config.yaml").write_text("executor: slurm\n")
    assert executor_folder(str(tmp_path)) == tmp_path
    with pytest.raises(InputError, match=r"no executor 'lsf'[\s\S]*choose one of: slurm"):
        executor_folder("lsf")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("jobs: 4\n", InputError, "names no executor"),
        ("- a\n", InputError, "names no executor"),
        ("a: [\n", InputError, "not YAML"),
        ("executor: nosuch\n", EnvironmentFault, "snakemake-executor-plugin-nosuch is not installed"),
    ],
)
def test_a_profile_that_cannot_work_is_refused(tmp_path: Path, text: str, error: type[Exception], message: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(error, match=message):
        executor_options(tmp_path)


def test_only_a_batch_system_needs_a_plugin() -> None:
    run, plan = RunPaths(Path("run")), Plan(tasks={}, finished=frozenset(), jobs={}, targets=())
    assert snakemake_command(run, plan, workers=1)[2] == "repro.workflow.engine"
    assert snakemake_command(run, plan, workers=1, cluster=executor_options(FOLDER / "slurm"))[2] == "snakemake"


def test_limits_go_to_snakemake() -> None:
    assert executor_options(FOLDER / "slurm", jobs=3, gpus=2)[2:] == ["--jobs", "3", "--resources", "gpu=2"]


def test_snakemake_knows_every_option_of_the_shipped_profile() -> None:
    from snakemake.cli import get_argument_parser

    known = {option for action in get_argument_parser()._actions for option in action.option_strings}
    for path in FOLDER.glob("*/config.yaml"):
        options = {f"--{name}" for name in yaml.safe_load(path.read_text())}
        assert options <= known, options - known


def array_job(observer: Observer, run: Path, index: int, **variables: str) -> Started:
    return observer.repro("job", "--run", str(run), **{INDICES[index % 3]: str(index)}, **variables)


@pytest.mark.slow
def test_an_array_does_the_trainings_and_the_last_job_the_rest(tmp_path: Path, observer: Observer) -> None:
    run = tmp_path / "run"
    assert "jobs: " in observer.finish(run, FAKE_UNTIL="features")
    plan = read_plan(RunPaths(run))
    assert plan is not None
    trainings = plan.trainings()
    assert len(trainings) == 4
    assert all(len(plan.jobs[name].tasks) == 1 for name in trainings)
    assert not (run / "training").exists()

    # one is preempted in the middle and its index started again, as a batch system does; one index is one too many
    preempted = array_job(observer, run, 1, FAKE_HOLD="train-")
    ((_, task, *_),) = observer.wait_for("hold")
    assert task == plan.jobs[trainings[1]].tasks[0]
    preempted.end(signal.SIGTERM)
    preempted.finished(128 + signal.SIGTERM)
    processes = [array_job(observer, run, index) for index in range(5)]
    outputs = [process.finished() for process in processes]
    assert "nothing to do: the plan has 4 trainings" in outputs[4]
    assert "finished already" in array_job(observer, run, 2).finished()

    assert "jobs: " in observer.finish(run)
    assert (run / "report.md").exists()
    counts = ended(run)
    assert set(counts.values()) == {1}, "something was done twice"
    assert sum(name.startswith("train-") for name in counts) == 4


def test_an_array_needs_a_plan_and_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunPaths(tmp_path)
    Plan(tasks={}, finished=frozenset(), jobs={}, targets=()).write(plan_path(run))
    for wrong in (run, RunPaths(tmp_path / "none")):
        with pytest.raises(InputError, match="repro all --until features, first"):
            run_training(wrong, 0)
    with pytest.raises(InputError, match="counted from 0"):
        run_training(RunPaths(tmp_path), -1)
    for name in INDICES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="no array job"):
        array_index()
