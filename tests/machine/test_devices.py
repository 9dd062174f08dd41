"""GPUs as a fake ``nvidia-smi`` reports them, and which of them the wheels support."""

from collections.abc import Callable
from pathlib import Path

import pytest

from repro.machine import devices
from repro.machine.devices import Gpu

T4 = "0, Tesla T4, 7.5, 15360 MiB, 580.65.06"
H100 = "1, NVIDIA H100 80GB HBM3, 9.0, 81559 MiB, 580.65.06"
P100 = "0, Tesla P100-PCIE-16GB, 6.0, 16384 MiB, 580.65.06"


@pytest.mark.parametrize(
    ("capability", "torch", "paddle"),
    [
        *(("6.0", False, False), ("6.1", False, True), ("7.0", False, True)),
        *((version, True, True) for version in ("7.5", "8.0", "8.6", "8.9")),
        *((version, True, False) for version in ("9.0", "10.0", "12.0")),
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
    (driver,) = devices.faults(Gpu("0", "Tesla T4", "7.5", "15360 MiB", "535.104"))
    assert "driver 580" in driver
    (unreadable,) = devices.faults(Gpu("0", "old", "[N/A]", "1 MiB", "580.1"))
    assert "[N/A]" in unreadable
    assert len(devices.faults(Gpu(*P100.split(", ")))) == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("echo 'NVIDIA-SMI has failed because it could not reach the driver'; exit 9", "could not reach the driver"),
        ("exit 6", "exit code 6"),
        ("echo 'something else'", "an unknown line"),
    ],
)
def test_failing_query_is_reported(nvidia_smi: Callable[[str], None], line: str, reason: str) -> None:
    nvidia_smi(line)
    gpus, problem = devices.nvidia_gpus()
    assert gpus == []
    assert reason in problem


def test_no_nvidia_smi_is_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert devices.nvidia_gpus() == ([], "")
