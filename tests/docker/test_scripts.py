"""The scripts that build the image refuse wrong usage before they begin."""

import subprocess

import pytest

from repro.config.paths import PROJECT

DOCKER = PROJECT / "docker"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("build.sh", "--variant", "tpu"), "no variant tpu"),
        (("build.sh", "--wheels"), "needs a value"),
        (("build.sh", "--wheel", "x"), "no option --wheel"),
        (("build.sh", "--wheels", "/nonexistent"), "no wheels"),
        (("wheels.sh", "/nonexistent", "tpu"), "cpu or gpu"),
        (("wheels.sh",), "a folder"),
        (("daemon.sh", "start"), "an absolute path"),
        (("daemon.sh", "stop", "relative"), "an absolute path"),
        (("base.sh",), "one or two arguments"),
    ],
)
def test_scripts_refuse_wrong_usage(command: tuple[str, ...], reason: str) -> None:
    script, *arguments = command
    done = subprocess.run([DOCKER / script, *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert reason in done.stderr
    assert "next:" in done.stderr
