"""Every shipped profile is read by the real command line, and its whole DAG by the real engine."""

import subprocess
from pathlib import Path

import pytest
import yaml

from repro.cli.parser import make_parser
from repro.cli.run import profile_from
from repro.cli.tools import profiles
from repro.config.paths import CHECKPOINTS, RunPaths, atomic_text
from repro.config.profile import Profile
from repro.config.profile_file import PROFILES, load_profile, run_profile, save_profile
from repro.errors import InputError
from repro.workflow.jobs import make_plan
from repro.workflow.launch import job_environment, snakemake_command
from repro.workflow.plan import plan_path

NAMES = sorted(path.stem for path in PROFILES.glob("*.yaml"))


def parsed(name: str, *options: str) -> Profile:
    return profile_from(make_parser().parse_args(["all", "--profile", name, *options]))


def test_published_files_are_named_whole(tmp_path: Path) -> None:
    profile = parsed("mini", "--evidence", str(tmp_path))
    assert profile.evidence.source == "path" and profile.evidence.directory == tmp_path
    with pytest.raises(InputError, match="compared with published files"):
        parsed("mini", "--notes", __file__)
    with pytest.raises(InputError, match="directory is needed"):
        parsed("mini", "--set", "evidence.source=path")


@pytest.mark.parametrize("name", NAMES)
def test_the_engine_accepts_the_whole_dag(name: str, tmp_path: Path) -> None:
    run = RunPaths(tmp_path / "run")
    for file in ("model.safetensors", "config.json", "vocab.txt"):
        atomic_text(tmp_path / "weights" / file, "{}")
    base = load_profile("base")
    for file in (base.data.dev, base.data.train.format(seed=42, size=16)):
        atomic_text(tmp_path / "data" / file, "{}\n")
    options = {
        "mini": ["--weights", str(tmp_path / "weights")],
        "base": ["--data", str(tmp_path / "data"), "--vocab", str(tmp_path / "weights" / "vocab.txt")],
    }
    profile = parsed(name, *options.get(name, []))
    assert profile.name == name
    save_profile(run, profile)
    assert run_profile(run) == profile
    plan = make_plan(run, profile, workers=2).replace(program=("true",), gpus={"pytorch": ("0",), "paddle": ("0",)})
    plan.write(plan_path(run))
    command = [*snakemake_command(run, plan, workers=2), "--dry-run", "--quiet"]
    done = subprocess.run(command, env=job_environment(run), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    stages = {job.kind for job in plan.jobs.values()}
    assert stages >= {"inputs", "convert", "features", "capture", "compare", "reprod-log", "report"}
    assert ("train" in stages) == (11 in profile.steps)


def test_mini_makes_windows_as_its_checkpoint_was_pretrained_on() -> None:
    recipe = yaml.safe_load((CHECKPOINTS / "mini" / "recipe.yaml").read_text())
    assert parsed("mini").features.model_dump() == recipe["features"]
    assert recipe["features"]["max_seq_length"] <= recipe["geometry"]["max_position_embeddings"]


def test_profiles_are_listed_with_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    profiles(make_parser().parse_args(["profiles"]))
    out = capsys.readouterr().out
    for line in ("mini", "  training.learning_rate = ", "  training.baseline.sizes = ", "  alignment.batch_size = "):
        assert f"\n{line}" in out
