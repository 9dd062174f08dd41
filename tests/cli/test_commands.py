"""Commands beside the workflow, and what ``repro all`` says at the end."""

from pathlib import Path

import numpy as np
import pytest

from repro.checkpoint import read_checkpoint, seeded_weights, write_checkpoint
from repro.cli.main import main
from repro.cli.run import say_result
from repro.report import build_report
from tests.checkpoint.tiny_checkpoints import TINY
from tests.report.synthetic_run import answer, write_run, write_step


def test_convert_there_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arrays = seeded_weights(TINY, 1)
    write_checkpoint(tmp_path / "hub", arrays, TINY, None, "hub")
    for source, destination in (("hub", "paddle"), ("paddle", "pytorch")):
        assert main(["convert", str(tmp_path / source), str(tmp_path / destination), "--to", destination]) == 0
    assert f"written: {tmp_path / 'pytorch'} (pytorch layout)" in capsys.readouterr().out
    arrays_again = read_checkpoint(tmp_path / "pytorch")[0]
    assert all(np.array_equal(arrays_again[name], arrays[name]) for name in arrays)


def test_convert_of_nothing_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(tmp_path / "none"), str(tmp_path / "out"), "--to", "hub"]) == 2
    assert "no such checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize(("verdict", "code"), [("reproduced", 0), ("differs", 1)])
def test_the_end_of_a_run(verdict: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path, steps=(9,))
    write_step(run, answer(9, "9.train_data", verdict=verdict, reason="Planted."))
    build_report(run)
    assert say_result(run) == code
    out = capsys.readouterr().out
    assert f"1 {verdict}" in out and f"report: {run.report_md}" in out
