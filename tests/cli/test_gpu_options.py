"""``--gpus`` and ``--executor`` on the command line."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from repro.cli.main import main
from repro.cli.parser import gpus, make_parser
from repro.cli.run import profile_from
from repro.errors import InputError


def test_a_number_of_gpus_or_a_list() -> None:
    assert gpus("2") == 2
    assert gpus("0,2") == ["0", "2"]
    assert gpus("device=1") == ["1"]
    assert gpus("device=GPU-1a,GPU-2b,GPU-1a") == ["GPU-1a", "GPU-2b"]


@pytest.mark.parametrize("text", ["", "0", "-1", "a", "1,,2", ",", "device=", "1.5"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        gpus(text)


def test_gpus_ask_for_gpus() -> None:
    assert profile_from(make_parser().parse_args(["all", "--gpus", "1"])).device == "gpu"
    with pytest.raises(InputError, match="contradict"):
        profile_from(make_parser().parse_args(["all", "--gpus", "1", "--device", "cpu"]))


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--executor", "nosuch"], 2, "choose one of: slurm"),
        (["--executor", "slurm", "--gpus", "0,1"], 2, "a batch system assigns GPUs itself"),
        (["--gpus", "1"], 3, "no GPU on this machine"),
        (["--gpus", "7,8"], 2, "no GPU 7, 8; this process may use: none"),
    ],
)
def test_what_cannot_be_is_refused_before_any_job(
    options: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert main(["all", "--out", str(tmp_path / "run"), *options]) == code
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
