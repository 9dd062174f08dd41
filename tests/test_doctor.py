"""The doctor against planted machines: a fake ``nvidia-smi``, planted lock files, too little memory or disk."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repro import devices, doctor
from repro.errors import InputError

T4 = "0, Tesla T4, 7.5, 15360 MiB, 580.65.06"
H100 = "1, NVIDIA H100 80GB HBM3, 9.0, 81559 MiB, 580.65.06"
P100 = "0, Tesla P100-PCIE-16GB, 6.0, 16384 MiB, 580.65.06"


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts an ``nvidia-smi`` on the path that runs the given shell line."""

    def put(line: str) -> None:
        script = tmp_path / "bin" / "nvidia-smi"
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"#!/bin/sh\n{line}\n")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")

    return put


@pytest.fixture
def facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A machine on which every profile can run."""
    shipped = tmp_path / "checkpoints" / "mini"
    shipped.mkdir(parents=True)
    (shipped / "model.safetensors").touch()
    needs = {**doctor.PROFILES["mini"], "shipped": shipped.parent}
    monkeypatch.setitem(doctor.PROFILES, "mini", needs)
    return {
        "python": "3.11.2",
        "os": "Linux",
        "cpu": "a processor",
        "cores": 2,
        "threads": {},
        "memory": 32 * doctor.GIB,
        "memory_free": 30 * doctor.GIB,
        "disk_free": 100 * doctor.GIB,
        "packages": dict.fromkeys(("torch", "transformers", "paddlepaddle", "paddlenlp", "reprod-log"), "1"),
        "locked": True,
        "mismatches": [],
        "gpus": [devices.Gpu(*T4.split(", "))],
        "gpu_problem": "",
    }


def report(facts: dict[str, Any], profile: str | None, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Exit code and text of the doctor on a planted machine."""
    monkeypatch.setattr(doctor, "collect", lambda: facts)
    out = io.StringIO()
    return doctor.run_doctor(profile, out), out.getvalue()


@pytest.mark.parametrize(
    ("capability", "torch", "paddle"),
    [
        ("6.0", False, False),
        ("6.1", False, True),
        ("7.0", False, True),
        ("7.5", True, True),
        ("8.0", True, True),
        ("8.6", True, True),
        ("8.9", True, True),
        ("9.0", True, False),
        ("10.0", True, False),
        ("12.0", True, False),
    ],
)
def test_support_by_compute_capability(capability: str, torch: bool, paddle: bool) -> None:
    assert devices.torch_runs_on(capability) is torch
    assert devices.paddle_runs_on(capability) is paddle


def test_gpus_are_read_from_the_driver(nvidia_smi: Callable[[str], None]) -> None:
    nvidia_smi(f"printf '%s\\n' '{T4}' '{H100}'")
    gpus, problem = devices.nvidia_gpus()
    assert problem == ""
    assert [gpu.capability for gpu in gpus] == ["7.5", "9.0"]
    assert devices.faults(gpus[0]) == []
    (fault,) = devices.faults(gpus[1])
    assert fault.startswith("Paddle")


def test_old_driver_and_unknown_capability_are_faults() -> None:
    (driver,) = devices.faults(devices.Gpu("0", "Tesla T4", "7.5", "15360 MiB", "535.104"))
    assert "driver 580" in driver
    (unreadable,) = devices.faults(devices.Gpu("0", "old", "[N/A]", "1 MiB", "580.1"))
    assert "[N/A]" in unreadable
    assert len(devices.faults(devices.Gpu(*P100.split(", ")))) == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("echo 'NVIDIA-SMI has failed because it could not reach the driver'; exit 9", "could not reach the driver"),
        ("exit 6", "exit code 6"),
        ("echo 'something else'", "not understood"),
    ],
)
def test_failing_query_is_said(nvidia_smi: Callable[[str], None], line: str, said: str) -> None:
    nvidia_smi(line)
    gpus, problem = devices.nvidia_gpus()
    assert gpus == []
    assert said in problem


def test_no_nvidia_smi_is_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert devices.nvidia_gpus() == ([], "")


def test_lock_mismatches_are_found(tmp_path: Path) -> None:
    numpy = doctor.installed_version("numpy")
    (tmp_path / "runtime.txt").write_text(
        f"# header\nnumpy=={numpy} ; sys_platform == 'linux' \\\n    --hash=sha256:00\n    # via nothing\n"
        "psutil==0.0.1 \\\n    --hash=sha256:00\n"
        "no-such-package-here==1.0 \\\n    --hash=sha256:00\n"
        "only-elsewhere==1.0 ; python_full_version < '3' \\\n    --hash=sha256:00\n"
    )
    found = doctor.mismatches(tmp_path)
    assert [text.partition(":")[0] for text in found] == ["psutil", "no-such-package-here"]
    assert "not installed" in found[1]


def test_local_build_label_is_no_mismatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runtime.txt").write_text("torch==2.13.0\n")
    monkeypatch.setattr(doctor, "installed_version", {"torch": "2.13.0+cpu"}.get)
    assert doctor.mismatches(tmp_path) == []
    monkeypatch.setattr(doctor, "installed_version", {"torch": "2.12.0+cpu"}.get)
    assert len(doctor.mismatches(tmp_path)) == 1


def test_damaged_lock_file_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "runtime.txt").write_text("torch = 2\n")
    with pytest.raises(InputError, match="not a requirement"):
        doctor.mismatches(tmp_path)


def test_every_shipped_profile_is_known() -> None:
    from repro.profile import PROFILES

    assert set(doctor.PROFILES) == {path.stem for path in PROFILES.glob("*.yaml")}


def test_able_machine(facts: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = report(facts, None, monkeypatch)
    assert code == 0
    assert text.count("can run here") == 3
    assert "--vocab FILE" in text
    assert "warning" not in text


@pytest.mark.parametrize(
    ("fact", "value", "said"),
    [
        ("memory", doctor.GIB, "memory are needed"),
        ("disk_free", 1, "free disk are needed"),
        ("packages", {"torch": "1"}, "paddlepaddle is not installed"),
    ],
)
def test_missing_things_stop_the_profile(
    facts: dict[str, Any], monkeypatch: pytest.MonkeyPatch, fact: str, value: object, said: str
) -> None:
    code, text = report({**facts, fact: value}, "mini", monkeypatch)
    assert code == 3
    assert said in text
    assert "cannot run here" in text


def test_missing_checkpoint_stops_only_mini(facts: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    next(doctor.PROFILES["mini"]["shipped"].rglob("*.safetensors")).unlink()
    assert report(facts, "mini", monkeypatch)[0] == 3
    assert report(facts, "base", monkeypatch)[0] == 0


def test_paper_on_an_unsupported_gpu_is_a_warning(facts: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = report({**facts, "gpus": [devices.Gpu(*H100.split(", "))]}, "paper", monkeypatch)
    assert code == 0
    assert "warning: no GPU that both frameworks support" in text


def test_unknown_profile() -> None:
    with pytest.raises(InputError, match="nosuch"):
        doctor.run_doctor("nosuch", io.StringIO())


def test_collect_on_this_machine() -> None:
    facts = doctor.collect()
    assert facts["cores"] >= 1
    assert 0 < facts["memory_free"] <= facts["memory"] * 64
    assert facts["packages"]["numpy"]


@pytest.mark.parametrize(
    ("rows", "code", "said"),
    [
        (T4, 0, "both frameworks support it"),
        (H100.replace("1,", "0,", 1), 3, "missing: GPU 0 (NVIDIA H100 80GB HBM3): Paddle's wheel needs"),
        (T4.replace("580.65.06", "535.104.05"), 3, "PyTorch's wheel needs driver 580 or newer, this is 535.104.05"),
    ],
)
def test_a_gpu_that_is_asked_for_and_unsupported_stops_everything(
    nvidia_smi: Callable[[str], None],
    facts: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    rows: str,
    code: int,
    said: str,
) -> None:
    nvidia_smi(f"echo '{rows}'")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    gpus, _ = devices.nvidia_gpus()
    monkeypatch.setattr(doctor, "collect", lambda: {**facts, "gpus": gpus})
    for profile in (None, "paper"):
        out = io.StringIO()
        assert doctor.run_doctor(profile, out, "gpu") == code
        assert said in out.getvalue()
        assert ("supported: compute capability 7.5, 8.0, 8.6 or 8.9 (T4, " in out.getvalue()) == (code == 3)


def test_a_machine_without_a_gpu_cannot_serve_a_gpu_run(
    tmp_path: Path, facts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(doctor, "collect", lambda: {**facts, "gpus": []})
    out = io.StringIO()
    assert doctor.run_doctor("mini", out, "gpu") == 3
    assert "missing: no GPU on this machine" in out.getvalue()
