"""The set-up: choosing a Python, complete and interrupted environments, messages, and the lock files themselves."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from repro.paths import PROJECT

REQUIREMENTS = PROJECT / "requirements"
LOCKS = (
    "build.txt",
    "torch-cpu.txt",
    "runtime.txt",
    "torch-cuda.txt",
    "gpu.txt",
    "paddle-cuda.txt",
    "dev.txt",
    "image.txt",
)


@pytest.fixture
def make_venv(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The installer as a module."""
    monkeypatch.syspath_prepend(str(PROJECT / "tools"))
    import make_venv as module

    return module


@pytest.fixture
def python(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a fake interpreter: a shell script in a folder that can be the whole path."""

    def write(name: str, body: str) -> Path:
        script = tmp_path / "pythons" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"#!/bin/sh\n{body}\n")
        script.chmod(0o755)
        return script

    return write


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a bash line with setup_env.sh sourced."""
    line = f"set -euo pipefail; source '{PROJECT}/tools/setup_env.sh'; {command}"
    return subprocess.run(
        ["/bin/bash", "-c", line],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], **environment},
        timeout=60,
    )


def entries(name: str) -> dict[str, str]:
    """Package and version of a lock file -> the entry's text."""
    text = (REQUIREMENTS / name).read_text()
    found = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    return {entry.split(" ")[0]: entry for entry in found}


# --- Python


def test_named_python_is_taken() -> None:
    assert shell("find_python", REPRO_PYTHON=sys.executable).stdout.strip() == sys.executable


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("exit 127", "does not run"),  # a pyenv shim of a version that is not selected
        ("echo 'cpython 3.13, and CPython 3.10 to 3.12 is needed'; exit 1", "3.13"),
        ("echo '3.11 without ensurepip (Debian, Ubuntu: apt install python3.11-venv)'; exit 1", "python3.11-venv"),
    ],
)
def test_unsuitable_python_ends_with_a_message(python: Callable[[str, str], Path], body: str, said: str) -> None:
    done = shell("find_python", REPRO_PYTHON=str(python("python3.11", body)))
    assert done.returncode == 3
    assert said in done.stderr
    assert "next:" in done.stderr


def test_second_candidate_is_taken_when_the_first_does_not_run(python: Callable[[str, str], Path]) -> None:
    python("python3.11", "exit 127")
    second = python("python3.12", f'exec "{sys.executable}" "$@"')
    assert shell("find_python", PATH=f"{second.parent}").stdout.strip() == str(second)


def test_no_python_at_all(tmp_path: Path) -> None:
    done = shell("find_python", PATH=str(tmp_path))
    assert done.returncode == 3
    assert "python3.11: not found" in done.stderr


def test_failed_set_up_ends_the_program(tmp_path: Path) -> None:
    done = shell(
        "setup_env run; echo reached", REPRO_PYTHON=sys.executable, REPRO_VENV=str(tmp_path), REPRO_VARIANT="tpu"
    )
    assert done.returncode == 3
    assert "no variant 'tpu'" in done.stderr
    assert "reached" not in done.stdout


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_needs_no_environment(tmp_path: Path, option: str) -> None:
    environment = {"PATH": os.environ["PATH"], "REPRO_VENV": str(tmp_path / "venv"), "REPRO_PYTHON": "/nowhere"}
    done = subprocess.run([PROJECT / "run_all.sh", option], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0
    assert done.stdout.startswith("usage: ./run_all.sh")
    assert not (tmp_path / "venv").exists()


# --- environment


@pytest.fixture
def installed(make_venv: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replaces everything that installs by a list of what would have been done."""
    done: list[str] = []

    def create(folder: Path, **_: object) -> None:
        done.append("venv")
        (folder / "bin").mkdir()
        (folder / "bin" / "python").touch()
        (folder / "lib" / "python3.11" / "site-packages" / "torch-2.13.0+cpu.dist-info").mkdir(parents=True)

    monkeypatch.setattr(make_venv.venv, "create", create)
    monkeypatch.setattr(make_venv, "install_lock", lambda folder, lock, quiet=False: done.append(lock.name))
    monkeypatch.setattr(make_venv, "pip", lambda folder, *arguments, total=0: done.append(f"pip {arguments[0]}"))
    monkeypatch.setattr(make_venv, "check_disk", lambda folder, gib: None)
    return done


def test_made_once_then_reused(make_venv: ModuleType, installed: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "venv"
    make_venv.make(folder, "cpu", "", test=False)
    assert installed == ["venv", "build.txt", "torch-cpu.txt", "runtime.txt", "pip install", "pip check"]
    installed.clear()
    make_venv.make(folder, "cpu", "", test=False)
    assert installed == []
    make_venv.make(folder, "cpu", "", test=True)
    assert installed == ["dev.txt", "pip install", "pip check"]
    installed.clear()
    make_venv.make(folder, "gpu", "", test=False)
    assert installed == ["venv", "build.txt", "gpu.txt", "paddle-cuda.txt", "pip install", "pip check"]


def test_interrupted_installation_starts_again(
    make_venv: ModuleType, installed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(folder: Path, lock: Path, quiet: bool = False) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    folder = tmp_path / "venv"
    with monkeypatch.context() as patch:
        patch.setattr(make_venv, "install_lock", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make_venv.make(folder, "cpu", "", test=False)
    assert make_venv.read_stamp(folder) == {}
    installed.clear()
    make_venv.make(folder, "cpu", "", test=False)
    assert installed[0] == "venv"
    assert not (folder / "half").exists()


@pytest.mark.parametrize("damage", ["stamp", "interpreter"])
def test_damaged_environment_is_made_again(
    make_venv: ModuleType, installed: list[str], tmp_path: Path, damage: str
) -> None:
    folder = tmp_path / "venv"
    make_venv.make(folder, "cpu", "", test=False)
    if damage == "stamp":
        (folder / make_venv.STAMP).write_text('{"packages": ')
    else:
        (folder / "bin" / "python").unlink()
    installed.clear()
    make_venv.make(folder, "cpu", "", test=False)
    assert installed[0] == "venv"


def test_changed_lock_makes_a_new_environment(
    make_venv: ModuleType, installed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "venv"
    make_venv.make(folder, "cpu", "", test=False)
    locks = tmp_path / "requirements"
    locks.mkdir()
    for name in LOCKS:
        (locks / name).write_text("changed==1\n")
    monkeypatch.setattr(make_venv, "LOCKS", locks)
    installed.clear()
    make_venv.make(folder, "cpu", "", test=False)
    assert installed[0] == "venv"


def test_a_folder_of_someone_else_is_left_alone(make_venv: ModuleType, installed: list[str], tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "thesis.tex").touch()
    with pytest.raises(make_venv.SetupError, match="not made by this set-up"):
        make_venv.make(tmp_path / "venv", "cpu", "", test=False)
    assert (tmp_path / "venv" / "thesis.tex").exists()
    assert installed == []


def test_cuda_libraries_only_beside_a_cuda_torch(make_venv: ModuleType, tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    for name, cuda in (("torch-2.13.0+cpu.dist-info", False), ("torch-2.13.0.dist-info", True)):
        (packages / name).mkdir(parents=True)
        assert make_venv.takes_cuda_torch(tmp_path) is cuda
        (packages / name).rmdir()


def test_registry_torch_where_no_cpu_build_is_found(
    make_venv: ModuleType, installed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def install(folder: Path, lock: Path, quiet: bool = False) -> None:
        if lock.name == "torch-cpu.txt":
            raise make_venv.SetupError("not to be had", lock, "go on")
        installed.append(lock.name)

    monkeypatch.setattr(make_venv, "install_lock", install)
    monkeypatch.setattr(make_venv, "takes_cuda_torch", lambda folder: True)
    make_venv.make(tmp_path / "venv", "cpu", "", test=False)
    assert installed == ["venv", "build.txt", "runtime.txt", "torch-cuda.txt", "pip install", "pip check"]


def test_too_little_disk(make_venv: ModuleType, tmp_path: Path) -> None:
    make_venv.check_disk(tmp_path / "not" / "yet", 0.001)
    with pytest.raises(make_venv.SetupError, match="free disk"):
        make_venv.check_disk(tmp_path / "not" / "yet", 1e6)


def test_other_machines_are_refused(make_venv: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_venv.platform, "machine", lambda: "aarch64")
    with pytest.raises(make_venv.SetupError, match="aarch64"):
        make_venv.check_machine()


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "not the one that was locked"),
        (
            "WARNING: Retrying after NameResolutionError\nERROR: No matching distribution found for x",
            "cannot be reached",
        ),
        ("ERROR: No matching distribution found for torch==2.13.0", "not to be had"),
        ("error: command 'gcc' failed: No such file or directory", "C compiler"),
        ("ERROR: something new", "the installation failed"),
    ],
)
def test_causes_are_named(make_venv: ModuleType, output: str, said: str) -> None:
    assert said in make_venv.explain(output)[0]


def test_pip_is_heard(make_venv: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "python"
    fake.write_text("#!/bin/sh\nfor i in 1 2 3 4; do echo Collecting $i; done\nexit ${FAKE_EXIT:-0}\n")
    fake.chmod(0o755)
    make_venv.pip(tmp_path, "install", total=40)
    assert "4 of 40 packages" in capsys.readouterr().out
    fake.write_text("#!/bin/sh\necho No space left on device\nexit 1\n")
    with pytest.raises(make_venv.SetupError, match="disk is full"):
        make_venv.pip(tmp_path, "install")
    assert "Collecting 4" in (tmp_path / "install.log").read_text()


def test_variant_follows_the_gpu(make_venv: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from repro.devices import Gpu

    def variant(*gpus: Gpu) -> str:
        monkeypatch.setattr(make_venv, "nvidia_gpus", lambda: (list(gpus), ""))
        return make_venv.choose_variant("auto")[0]

    assert variant() == "cpu"
    assert variant(Gpu("0", "Tesla T4", "7.5", "15360 MiB", "580.1")) == "gpu"
    assert variant(Gpu("0", "H100", "9.0", "81559 MiB", "580.1")) == "cpu"
    assert make_venv.choose_variant("gpu")[0] == "gpu"


def test_stamp_appears_in_one_step(make_venv: ModuleType, tmp_path: Path) -> None:
    make_venv.write_stamp(tmp_path, {"packages": "x"})
    assert json.loads((tmp_path / make_venv.STAMP).read_text()) == {"packages": "x"}
    assert [path.name for path in tmp_path.iterdir()] == [make_venv.STAMP]


# --- lock files


@pytest.mark.parametrize("name", LOCKS)
def test_every_entry_is_pinned_and_hashed(name: str) -> None:
    found = entries(name)
    assert found
    for package, entry in found.items():
        assert re.fullmatch(r"[\w.\-\[\]]+==[\w.+!\-]+", package), package
        assert "--hash=sha256:" in entry, package


@pytest.mark.parametrize("name", LOCKS)
def test_locks_name_no_package_source(name: str) -> None:
    text = (REQUIREMENTS / name).read_text()
    assert not re.search(r"https?://|--index|--extra-index|--find-links|file:", text)


def test_cpu_torch_is_the_locked_version() -> None:
    (cpu,) = entries("torch-cpu.txt")
    versions = [name for lock in ("runtime.txt", "gpu.txt") for name in entries(lock) if name.startswith("torch==")]
    assert [f"{name}+cpu" for name in versions] == [cpu, cpu]


def test_cpu_lock_holds_no_cuda_package() -> None:
    assert not [name for name in entries("runtime.txt") if name.startswith(("nvidia-", "cuda-", "triton"))]


def test_gpu_lock_has_one_paddle() -> None:
    assert [name for name in entries("gpu.txt") if name.startswith("paddlepaddle")] == ["paddlepaddle-gpu==2.6.2"]
    assert [name for name in entries("runtime.txt") if name.startswith("paddlepaddle")] == ["paddlepaddle==2.6.2"]


def test_paddles_cuda_lies_apart_from_pytorchs(make_venv: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one folder PyTorch loads both, and libnccl.so.2 is the one that was installed last."""
    assert all(name.split("==")[0].endswith("-cu11") for name in entries("paddle-cuda.txt"))
    assert not [name for name in entries("gpu.txt") if "-cu11" in name]
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(make_venv, "pip", lambda folder, *arguments, **_: calls.append(arguments))
    for name in ("gpu.txt", "paddle-cuda.txt"):
        make_venv.install_lock(Path("/venv"), REQUIREMENTS / name)
    assert "--target" not in calls[0]
    assert calls[1][calls[1].index("--target") + 1] == "/venv/paddle-cuda"


def test_paddles_cuda_is_found_by_the_names_that_paddle_opens(make_venv: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "nvidia" / "cudnn" / "lib"
    folder.mkdir(parents=True)
    (folder / "libcudnn.so.8").write_text("8")
    (folder / "libcudart.so.11.0").write_text("11")
    for _ in range(2):
        make_venv.link_libraries(tmp_path)
    assert (folder / "libcudnn.so").read_text() == "8"
    assert os.readlink(folder / "libcudart.so") == "libcudart.so.11.0"
    make_venv.link_libraries(tmp_path / "not there")


def test_locks_agree_where_they_overlap() -> None:
    gpu = set(entries("gpu.txt"))
    shared = {name for lock in ("runtime.txt", "torch-cuda.txt") for name in entries(lock)}
    assert shared - gpu == {"paddlepaddle==2.6.2"}
    versions = {name.split("==")[0] for name in gpu}
    for lock in ("dev.txt", "build.txt"):
        assert not [name for name in entries(lock) if name.split("==")[0] in versions and name not in gpu]
