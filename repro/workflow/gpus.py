"""Which GPUs the jobs of this machine get, and a refusal before any job where none can serve them."""

from repro.config.profile import BACKENDS
from repro.errors import EnvironmentFault, InputError
from repro.machine.devices import SUPPORTED, gpu_indices, refused


def choose_gpus(
    device: str, request: int | list[str] | None = None, backends: tuple[str, ...] = BACKENDS
) -> tuple[list[str], list[str]]:
    """(GPUs for one job each, why others are left out).

    Args:
        device: ``cpu``: none; ``auto``: those that both frameworks support; ``gpu``: those, and at least one.
        request: at most so many, or exactly these; from here on as ``gpu``.

    Raises:
        InputError: a GPU is named that is not there, or not for this process (``CUDA_VISIBLE_DEVICES``).
        EnvironmentFault: a GPU is asked for, and none is there or none is supported.
    """
    if device == "cpu":
        return [], []
    present = gpu_indices()
    if isinstance(request, list):
        if unknown := [name for name in request if name not in present]:
            choice = f"this process may use: {', '.join(present) or 'none'}"
            raise InputError(f"no GPU {', '.join(unknown)}; {choice}", where="--gpus", next_step="repro doctor")
        present = request
    unsupported = refused(present, backends) if present else {}
    usable = [name for name in present if name not in unsupported]
    if device == "gpu" or request is not None:
        if not present:
            raise EnvironmentFault("no GPU on this machine", where="device", next_step="--device auto, or repro doctor")
        if not usable or (isinstance(request, list) and unsupported):
            raise EnvironmentFault(
                "\n  ".join(["a GPU is asked for that cannot serve this run", *unsupported.values()]),
                where="device",
                next_step=f"use a supported one: {SUPPORTED}; or --device cpu",
            )
    return usable[:request] if isinstance(request, int) else usable, list(unsupported.values())
