"""The Dockerfile and what it is built from: pinned, without what a runtime image has no use for, and complete."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from repro.paths import PROJECT

DOCKERFILE = (PROJECT / "Dockerfile").read_text()
DOCKER = PROJECT / "docker"
BY_DIGEST = re.compile(r"[a-z0-9./:-]+@sha256:[0-9a-f]{64}")


def instructions() -> list[tuple[str, str]]:
    """(instruction, its text on one line) of the Dockerfile, comments left out."""
    lines = [line for line in DOCKERFILE.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(name, text) for name, _, text in (line.partition(" ") for line in joined.splitlines())]


def texts(name: str) -> list[str]:
    return [text for found, text in instructions() if found == name]


def stage(name: str) -> list[tuple[str, str]]:
    """The instructions of one stage."""
    found, inside = [], False
    for instruction, text in instructions():
        if instruction == "FROM":
            inside = text.endswith(f" AS {name}")
        elif inside:
            found.append((instruction, text))
    return found


def test_base_is_the_locked_one() -> None:
    (locked,) = [line for line in (DOCKER / "images.lock").read_text().splitlines() if not line.startswith("#")]
    assert BY_DIGEST.fullmatch(locked)
    assert f"BASE_IMAGE={locked}" in texts("ARG")


def test_no_other_image_is_pulled() -> None:
    assert not re.search(r"^#\s*syntax=", DOCKERFILE, re.MULTILINE)
    stages = {text.split(" AS ")[1] for text in texts("FROM")}
    assert {text.split()[0] for text in texts("FROM")} <= {"${BASE_IMAGE}", "${WHEELS}", *stages}
    assert "WHEELS=scratch" in texts("ARG")
    assert set(re.findall(r"(?:--|,)from=(\w+)", DOCKERFILE)) <= stages


def test_every_package_has_its_hash() -> None:
    """pip is called here with --require-hashes, and by the installer of any machine (test_setup_scripts)."""
    for name, text in instructions():
        if name == "RUN" and "pip install" in text:
            assert "--require-hashes" in text
            assert "--no-deps" in text
            assert "--no-cache-dir" in text


def test_labels_come_last() -> None:
    names = [name for name, _ in stage("image")]
    assert names.count("LABEL") == 1
    assert names[-1] == "LABEL"
    for label in ("title", "licenses", "version", "revision", "created", "base.name"):
        assert f"org.opencontainers.image.{label}=" in texts("LABEL")[0]


def test_starts_the_program_without_a_shell_as_no_root() -> None:
    image = dict(stage("image"))
    assert image["ENTRYPOINT"] == '["tini", "-s", "--", "entrypoint.sh"]'
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", image["USER"])  # a number: an orchestrator can tell that it is not root


def test_gpu_is_the_default() -> None:
    assert {text for text in texts("ARG") if text.startswith("VARIANT")} == {"VARIANT=gpu"}


def test_system_packages_bring_no_compiler() -> None:
    packages = (DOCKER / "packages.txt").read_text().split()
    assert packages == sorted(packages)
    assert not [name for name in packages if re.search(r"gcc|g\+\+|build|-dev$|pip$", name)]


def test_what_is_copied_is_there_and_in_the_context() -> None:
    """And nothing else is in the context: no tests, no run, no environment of the machine that builds."""
    sources = [source for text in texts("COPY") if "--from" not in text for source in text.split()[:-1]]
    sources += re.findall(r"type=bind,source=(?!/)([^,]+),", DOCKERFILE.replace("from=environment,source=", ""))
    ignore = (PROJECT / ".dockerignore").read_text().splitlines()
    assert "*" in ignore
    allowed = [line[1:] for line in ignore if line.startswith("!")]
    for source in sources:
        assert list(PROJECT.glob(source)), source
        assert any(
            Path(source).is_relative_to(entry) or source == entry or Path(source).match(entry) for entry in allowed
        )
    assert {Path(entry).parts[0] for entry in allowed} <= {
        *("LICENSE", "pyproject.toml", "checkpoints", "docker", "repro", "requirements", "tools"),
    }


@pytest.mark.parametrize(
    ("command", "said"),
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
def test_scripts_refuse_wrong_usage(command: tuple[str, ...], said: str) -> None:
    script, *arguments = command
    done = subprocess.run([DOCKER / script, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert said in done.stderr
    assert "next:" in done.stderr


def test_scripts_are_executable() -> None:
    for script in DOCKER.glob("*.sh"):
        assert script.stat().st_mode & 0o111, script
