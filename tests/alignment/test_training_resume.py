"""Trainings as tasks of a run: a lost one is done again, alone, with the same digits; repeats are further tasks."""

import shutil
from functools import partial

import pytest

import repro.stages.train
from repro.config.paths import sha256_file
from repro.config.profile import BACKENDS
from repro.context.attempts import read_attempts
from repro.results.stamp import Stamp, stamp_path
from repro.stages.base import Stage, run_stage
from repro.workflow.completion import working
from repro.workflow.jobs import make_plan
from repro.workflow.plan import plan_path
from tests.alignment.fake_run import FakeRun


@pytest.fixture
def trained(fake: FakeRun, monkeypatch: pytest.MonkeyPatch) -> FakeRun:
    """A run with all of its trainings."""
    monkeypatch.setattr(repro.stages.train, "load", lambda _name: None)
    assert len(train_unfinished(fake)) == 8
    return fake


def train_unfinished(fake: FakeRun) -> set[str]:
    """Do every training without a valid stamp, as its job does; their names."""
    plan = make_plan(fake.run, fake.profile, workers=2)
    plan.write(plan_path(fake.run))
    for task in plan.tasks.values():
        if task.kind != "train":  # the fake run has their files from elsewhere
            Stamp(key=task.key, seconds=0, files={}).write(stamp_path(fake.run, task.name))
    tasks = [plan.tasks[name] for job in plan.jobs.values() if job.kind == "train" for name in job.tasks]
    for backend in BACKENDS:
        parts = [task.part for task in tasks if task.backend == backend]
        announce = partial(working, fake.run)
        run_stage(Stage("train", fake.run, fake.profile, backend=backend, only=parts, announce=announce))
    return {task.name for task in tasks}


def digits(fake: FakeRun) -> dict[str, str]:
    """sha256 of every file of every training but ``result.json``, which holds seconds."""
    files = [path for path in (fake.run.root / "training").rglob("*.*") if path.name != "result.json"]
    return {str(path.relative_to(fake.run.root)): sha256_file(path) for path in files}


def test_a_deleted_training_is_done_again_alone_digit_for_digit(trained: FakeRun) -> None:
    before = digits(trained)
    assert len(before) == 8 * 5 and not train_unfinished(trained)
    shutil.rmtree(trained.run.training("paddle", "pretrained", 16, 43))
    assert train_unfinished(trained) == {"train-paddle-pretrained-16-43"}
    assert digits(trained) == before
    attempts = {item.training: item for item in read_attempts(trained.run, trained.profile)}
    assert [len(item.attempts) for item in attempts.values()].count(1) == 7
    again = attempts["paddle/pretrained-16-43"]
    assert len(again.attempts) == 2 and not again.replaced


def test_repeats_come_on_top(trained: FakeRun) -> None:
    before = digits(trained)
    trained.set("training", repeats=2)
    new = {f"train-{side}-pretrained-16-{seed}-r1" for side in ("pytorch", "paddle") for seed in (42, 43, 44)}
    assert train_unfinished(trained) == new
    after = digits(trained)
    assert len(after) == 14 * 5 and after.items() >= before.items()
    result = trained.compare(11)
    assert any(table.title.startswith("Spread of F1: standard deviations") for table in result.tables)
    for text in ("14 trainings", "Pairs of trainings: 7;", "All 98 trained answers are the same"):
        assert text in result.summary
