"""Every shipped profile is read by the real command line, and its whole DAG by the real engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from repro.cli.parser import make_parser
from repro.cli.run import profile_from
from repro.cli.tools import profiles
from repro.errors import InputError
from repro.paths import CHECKPOINTS, RunPaths, atomic_json, atomic_text
from repro.profile import PROFILES, Profile, load_profile, save_profile
from repro.workflow.launch import job_environment, snakemake_command
from repro.workflow.plan import make_plan
from repro.workflow.receipts import plan_path

NAMES = sorted(path.stem for path in PROFILES.glob("*.yaml"))


def parsed(name: str, *options: str) -> Profile:
    return profile_from(make_parser().parse_args(["all", "--profile", name, *options]))


def test_the_documented_profiles_ship() -> None:
    assert {"mini", "base", "paper"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_header_says_command_duration_and_expected_result(name: str) -> None:
    header = (PROFILES / f"{name}.yaml").read_text().split("\nname:")[0]
    assert all(line.startswith("#") for line in header.splitlines())
    for word in ("Command:", "Duration:", "Expected:"):
        assert word in header
    assert parsed(name).name == name


def test_published_files_are_named_whole(tmp_path: Path) -> None:
    profile = parsed("mini", "--evidence", str(tmp_path))
    assert profile.evidence.source == "path" and profile.evidence.directory == tmp_path
    with pytest.raises(InputError, match="held against published files"):
        parsed("mini", "--notes", str(tmp_path))
    with pytest.raises(InputError, match="directory is needed"):
        parsed("mini", "--set", "evidence.source=path")


@pytest.mark.parametrize("name", NAMES)
def test_profile_survives_its_own_json(name: str) -> None:
    profile = parsed(name)
    assert Profile.model_validate_json(profile.model_dump_json()) == profile


@pytest.mark.parametrize("name", NAMES)
def test_the_engine_accepts_the_whole_dag(name: str, tmp_path: Path) -> None:
    run = RunPaths(tmp_path / "run")
    for file in ("model.safetensors", "config.json", "vocab.txt"):
        atomic_text(tmp_path / "weights" / file, "{}")
    base = load_profile("base")
    for file in (base.data.dev, base.data.train.format(seed=42, size=16)):
        atomic_text(tmp_path / "data" / file, "{}\n")
    given = {
        "mini": ["--weights", str(tmp_path / "weights")],
        "base": ["--data", str(tmp_path / "data"), "--vocab", str(tmp_path / "weights" / "vocab.txt")],
    }
    profile = parsed(name, *given.get(name, []))
    save_profile(run, profile)
    plan = make_plan(run, profile, workers=2)
    shared = {"program": ["true"], "python": sys.executable, "threads": 1, "gpus": ["0"]}
    atomic_json(plan_path(run), plan.to_json(**shared))
    command = [*snakemake_command(run, workers=2, threads=1, gpus=1), "--dry-run", "--quiet"]
    done = subprocess.run(command, env=job_environment(run), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    jobs = {job.name.partition("-")[0] for job in plan.jobs}
    assert jobs >= {"inputs", "convert", "features", "capture", "compare", "reprod", "report"}
    assert ("train" in jobs) == (11 in profile.steps)


def test_mini_makes_windows_as_its_checkpoint_was_pretrained_on() -> None:
    recipe = yaml.safe_load((CHECKPOINTS / "mini" / "recipe.yaml").read_text())
    assert parsed("mini").features.model_dump() == recipe["features"]
    assert recipe["features"]["max_seq_length"] <= recipe["geometry"]["max_position_embeddings"]


def test_profiles_are_listed_with_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    profiles(make_parser().parse_args(["profiles"]))
    out = capsys.readouterr().out
    for line in ("mini", "  training.learning_rate = ", "  training.baseline.sizes = ", "  alignment.batch_size = "):
        assert f"\n{line}" in out
