"""Commands beside the workflow, and what ``repro all`` says at the end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from repro.checkpoint import read_checkpoint, seeded_weights, write_checkpoint
from repro.cli.main import main
from repro.cli.run import say_result
from repro.paths import RunPaths, atomic_json

CONFIG = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
}


def test_convert_there_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arrays = seeded_weights(CONFIG, 1)
    write_checkpoint(tmp_path / "hub", arrays, CONFIG, None, "hub")
    for source, destination in (("hub", "paddle"), ("paddle", "pytorch")):
        assert main(["convert", str(tmp_path / source), str(tmp_path / destination), "--to", destination]) == 0
    assert f"written: {tmp_path / 'pytorch'} (pytorch layout)" in capsys.readouterr().out
    found = read_checkpoint(tmp_path / "pytorch")[0]
    assert all(np.array_equal(found[name], arrays[name]) for name in arrays)


def test_convert_of_nothing_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(tmp_path / "none"), str(tmp_path / "out"), "--to", "hub"]) == 2
    assert "no such checkpoint" in capsys.readouterr().err


def test_pretrain_without_a_recipe_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pretrain", "--recipe", str(tmp_path / "none.yaml"), "--out", str(tmp_path)]) == 2
    assert "cannot read the recipe" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verdicts", "code"), [(["reproduced", "not run"], 0), (["reproduced", "differs", "differs"], 1)]
)
def test_the_end_of_a_run(verdicts: list[str], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = RunPaths(tmp_path)
    claims = [{"verdict": verdict} for verdict in verdicts]
    atomic_json(run.report_json, {"claims": claims, "steps": [], "selftest": {"asked": False}})
    assert say_result(run) == code
    out = capsys.readouterr().out
    assert "1 reproduced" in out
    assert f"report: {run.report_md}" in out
    assert ("2 differs" in out) == bool(code)
