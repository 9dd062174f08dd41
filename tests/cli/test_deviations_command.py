"""``repro deviations``: which trainings it asks for, what it launches, what it prints."""

import argparse
from collections.abc import Collection
from pathlib import Path

import pytest

from repro.cli import deviations as command
from repro.cli.main import main
from repro.cli.parser import make_parser
from repro.cli.run import profile_from
from repro.config.paths import RunPaths
from repro.config.profile import Profile
from repro.config.profile_file import load_profile
from repro.workflow.jobs import DEVIATIONS
from tests.deviations.synthetic import deviations_result


def test_sizes_and_seeds_are_those_of_the_deviations() -> None:
    arguments = ["deviations", "--sizes", "16", "--seeds", "42", "--switches", "order", "--set", "training.epochs=3"]
    profile, plain = profile_from(make_parser().parse_args(arguments)), load_profile("mini")
    assert profile.deviation_files() == [(16, 42)] and profile.deviations.switches == ("order",)
    assert profile.training == plain.training.model_copy(update={"epochs": 3}), "the trainings of step 11 stay"
    with pytest.raises(SystemExit, match="2"):
        main(["deviations", "--switches", "no-such"])


def test_what_is_launched_and_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    launched: list[tuple[Profile, Collection[str]]] = []

    def launch(run: RunPaths, profile: Profile, _: argparse.Namespace, stages: Collection[str]) -> None:
        launched.append((profile, stages))
        deviations_result().write(run.deviations / "deviations.json")

    monkeypatch.setattr(command, "launch_as_asked", launch)
    assert main(["deviations", "--out", str(tmp_path)]) == 0
    ((profile, stages),) = launched
    assert profile.deviations.switches == "all" and stages == DEVIATIONS
    out = capsys.readouterr().out
    assert "| order | 0.00 [0.00, 0.00] |" in out and "Nothing changes." in out and "1 min 15 s" in out
    assert str(tmp_path / "deviations" / "deviations.md") in out
