"""Arguments, messages and exit codes of the command line."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from repro import __version__
from repro.cli import tools
from repro.cli.main import main
from repro.cli.parser import make_parser, numbers, steps
from repro.cli.run import cpu_seconds, profile_from
from repro.errors import EnvironmentFault, InputError
from repro.profile import load_profile


def test_steps_are_numbers_and_ranges() -> None:
    assert numbers("1,4,8-10") == [1, 4, 8, 9, 10]
    assert numbers("3,1,3, 2-3") == [1, 2, 3]
    assert steps("1-11") == list(range(1, 12))


@pytest.mark.parametrize("text", ["", "a", "1,,2", "-3", "4-", "5-3", "1.5"])
def test_lists_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        numbers(text)


@pytest.mark.parametrize("text", ["0", "12", "1-12"])
def test_steps_outside_one_to_eleven_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        steps(text)


def test_options_override_fields_of_the_profile(tmp_path: Path) -> None:
    arguments = make_parser().parse_args(
        [
            *("all", "--profile", "paper", "--steps", "1,4,8-10", "--data", str(tmp_path), "--protocol", "published"),
            *("--device", "cpu", "--seeds", "42-43", "--sizes", "16", "--backends", "paddle"),
            *("--set", "training.epochs=3", "--set", "alignment.batch_size=4"),
        ]
    )
    profile = profile_from(arguments)
    assert profile.steps == (1, 4, 8, 9, 10)
    assert profile.data.directory == tmp_path
    assert (profile.protocol, profile.device, profile.backends) == ("published", "cpu", ("paddle",))
    assert (profile.training.seeds, profile.training.sizes, profile.training.epochs) == ((42, 43), (16,), 3)
    assert profile.alignment.batch_size == 4


def test_fewer_seeds_and_sizes_hold_for_the_baseline_too() -> None:
    def baseline(*options: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        found = profile_from(make_parser().parse_args(["all", *options])).training.baseline
        return found.sizes, found.seeds

    assert baseline() == ((16, 128, 1024), (42,))
    assert baseline("--sizes", "16,128") == ((16, 128), (42,))
    assert baseline("--seeds", "43") == ((16, 128, 1024), ())
    assert baseline("--sizes", "16", "--set", "training.baseline.sizes=[128]") == ((128,), (42,))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nothing"],
        ["all", "--steps", "12"],
        ["all", "--jobs", "0"],
        ["all", "--set", "training.epochs"],
        ["all", "--data", "/no/such/folder"],
        ["all", "--backends", "jax"],
        ["convert", "a", "b"],
        ["capture", "--run", "."],
    ],
)
def test_wrong_usage_ends_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    assert ending.value.code == 2
    assert "usage: repro" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["--version"])
    assert ending.value.code == 0
    assert capsys.readouterr().out == f"repro {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["all", "--profile", "tiny"], "no profile 'tiny'"),
        (["all", "--set", "training.epoch=3"], "training.epoch: Extra inputs are not permitted"),
        (["all", "--set", "training.epochs=0"], "training.epochs: Input should be greater than or equal to 1"),
        (["all", "--profile", "base"], "this profile needs a folder of few-shot files"),
    ],
)
def test_bad_input_is_one_message_without_a_traceback(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "run")]
    assert main([*arguments, *out]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "run").exists()
    assert main([*arguments, *out, "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_missing_data_files_are_listed_with_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.jsonl").write_text("{}")
    (tmp_path / "vocab.txt").write_text("[PAD]\n")
    arguments = ["all", "--profile", "base", "--data", str(tmp_path), "--vocab", str(tmp_path / "vocab.txt")]
    assert main([*arguments, "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert "2 of 2 few-shot files are missing: dev_qass_50.jsonl, squad-train-seed-42-num-examples-16" in error
    assert "there is: other.jsonl, vocab.txt" in error


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            InputError("bad file", where="x", next_step="repro doctor"),
            2,
            "repro: bad file\n  where: x\n  next:  repro doctor",
        ),
        (EnvironmentFault("no GPU"), 3, "repro: no GPU"),
        (ValueError("odd"), 3, "repro: unexpected ValueError: odd\n  next:  the same command with --debug"),
        (PermissionError(13, "Permission denied", "/a"), 3, "repro: [Errno 13] Permission denied: '/a'"),
        (MemoryError(), 3, "repro: out of memory"),
        (KeyboardInterrupt(), 130, "repro: interrupted"),
    ],
)
def test_every_failure_has_its_exit_code_and_one_message(
    error: BaseException,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: argparse.Namespace) -> None:
        raise error

    monkeypatch.setattr(tools, "profiles", fail)
    assert main(["profiles"]) == code
    assert capsys.readouterr().err.startswith(message)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from repro.cli.parser import make_parser\n"
        "make_parser().format_help()\n"
        "heavy = ('numpy', 'yaml', 'pydantic', 'torch', 'paddle', 'snakemake', 'requests')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    project = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.replace("'", '"')) == []


def test_a_box_outside_a_run_directory_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--run", str(tmp_path)]) == 2
    assert "this is not a run directory" in capsys.readouterr().err


def test_estimate_of_the_paper_on_cpu_is_days() -> None:
    days = cpu_seconds(load_profile("paper")) / 86400
    assert 5 < days < 40
