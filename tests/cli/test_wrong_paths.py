"""Values that are empty, folders for files and the reverse: refused before anything is written."""

import os
from pathlib import Path

import pytest

from repro.cli.main import main

EMPTY = "the value is empty; is a variable of the shell unset?"


@pytest.mark.parametrize(
    "arguments",
    [
        ["audit", ""],
        ["audit", ".", "--out", " "],
        ["audit", ".", "--notes", ""],
        ["audit", "--mirror", ""],
        ["convert", "", "b", "--to", "hub"],
        ["convert", "a", "", "--to", "hub"],
        ["selftest", "--out", ""],
        ["diff", "", "b"],
        ["timeline", ""],
        ["timeline", ".", "--svg", ""],
        ["stage", "report", "--run", ""],
        *(["all", option, ""] for option in ("--out", "--data", "--weights", "--vocab", "--executor", "--mirror")),
    ],
)
def test_an_empty_value_is_not_the_current_folder(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    assert ending.value.code == 2 and EMPTY in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("arguments", [["audit", ".", "--notes", "."], ["all", "--vocab", "."]])
def test_a_folder_for_a_file(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    assert ending.value.code == 2 and ". is a folder, and a file is needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["audit", "file"], "this is no folder\n  where: {}/file"),
        (["audit", ".", "--notes", "file"], "the document is empty\n  where: file\n  next:  name one that"),
        (["diff", "pipe", "file"], "not a report: no file\n  where: pipe\n  next:  name a run directory"),
        (["diff", "file", "pipe"], "not a report: no JSON\n  where: file\n  next:  build it again: repro stage report"),
    ],
)
def test_what_lies_there_is_named(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"repro: {message.format(tmp_path)}")
