"""Outputs that nobody reads: closed, full, or cut off after the first line."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from repro.cli.main import main
from repro.config.paths import PROJECT, atomic_open, atomic_text


def _shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    line = f"set -o pipefail; {command}".replace("repro", f"{sys.executable} -m repro", 1)
    return subprocess.run(["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("closed", [">&-", ">&- <&-", "2>&-", ">&- 2>&-", "<&-"])
@pytest.mark.parametrize("command", ["profiles", "audit . --out out"])
def test_a_closed_output_changes_no_exit_code(command: str, closed: str, tmp_path: Path) -> None:
    for side in ("torch", "paddle"):
        np.save(tmp_path / f"x_{side}.npy", np.arange(9.0) + (side == "torch"))
    done = _shell(f"repro {command} {closed}", tmp_path)
    assert (done.returncode, done.stderr) == (int(command != "profiles"), "")
    assert (tmp_path / "out" / "audit.html").exists() == (command != "profiles")


@pytest.mark.parametrize(("end", "message"), [("> /dev/full", "No space left on device"), ("| true", "")])
def test_an_audit_is_written_whoever_reads_what_it_prints(end: str, message: str, tmp_path: Path) -> None:
    for side in ("torch", "paddle"):
        np.save(tmp_path / f"x_{side}.npy", np.arange(9.0))
    done = _shell(f"repro audit . --out out {end}", tmp_path)
    assert (tmp_path / "out" / "audit.html").exists()
    assert message in done.stderr and "Traceback" not in done.stderr and "unexpected" not in done.stderr


@pytest.mark.parametrize("where", ["folder", "/proc/x"])
def test_what_cannot_be_written_is_named_as_the_user_named_it(where: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError) as caught:
        atomic_text(tmp_path / where, "x")
    assert "partial" not in str(caught.value) and where.split("/")[-1] in str(caught.value)


def test_a_full_disk_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def profiles(_: object) -> None:
        with atomic_open(tmp_path / "table.npz"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("repro.cli.tools.profiles", profiles)
    assert main(["profiles"]) == 3
    assert f"No space left on device: '{tmp_path}/table.npz'\n  next:" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]
