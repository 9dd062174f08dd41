"""Device, threads, deterministic kernels and versions of PyTorch."""

from __future__ import annotations

import os
import re

import torch

from repro.backends import Device
from repro.devices import TORCH_SUPPORTED as SUPPORTED
from repro.devices import torch_runs_on as runs_on
from repro.errors import EnvironmentFault, InputError
from repro.installed import installed_versions

_selected = torch.device("cpu")


def selected() -> torch.device:
    """The device that ``setup`` chose; the CPU before it was called."""
    return _selected


def versions() -> dict[str, str]:
    """Versions of what computes: the framework, its model library, CUDA and cuDNN (``none`` in a CPU build)."""
    found = installed_versions("pytorch")
    found["cuda"] = str(torch.version.cuda or "none").lower()
    found["cudnn"] = str(torch.backends.cudnn.version() or "none")
    return found


def arithmetic() -> dict[str, str]:
    """What decides how float32 is rounded and in which order it is summed, as PyTorch reports it."""
    blas = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    library = re.search(r"Math Kernel Library Version (\S+)", torch.__config__.show())
    return {
        "threads": str(torch.get_num_threads()),
        "BLAS": f"{blas[1] if blas else 'unknown'} {library[1] if library else ''}".strip(),
        "deterministic kernels": str(torch.are_deterministic_algorithms_enabled()),
        "kernels tuned by time": str(torch.backends.cudnn.benchmark),
        "TF32": str(torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32),
        "float32 products": torch.get_float32_matmul_precision(),
        "CPU instructions": torch.backends.cpu.get_cpu_capability(),
    }


def devices() -> list[Device]:
    """GPUs that PyTorch sees; none without a driver or in a CPU build."""
    if not torch.cuda.is_available():
        return []
    found = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        capability = f"{properties.major}.{properties.minor}"
        found.append(Device(index, properties.name, capability, properties.total_memory))
    return found


def setup(*, device: str = "cpu", threads: int = 1, seed: int = 0) -> str:
    """Select the device, the threads and deterministic float32 kernels, and seed the generator.

    Args:
        device: ``cpu``, ``gpu``, or ``auto``: the first GPU that this build has machine code for, else the CPU.

    Returns:
        ``cpu`` or the name of the GPU.

    Raises:
        EnvironmentFault: ``gpu`` without a GPU, or with one that this build has no machine code for.
        InputError: an unknown device.
    """
    global _selected
    if device not in ("auto", "cpu", "gpu"):
        raise InputError(f"no device {device!r}", next_step="choose one of: auto, cpu, gpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when the first cuBLAS handle is made
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(seed)
    gpus = devices() if device != "cpu" else []
    usable = [gpu for gpu in gpus if runs_on(gpu.capability)]
    if device == "gpu" and not usable:
        seen = ", ".join(f"{gpu.name} ({gpu.capability})" for gpu in gpus) or "no GPU"
        raise EnvironmentFault(
            f"PyTorch cannot use a GPU here: it sees {seen}; this build needs compute capability {SUPPORTED}",
            where=f"torch {torch.__version__}",
            next_step="run with --device cpu, or on a supported GPU",
        )
    _selected = torch.device("cuda", usable[0].index) if usable else torch.device("cpu")
    return usable[0].name if usable else "cpu"
