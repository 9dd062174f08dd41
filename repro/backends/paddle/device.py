"""Device, threads, deterministic kernels and versions of PaddlePaddle."""

import contextlib
import os
import zlib  # noqa: F401  before paddle: libpaddle exports zlib symbols that break a later first use

# Paddle reads its flags, and CUDA's libraries the ban on TF32, when they are loaded: a training in TF32 lifts
# it before (``repro.stages.train``).
os.environ.setdefault("FLAGS_cudnn_deterministic", "1")
os.environ.setdefault("FLAGS_embedding_deterministic", "1")
os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")
os.environ.setdefault("FLAGS_use_stride_kernel", "0")  # copies instead of views: equal values in less time

import paddle

from repro.backends.common.device import check_precision, choose_gpu
from repro.backends.common.limits import Limits, limits
from repro.backends.protocol import Device
from repro.machine.devices import PADDLE_SUPPORTED as SUPPORTED
from repro.machine.devices import paddle_runs_on as runs_on
from repro.machine.versions import installed_versions

paddle.disable_signal_handler()  # as paddlenlp's __init__ would: a signal that ends the process does so at once
_selected = "cpu"
_limits = limits(None)
_bf16 = False


def selected() -> str:
    """The device that ``setup`` chose; the CPU before it was called."""
    return _selected


def selected_limits() -> Limits:
    """How a training pass is divided on the selected device."""
    return _limits


def products() -> contextlib.AbstractContextManager[object]:
    """Within the block matrix products of float32 have the precision that ``setup`` chose."""
    return paddle.amp.auto_cast(dtype="bfloat16") if _bf16 else contextlib.nullcontext()


def versions() -> dict[str, str]:
    """Versions of what computes: the framework, its model library, CUDA and cuDNN (``none`` in a CPU build)."""
    installed = installed_versions("paddle")
    installed["cuda"] = str(paddle.version.cuda() or "none").lower().replace("false", "none")
    installed["cudnn"] = str(paddle.version.cudnn() or "none").lower().replace("false", "none")
    return installed


def flag(name: str) -> str:
    """Value of one of Paddle's flags."""
    return str(paddle.get_flags(name)[name])


def arithmetic() -> dict[str, str]:
    """What decides how float32 is rounded and in which order it is summed, as Paddle reports it."""
    environment = os.environ
    return {
        "threads": flag("FLAGS_paddle_num_threads"),
        "BLAS": f"mkl {paddle.version.mkl().lower()}, oneDNN {flag('FLAGS_use_mkldnn')}",
        # Paddle does not report the next three; it reads them when it is loaded.
        "deterministic kernels": environment["FLAGS_cudnn_deterministic"],
        "deterministic embeddings": environment["FLAGS_embedding_deterministic"],
        "TF32": "False" if environment["NVIDIA_TF32_OVERRIDE"] == "0" else "True",
        "tensor views": flag("FLAGS_use_stride_kernel"),
        "CPU sums in one order": flag("FLAGS_cpu_deterministic"),
        "float32 products": "float32",
    }


def devices() -> list[Device]:
    """GPUs that Paddle sees; none without a driver or in a CPU build."""
    if not paddle.is_compiled_with_cuda():
        return []
    gpus = []
    for index in range(paddle.device.cuda.device_count()):
        properties = paddle.device.cuda.get_device_properties(index)
        capability = f"{properties.major}.{properties.minor}"
        gpus.append(Device(index, properties.name, capability, properties.total_memory))
    return gpus


def setup(*, device: str = "cpu", threads: int = 1, seed: int = 0, precision: str = "float32") -> str:
    """Select the device, the threads and deterministic float32 kernels, and seed the generator (``Backend.setup``).

    Set ``OMP_NUM_THREADS`` and ``MKL_NUM_THREADS`` as well before the process starts: Paddle's MKL reads them once.
    """
    global _selected, _limits, _bf16
    paddle.base.core.set_num_threads(threads)
    gpus, build = devices() if device != "cpu" else [], f"paddle {paddle.__version__}"
    gpu = choose_gpu(device, gpus, runs_on=runs_on, supported=SUPPORTED, framework="Paddle", build=build)
    _selected = f"gpu:{gpu.index}" if gpu else "cpu"
    paddle.set_device(_selected)
    paddle.seed(seed)
    _limits = limits(gpu)
    check_precision(precision, "paddle", gpu)
    _bf16 = precision == "bf16"
    return gpu.name if gpu else "cpu"
