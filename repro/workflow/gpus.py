"""Which GPUs the jobs of this machine get, and a refusal before any job where none can serve them."""

from collections.abc import Mapping

from repro.errors import EnvironmentFault, InputError
from repro.machine.devices import SUPPORTED, capabilities, gpu_indices, lacks, refused

ALONE = "or of one framework alone: --device pytorch=gpu,paddle=cpu"


def choose_gpus(
    devices: Mapping[str, str], request: int | list[str] | None = None
) -> tuple[dict[str, list[str]], list[str]]:
    """(framework -> GPUs, of which each of its jobs gets one; why others are left out).

    Args:
        devices: framework -> ``cpu``: none; ``auto``: those that it supports; ``gpu``: those, and at least one.
        request: at most so many, or exactly these; from here on ``auto`` is as ``gpu``.

    Raises:
        InputError: a GPU is named that is not there, or not for this process (``CUDA_VISIBLE_DEVICES``).
        EnvironmentFault: a GPU is asked for, and none is there or none is supported.
    """
    gpus: dict[str, list[str]] = {backend: [] for backend in devices}
    wanting = [backend for backend, device in devices.items() if device != "cpu"]
    if not wanting:
        return gpus, []
    present = gpu_indices()
    if isinstance(request, list):
        if unknown := [name for name in request if name not in present]:
            choice = f"this process may use: {', '.join(present) or 'none'}"
            raise InputError(f"no GPU {', '.join(unknown)}; {choice}", where="--gpus", next_step="repro doctor")
        present = request
    left_out = {backend: refused(present, (backend,)) if present else {} for backend in wanting}
    if isinstance(request, int):  # those that serve most frameworks
        present = sorted(present, key=lambda name: sum(name in reasons for reasons in left_out.values()))[:request]
    reasons = list(dict.fromkeys(reason for by_gpu in left_out.values() for reason in by_gpu.values()))
    for backend in wanting:
        gpus[backend] = [name for name in present if name not in left_out[backend]]
        if devices[backend] != "gpu" and request is None:
            continue
        if not present:
            raise EnvironmentFault("no GPU on this machine", where="device", next_step="--device auto, or repro doctor")
        if not gpus[backend] or (isinstance(request, list) and left_out[backend]):
            raise EnvironmentFault(
                "\n  ".join(["a GPU is asked for that cannot serve this run", *reasons]),
                where="device",
                next_step=f"use a supported one: {SUPPORTED}; or --device cpu, {ALONE}",
            )
    return gpus, reasons


def check_precision(precision: str, gpus: Mapping[str, list[str]]) -> None:
    """Refuse trainings whose matrix products the chosen devices do not have in this precision.

    Args:
        gpus: framework -> its GPUs; none: it trains on the CPU.

    Raises:
        EnvironmentFault: a device lacks it.
    """
    reasons = []
    for backend, names in gpus.items():
        known: dict[str, str] = capabilities(names) if names and precision != "float32" else {}
        of_gpus = {f"GPU {name}: {why}": None for name in known if (why := lacks(precision, backend, known[name]))}
        reasons += list(of_gpus) if names else [lacks(precision, backend, None)]
    if any(reasons):
        raise EnvironmentFault(
            "\n  ".join(["trainings cannot have this precision here", *filter(None, reasons)]),
            where=f"training.precision={precision}",
            next_step="--set training.precision=float32, --device gpu, or --backends with those that can",
        )
