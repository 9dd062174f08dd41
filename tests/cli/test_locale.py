"""Locales other than UTF-8, and names that are not UTF-8."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from repro.config.paths import PROJECT, expand
from repro.errors import InputError


def audit(folder: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """``repro audit`` of a folder under a locale."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LC_", "LANG", "PYTHONUTF8", "PYTHONIO"))
    }
    environment |= {"PYTHONPATH": str(PROJECT), **variables}
    command = [sys.executable, "-m", "repro", "audit", str(folder), "--out", str(folder / "out")]
    return subprocess.run(command, env=environment, capture_output=True)


@pytest.mark.parametrize("encoding", ["", "latin-1", "ascii"])
def test_chinese_names_under_a_locale_without_them(tmp_path: Path, encoding: str) -> None:
    folder = tmp_path / "数据"
    folder.mkdir()
    (folder / "对齐.md").write_text("# 第一步\n\n| 精度 |\n| --- |\n| 1.5e-07 |\n", encoding="utf-8")
    output = {"PYTHONIOENCODING": encoding} if encoding else {}
    done = audit(folder, LC_ALL="C", PYTHONUTF8="0", **output)
    assert b"unexpected" not in done.stderr + done.stdout and done.returncode in (0, 2), done.stderr
    assert (folder / "out" / "audit.html").is_file()


def test_a_name_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(InputError, match="not UTF-8"):
        expand(Path("/data\udce9"))
