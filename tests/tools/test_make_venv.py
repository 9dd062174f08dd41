"""The Python side of the set-up, with a fake pip: finished, failed and foreign environments, and what it says."""

import fcntl
import os
import shutil
import sys
import threading
from pathlib import Path

import pytest

from repro.machine.devices import Gpu
from tools import make_venv

# Called as `python -m pip --disable-pip-version-check --no-input install|check …`: notes what is installed in $CALLS,
# and on the lock file $FAIL prints $OUTPUT and fails.
FAKE_PYTHON = """#!/bin/sh
what=$5
for word; do case $word in
    --requirement=*) what=${word##*/} ;;
    --editable=*) what=checkout ;;
    --target=*) mkdir -p "${word#*=}/nvidia/cudnn/lib"; touch "${word#*=}/nvidia/cudnn/lib/libcudnn.so.8" ;;
esac; done
echo "$what" >> "$CALLS"
for package in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo "Collecting $package"; done
if [ "$what" = "${FAIL:-}" ]; then echo "$OUTPUT"; exit 1; fi
"""
CPU = ["build.txt", "torch-cpu.txt", "runtime.txt", "check", "checkout"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the environment goes; ``venv.create`` puts only the fake interpreter there."""

    def create(folder: Path, **_: object) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").write_text(FAKE_PYTHON)
        (folder / "bin" / "python").chmod(0o755)

    monkeypatch.setattr("venv.create", create)
    monkeypatch.setattr(make_venv, "DISK_GIB", {"cpu": 0, "gpu": 0})
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "venv"


def calls(folder: Path) -> list[str]:
    """What pip has been asked since the last time."""
    path = folder.with_name("calls")
    lines = path.read_text().split() if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


def make(folder: Path, variant: str = "cpu", *, test: bool = False) -> list[str]:
    """Set up an environment; returns what that installs."""
    calls(folder)
    make_venv.make(folder, variant, test=test)
    return calls(folder)


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, purpose: str = "run", variant: str = "cpu") -> int:
    monkeypatch.setattr(sys, "argv", ["make_venv.py", purpose, "--venv", str(folder), "--variant", variant])
    return make_venv.main()


def test_finished_parts_are_reused(folder: Path) -> None:
    assert make(folder) == CPU
    assert make(folder) == []
    assert make(folder, test=True) == ["dev.txt", "check"]
    assert make(folder) == make(folder, test=True) == []


def test_gpu_variant_keeps_paddles_cuda_apart(folder: Path) -> None:
    make(folder)
    assert make(folder, "gpu") == ["build.txt", "gpu.txt", "paddle-cuda.txt", "check", "checkout"]
    assert os.readlink(folder / "paddle-cuda/nvidia/cudnn/lib/libcudnn.so") == "libcudnn.so.8"


def test_registry_torch_brings_its_cuda_libraries(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL", "torch-cpu.txt")
    assert make(folder)[:4] == ["build.txt", "torch-cpu.txt", "runtime.txt", "torch-cuda.txt"]


def test_changed_lock_makes_a_new_environment(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(folder, test=True)
    (folder / "old").touch()
    shutil.copytree(make_venv.LOCKS, tmp_path / "requirements")
    with (tmp_path / "requirements" / "runtime.txt").open("a") as lock:
        lock.write("changed==1\n")
    monkeypatch.setattr(make_venv, "LOCKS", tmp_path / "requirements")
    assert make(folder, test=True) == [*CPU[:4], "dev.txt", *CPU[3:]]
    assert not (folder / "old").exists()


def test_damaged_environment_of_another_checkout_is_not_linked_to_this_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(folder)
    shutil.copy(make_venv.CHECKOUT / "pyproject.toml", tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(make_venv, "CHECKOUT", tmp_path)
        patch.setenv("FAIL", "check")
        assert run(folder, patch) == 3
    assert calls(folder) == ["check"]
    assert make(folder) == []


@pytest.mark.parametrize("failing", ["build.txt", "runtime.txt", "check"])
def test_failed_installation_starts_again(folder: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("FAIL", failing)
        assert run(folder, patch) == 3
    assert "checkout" not in calls(folder)
    assert make(folder) == CPU


def test_failed_test_packages_leave_the_rest_finished(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(folder)
    with monkeypatch.context() as patch:
        patch.setenv("FAIL", "dev.txt")
        assert run(folder, patch, "test") == 3
    assert make(folder) == []
    assert make(folder, test=True) == ["dev.txt", "check"]


def test_interrupted_installation_starts_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(make_venv, "install", interrupted)
        assert run(folder, patch) == 130
    assert "the same command" in capsys.readouterr().err
    (folder / "half").touch()
    assert make(folder) == CPU
    assert not (folder / "half").exists()


@pytest.mark.parametrize("damage", ["state", "interpreter"])
def test_damaged_environment_is_made_again(folder: Path, damage: str) -> None:
    make(folder)
    if damage == "state":
        folder.with_name("venv.lock").write_text('{"packages": ')
    else:
        (folder / "bin" / "python").unlink()
    assert make(folder) == CPU


@pytest.mark.parametrize("fault", ["disk", "machine", "variant"])
def test_what_cannot_begin_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    make(folder)
    with monkeypatch.context() as patch:
        patch.setattr(make_venv, "DISK_GIB", {"gpu": 1e9 if fault == "disk" else 0})
        if fault == "machine":
            patch.setattr("platform.machine", lambda: "aarch64")
        assert run(folder, patch, variant="tpu" if fault == "variant" else "gpu") == 3
    expected = {"disk": "GiB of disk are needed", "machine": "x86-64 only", "variant": "no variant 'tpu'"}[fault]
    assert expected in capsys.readouterr().err
    assert make(folder) == []


def test_foreign_folder_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.tex").touch()
    for _ in range(2):
        with pytest.raises(make_venv.SetupError, match="not made by this set-up"):
            make_venv.make(folder, "cpu", test=False)
    assert [path.name for path in folder.parent.iterdir()] == ["venv"]
    assert (folder / "thesis.tex").exists()


def test_second_set_up_waits_for_the_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = threading.Event()
    monkeypatch.setattr(make_venv, "say", lambda text: waits.set() if text.startswith("waiting") else None)
    second = threading.Thread(target=make_venv.make, args=(folder, "cpu"), kwargs={"test": False})
    with folder.with_name("venv.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second.start()
        assert waits.wait(60)
        assert calls(folder) == []
    second.join()
    assert calls(folder) == CPU


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "not the locked one"),
        ("WARNING: Retrying (Retry(total=4)) after connection broken by 'NameResolutionError'", "cannot be reached"),
        ("ERROR: something new", "the installation failed"),
    ],
)
def test_causes_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], output: str, cause: str
) -> None:
    monkeypatch.setenv("FAIL", "runtime.txt")
    monkeypatch.setenv("OUTPUT", output)
    assert run(folder, monkeypatch) == 3
    printed = capsys.readouterr()
    assert cause in printed.err
    assert output in printed.err
    assert f"log: {folder / 'install.log'}" in printed.err
    assert "20 packages" in printed.out
    assert output in (folder / "install.log").read_text()


@pytest.mark.parametrize(("capability", "variant"), [("", "cpu"), ("7.5", "gpu"), ("9.0", "cpu")])
def test_variant_follows_the_gpu(monkeypatch: pytest.MonkeyPatch, capability: str, variant: str) -> None:
    gpus = [Gpu("0", "a card", capability, "15360 MiB", "580.1")] if capability else []
    monkeypatch.setattr(make_venv, "nvidia_gpus", lambda: (gpus, ""))
    assert make_venv.choose_variant("auto")[0] == variant
    assert make_venv.choose_variant("gpu")[0] == "gpu"
