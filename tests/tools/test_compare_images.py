"""The comparison of two builds: each difference of a file is found, a time is none."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from repro.config.paths import PROJECT

SCRIPT = PROJECT / "tools" / "compare_images.py"
FAKE_DOCKER = """#!/bin/sh
case $1 in
    create) echo "$2" ;;
    export) cat "$(dirname "$0")/$2.tar" ;;
esac
"""


def image(folder: Path, name: str, content: bytes = b"x", mode: int = 0o644, user: int = 0, time: int = 0) -> None:
    with tarfile.open(folder / f"{name}.tar", "w") as archive:
        member = tarfile.TarInfo("opt/file")
        member.size, member.mode, member.uid, member.mtime = len(content), mode, user, time
        archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("opt/link")
        link.type, link.linkname = tarfile.SYMTYPE, "file"
        archive.addfile(link)


def compare(folder: Path) -> subprocess.CompletedProcess[str]:
    docker = folder / "docker"
    docker.write_text(FAKE_DOCKER)
    docker.chmod(0o755)
    command = [sys.executable, str(SCRIPT), "one", "other"]
    return subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "DOCKER": str(docker)})


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"time": 1}, 0, "2 and 2 files, 0 different\n"),
        *((change, 1, "opt/file: ") for change in ({"content": b"y"}, {"mode": 0o755}, {"user": 1})),
    ],
)
def test_what_differs_is_named(tmp_path: Path, change: dict[str, Any], code: int, message: str) -> None:
    image(tmp_path, "one")
    image(tmp_path, "other", **change)
    done = compare(tmp_path)
    assert done.returncode == code
    assert done.stdout.startswith(message)
