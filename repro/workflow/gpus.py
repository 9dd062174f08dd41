"""Which GPUs the jobs of this machine get, and a refusal before any job where none can serve them."""

from __future__ import annotations

from repro.devices import SUPPORTED, gpu_indices, refused
from repro.errors import EnvironmentFault, InputError
from repro.profile import BACKENDS


def choose_gpus(
    device: str, wanted: int | list[str] | None = None, backends: tuple[str, ...] = BACKENDS
) -> tuple[list[str], list[str]]:
    """(GPUs for one job each, why others are left out).

    Args:
        device: ``cpu``: none; ``auto``: those that both frameworks support; ``gpu``: those, and at least one.
        wanted: at most so many, or exactly these; from here on as ``gpu``.

    Raises:
        InputError: a GPU is named that is not there, or not for this process (``CUDA_VISIBLE_DEVICES``).
        EnvironmentFault: a GPU is asked for, and none is there or none is supported.
    """
    if device == "cpu":
        return [], []
    there = gpu_indices()
    if isinstance(wanted, list):
        if strangers := [name for name in wanted if name not in there]:
            have = f"this process may use: {', '.join(there) or 'none'}"
            raise InputError(f"no GPU {', '.join(strangers)}; {have}", where="--gpus", next_step="repro doctor")
        there = wanted
    wrong = refused(there, backends) if there else {}
    usable = [name for name in there if name not in wrong]
    if device == "gpu" or wanted is not None:
        if not there:
            raise EnvironmentFault("no GPU on this machine", where="device", next_step="--device auto, or repro doctor")
        if not usable or (isinstance(wanted, list) and wrong):
            raise EnvironmentFault(
                "\n  ".join(["a GPU is asked for that cannot serve this run", *wrong.values()]),
                where="device",
                next_step=f"use a supported one: {SUPPORTED}; or --device cpu",
            )
    return usable[:wanted] if isinstance(wanted, int) else usable, list(wrong.values())
