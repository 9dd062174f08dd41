"""Device, threads, deterministic kernels and versions of PyTorch."""

import contextlib
import os
import re

import torch

from repro.backends.common.device import check_precision, choose_gpu
from repro.backends.common.limits import Limits, limits
from repro.backends.protocol import Device
from repro.machine.devices import TORCH_SUPPORTED as SUPPORTED
from repro.machine.devices import torch_runs_on as runs_on
from repro.machine.versions import installed_versions

_selected = torch.device("cpu")
_limits = limits(None)
_bf16 = False


def selected() -> torch.device:
    """The device that ``setup`` chose; the CPU before it was called."""
    return _selected


def selected_limits() -> Limits:
    """How a training pass is divided on the selected device."""
    return _limits


def products() -> contextlib.AbstractContextManager[object]:
    """Within the block matrix products of float32 have the precision that ``setup`` chose."""
    return torch.autocast(_selected.type, torch.bfloat16) if _bf16 else contextlib.nullcontext()


def versions() -> dict[str, str]:
    """Versions of what computes: the framework, its model library, CUDA and cuDNN (``none`` in a CPU build)."""
    installed = installed_versions("pytorch")
    installed["cuda"] = str(torch.version.cuda or "none").lower()
    installed["cudnn"] = str(torch.backends.cudnn.version() or "none")
    return installed


def arithmetic() -> dict[str, str]:
    """What decides how float32 is rounded and in which order it is summed, as PyTorch reports it."""
    build = torch.__config__.show()
    blas = re.search(r"BLAS_INFO=(\w+)", build)
    library = re.search(r"Math Kernel Library Version (\S+)", build)
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
    gpus = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        capability = f"{properties.major}.{properties.minor}"
        gpus.append(Device(index, properties.name, capability, properties.total_memory))
    return gpus


def setup(*, device: str = "cpu", threads: int = 1, seed: int = 0, precision: str = "float32") -> str:
    """Select the device, the threads and deterministic float32 kernels, and seed the generator (``Backend.setup``)."""
    global _selected, _limits, _bf16
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when it creates its first handle
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # every kernel here writes its whole output
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.manual_seed(seed)
    gpus, build = devices() if device != "cpu" else [], f"torch {torch.__version__}"
    gpu = choose_gpu(device, gpus, runs_on=runs_on, supported=SUPPORTED, framework="PyTorch", build=build)
    _selected = torch.device("cuda", gpu.index) if gpu else torch.device("cpu")
    _limits = limits(gpu)
    check_precision(precision, "pytorch", gpu)
    _bf16 = precision == "bf16"
    return gpu.name if gpu else "cpu"
