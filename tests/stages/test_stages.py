"""What all stages have in common."""

import importlib
import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from repro.config.paths import RunPaths
from repro.config.profile_file import load_profile
from repro.errors import InputError
from repro.stages import STAGES, compare, train
from repro.stages.base import Stage, run_stage
from repro.workflow.jobs import PRIORITY
from repro.workflow.tasks import CODE


def test_every_stage_is_a_rule_with_a_module_of_its_name() -> None:
    assert set(STAGES) == set(PRIORITY) == set(CODE)
    for name in STAGES:
        assert callable(importlib.import_module(f"repro.stages.{name.replace('-', '_')}").run)


def test_parts_are_done_one_task_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks: list[str] = []
    steps: list[int] = []

    def announce(name: str) -> AbstractContextManager[object]:
        tasks.append(name)
        return nullcontext()

    monkeypatch.setattr(compare, "compare_step", lambda _run, _profile, step: steps.append(step))
    profile = load_profile("mini", {"steps": [1, 4, 11]})
    run_stage(Stage("compare", RunPaths(tmp_path), profile, announce=announce))
    assert tasks == ["compare-1", "compare-4", "compare-11"] and steps == [1, 4, 11]
    run_stage(Stage("compare", RunPaths(tmp_path), profile, only=["4"]))
    assert steps == [1, 4, 11, 4]
    with pytest.raises(InputError, match=r"no part '5'[\s\S]*choose from: 1, 4, 11"):
        run_stage(Stage("compare", RunPaths(tmp_path), profile, only=["5"]))


def test_only_a_training_in_tf32_lifts_the_ban_before_its_framework_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str | None] = []
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    monkeypatch.setattr(train, "load", lambda _name: calls.append(os.environ["NVIDIA_TF32_OVERRIDE"]))
    for precision in ("float32", "bf16", "tf32"):
        profile = load_profile("mini", {"training.precision": precision})
        run_stage(Stage("train", RunPaths(tmp_path), profile, backend="paddle", only=[]))
    assert calls == ["0", "0", "1"]
