"""Arguments, messages and exit codes of the command line."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from repro.cli import tools
from repro.cli.main import main
from repro.cli.parser import device, gpus, make_parser, numbers, seed, steps
from repro.cli.run import cpu_seconds, profile_from
from repro.config.paths import PROJECT, RunPaths
from repro.config.profile_file import load_profile, run_profile, save_profile
from repro.errors import EnvironmentFault, InputError, Interrupted


def test_steps_are_numbers_and_ranges() -> None:
    assert numbers("1,4,8-10") == [1, 4, 8, 9, 10]
    assert numbers("3,1,3, 2-3") == [1, 2, 3]
    assert steps("1-11") == list(range(1, 12))


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        *((numbers, text) for text in ("", "a", "1,,2", "-3", "4-", "5-3", "1.5", "1-99999999999")),
        *((seed, text) for text in ("-1", "4294967296", "1.5", "", "9" * 30)),
        *((steps, text) for text in ("0", "12", "1-12")),
        *((device, text) for text in ("tpu", "pytorch=gpu,cpu", "torch=gpu", "paddle=tpu", "")),
        *((gpus, text) for text in ("", "0", "-1", "a", "1,,2", ",", "device=", "1.5")),
    ],
)
def test_what_is_no_such_list_is_refused(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        parse(text)


def test_a_number_of_gpus_or_a_list() -> None:
    assert gpus("2") == 2
    assert gpus("0,2") == ["0", "2"]
    assert gpus("device=1") == ["1"]
    assert gpus("device=GPU-1a,GPU-2b,GPU-1a") == ["GPU-1a", "GPU-2b"]


def test_options_override_fields_of_the_profile(tmp_path: Path) -> None:
    options = "--profile paper --steps 1,4,8-10 --protocol published --device cpu --seeds 42-43 --sizes 16 --repeats 2"
    more = "--backends paddle --set training.epochs=3 --set alignment.batch_size=4"
    arguments = ["all", *options.split(), *more.split(), "--data", str(tmp_path)]
    profile = profile_from(make_parser().parse_args(arguments))
    assert profile.steps == (1, 4, 8, 9, 10)
    assert profile.data.directory == tmp_path
    assert (profile.protocol, profile.device, profile.backends) == ("published", "cpu", ("paddle",))
    training = profile.training
    assert (training.seeds, training.sizes, training.epochs, training.repeats) == ((42, 43), (16,), 3, 2)
    assert profile.alignment.batch_size == 4


def test_gpus_ask_for_gpus() -> None:
    assert profile_from(make_parser().parse_args(["all", "--gpus", "1"])).device == "gpu"
    with pytest.raises(InputError, match="contradict"):
        profile_from(make_parser().parse_args(["all", "--gpus", "1", "--device", "cpu"]))


def test_a_device_for_each_framework() -> None:
    arguments = ["all", "--device", "pytorch=gpu,paddle=cpu"]
    for more in ([], ["--gpus", "1"]):
        profile = profile_from(make_parser().parse_args([*arguments, *more]))
        assert profile.devices == {"pytorch": "gpu", "paddle": "cpu"}
    with pytest.raises(InputError, match="device names none for paddle"):
        profile_from(make_parser().parse_args(["all", "--device", "pytorch=gpu"]))
    alone = profile_from(make_parser().parse_args(["all", "--device", "pytorch=gpu", "--backends", "pytorch"]))
    assert alone.devices == {"pytorch": "gpu"}


def test_fewer_seeds_and_sizes_hold_for_the_baseline_too() -> None:
    def baseline(*options: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        fields = profile_from(make_parser().parse_args(["all", *options])).training.baseline
        return fields.sizes, fields.seeds

    assert baseline() == ((16, 128, 1024), (42,))
    assert baseline("--sizes", "16,128") == ((16, 128), (42,))
    assert baseline("--seeds", "43") == ((16, 128, 1024), ())
    assert baseline("--sizes", "16", "--set", "training.baseline.sizes=[128]") == ((128,), (42,))
    assert baseline("--set", "training.sizes=[16]", "--set", "training.seeds=[43]") == ((16,), ())


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nothing"],
        ["all", "--steps", "12"],
        ["all", "--jobs", "0"],
        ["all", "--set", "training.epochs"],
        ["all", "--data", "/no/such/folder"],
        ["all", "--data", "a" * 5000],
        ["convert", "a", "b", "--to", "hub", "--head-seed", "-1"],
        ["all", "--backends", "jax"],
        ["convert", "a", "b"],
        ["stage"],
        ["stage", "capture", "--run", "."],
        ["stage", "convert-run", "--run", "."],
    ],
)
def test_wrong_usage_ends_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    assert ending.value.code == 2
    assert "usage: repro" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--profile", "tiny"], 2, "no profile 'tiny'"),
        (["--set", "training.epoch=3"], 2, "training.epoch: no such field"),
        (["--set", "training.epochs=0"], 2, "training.epochs: Input should be greater than or equal to 1"),
        (["--profile", "base"], 2, "this profile needs a folder of few-shot files"),
        (["--profile", "a" * 5000], 2, "File name too long"),
        (["--profile", "mine.yml.txt"], 2, "or name a file that ends in .yaml"),
        (["--repeats", "4000000000"], 2, "trainings, more than 10000"),
        (["--set", "threads=100000"], 2, "threads: Input should be less than or equal to 256"),
        (["--set", "a.b.c="], 2, "command line: a"),
        (["--set", "selftest.faults=nan"], 2, "selftest.faults: Input should be 'all' or 'none', or: a list is needed"),
        (["--set", "device={pytorch: tpu}"], 2, "repro: device"),
        (["--set", "data=x"], 2, "this is a section of the profile"),
        (["--executor", "nosuch"], 2, "choose one of: slurm"),
        (["--executor", "slurm", "--gpus", "0,1"], 2, "a batch system assigns GPUs itself"),
        (["--gpus", "1"], 3, "no GPU on this machine"),
        (["--set", "training.precision=tf32"], 3, "PyTorch has no tf32 on a CPU"),
        (["--gpus", "7,8"], 2, "no GPU 7, 8; this process may use: none"),
    ],
)
def test_what_cannot_be_is_refused_before_any_job_without_a_traceback(
    options: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    arguments = ["all", "--out", str(tmp_path / "run"), *options]
    assert main(arguments) == code
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "run").exists()
    assert main([*arguments, "--debug"]) == code
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            InputError("bad file", where="x", next_step="repro doctor"),
            2,
            "repro: bad file\n  where: x\n  next:  repro d",
        ),
        (EnvironmentFault("no GPU"), 3, "repro: no GPU"),
        (ValueError("odd"), 3, "repro: unexpected ValueError: odd\n  next:  the same command with --debug"),
        (PermissionError(13, "Permission denied", "/a"), 3, "repro: [Errno 13] Permission denied: '/a'"),
        (MemoryError(), 3, "repro: out of memory"),
        (KeyboardInterrupt(), 130, "repro: interrupted"),
        (Interrupted(signal.SIGTERM), 143, "repro: stopped by SIGTERM; the same command goes on from here"),
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


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import repro.cli.parser as p; p.make_parser().format_help()", ("numpy", "yaml", "pydantic", "requests")),
        ("import repro.cli.main as m; m.main(['doctor'])", ("numpy", "requests")),
        ("import repro.cli.main as m; m.main(['profiles'])", ("numpy", "requests")),
        ("import repro.workflow.launch", ("torch", "paddle", "scipy", "snakemake")),
        ("import repro.workflow.engine as e; e.load()", ("pandas", "snakemake_executor_plugin_slurm")),
    ],
)
def test_quick_commands_and_planning_load_nothing_heavy(code: str, heavy: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert not {*heavy} & {*done.stdout.splitlines()[-1].split()}


def test_a_stage_outside_a_run_directory_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stage", "compare", "--run", str(tmp_path)]) == 2
    assert "this is not a run directory" in capsys.readouterr().err


def test_estimate_of_the_paper_on_cpu_is_days() -> None:
    days = cpu_seconds(load_profile("paper"), 2) / 86400
    assert 5 < days < 40


def test_a_path_of_links_that_lead_to_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(SystemExit):
        main(["all", "--data", str(tmp_path / "loop")])
    assert "links in this path point to each other" in capsys.readouterr().err


def test_the_profile_of_a_run_may_be_damaged_and_is_written_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, profile = RunPaths(tmp_path), load_profile("mini")
    for content in (b"", b"{}", b"\xff", profile.model_dump_json()[:-9].encode()):
        run.profile.write_bytes(content)
        assert main(["stage", "inputs", "--run", str(tmp_path)]) == 2
        error = capsys.readouterr().err
        assert "the profile of this run is damaged" in error and f"repro all --out {tmp_path}" in error
        save_profile(run, profile)
        assert run_profile(run) == profile


@pytest.mark.parametrize(("name", "command"), [("json", ["diff", ".", "."]), ("dataclasses", ["profiles"])])
def test_a_file_that_hides_a_module_is_named(tmp_path: Path, name: str, command: list[str]) -> None:
    (tmp_path / f"{name}.py").write_text("import no_such_module\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{PROJECT}"}
    done = subprocess.run(
        [sys.executable, "-m", "repro", *command], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 3 and "Traceback" not in done.stderr and "unexpected" not in done.stderr
    assert f"Python loads {tmp_path / name}.py in place of a module" in done.stderr
