"""Device, threads, deterministic kernels and versions of PaddlePaddle."""

from __future__ import annotations

import os
import zlib  # noqa: F401  before paddle: libpaddle exports zlib symbols that break a later first use

# Paddle reads its flags, and CUDA's libraries the ban on TF32, when they are loaded.
os.environ.setdefault("FLAGS_cudnn_deterministic", "1")
os.environ.setdefault("FLAGS_embedding_deterministic", "1")
os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")

import paddle

from repro.backends import Device
from repro.devices import PADDLE_SUPPORTED as SUPPORTED
from repro.devices import paddle_runs_on as runs_on
from repro.errors import EnvironmentFault, InputError
from repro.installed import installed_versions

_selected = "cpu"


def selected() -> str:
    """The device that ``setup`` chose; the CPU before it was called."""
    return _selected


def versions() -> dict[str, str]:
    """Versions of what computes: the framework, its model library, CUDA and cuDNN (``none`` in a CPU build)."""
    found = installed_versions("paddle")
    found["cuda"] = str(paddle.version.cuda() or "none").lower().replace("false", "none")
    found["cudnn"] = str(paddle.version.cudnn() or "none").lower().replace("false", "none")
    return found


def arithmetic() -> dict[str, str]:
    """What decides how float32 is rounded and in which order it is summed, as Paddle reports it."""
    flags = ("FLAGS_use_mkldnn", "FLAGS_cpu_deterministic", "FLAGS_paddle_num_threads")
    own = os.environ
    return {
        "threads": str(paddle.get_flags(flags[2])[flags[2]]),
        "BLAS": f"mkl {paddle.version.mkl().lower()}, oneDNN {paddle.get_flags(flags[0])[flags[0]]}",
        # Paddle tells nobody these three; it reads them when it is loaded.
        "deterministic kernels": own["FLAGS_cudnn_deterministic"],
        "deterministic embeddings": own["FLAGS_embedding_deterministic"],
        "TF32": {"0": "False"}.get(own["NVIDIA_TF32_OVERRIDE"], "True"),
        "CPU sums in one order": str(paddle.get_flags(flags[1])[flags[1]]),
        "float32 products": "float32",
    }


def devices() -> list[Device]:
    """GPUs that Paddle sees; none without a driver or in a CPU build."""
    if not paddle.is_compiled_with_cuda():
        return []
    found = []
    for index in range(paddle.device.cuda.device_count()):
        properties = paddle.device.cuda.get_device_properties(index)
        capability = f"{properties.major}.{properties.minor}"
        found.append(Device(index, properties.name, capability, properties.total_memory))
    return found


def setup(*, device: str = "cpu", threads: int = 1, seed: int = 0) -> str:
    """Select the device, the threads and deterministic float32 kernels, and seed the generator.

    Args:
        device: ``cpu``, ``gpu``, or ``auto``: the first GPU that this build has machine code for, else the CPU.
        threads: must also stand in ``OMP_NUM_THREADS`` and ``MKL_NUM_THREADS`` before the process starts: Paddle's MKL
            reads them once.

    Returns:
        ``cpu`` or the name of the GPU.

    Raises:
        EnvironmentFault: ``gpu`` without a GPU, or with one that this build has no machine code for.
        InputError: an unknown device.
    """
    global _selected
    if device not in ("auto", "cpu", "gpu"):
        raise InputError(f"no device {device!r}", next_step="choose one of: auto, cpu, gpu")
    paddle.base.core.set_num_threads(threads)
    gpus = devices() if device != "cpu" else []
    usable = [gpu for gpu in gpus if runs_on(gpu.capability)]
    if device == "gpu" and not usable:
        seen = ", ".join(f"{gpu.name} ({gpu.capability})" for gpu in gpus) or "no GPU"
        raise EnvironmentFault(
            f"Paddle cannot use a GPU here: it sees {seen}; this build needs compute capability {SUPPORTED}",
            where=f"paddle {paddle.__version__}",
            next_step="run with --device cpu, or on a supported GPU",
        )
    _selected = f"gpu:{usable[0].index}" if usable else "cpu"
    paddle.set_device(_selected)
    paddle.seed(seed)
    return usable[0].name if usable else "cpu"
