"""Which device a backend runs on."""

from collections.abc import Callable, Sequence

from repro.backends.protocol import Device
from repro.errors import EnvironmentFault, InputError
from repro.machine.devices import lacks

DEVICES = ("auto", "cpu", "gpu")


def check_precision(precision: str, backend: str, gpu: Device | None) -> None:
    """Raise EnvironmentFault where a framework has no matrix products in this precision on a GPU (None: the CPU)."""
    if why := lacks(precision, backend, gpu.capability if gpu else None):
        raise EnvironmentFault(why, where="training.precision", next_step="--set training.precision=float32")


def choose_gpu(
    device: str, gpus: Sequence[Device], *, runs_on: Callable[[str], bool], supported: str, framework: str, build: str
) -> Device | None:
    """The first GPU with a supported compute capability; None for the CPU.

    Args:
        runs_on: whether the build has machine code for a compute capability such as ``8.6``.
        supported: these capabilities in words.
        framework: its name in the message.
        build: name and version of the installed distribution.

    Raises:
        EnvironmentFault: ``gpu`` is asked for, and there is none that the build supports.
        InputError: the device is none of ``auto``, ``cpu``, ``gpu``.
    """
    if device not in DEVICES:
        raise InputError(f"no device {device!r}", next_step=f"choose one of: {', '.join(DEVICES)}")
    usable = [gpu for gpu in gpus if runs_on(gpu.capability)] if device != "cpu" else []
    if device == "gpu" and not usable:
        seen = ", ".join(f"{gpu.name} ({gpu.capability})" for gpu in gpus) or "no GPU"
        raise EnvironmentFault(
            f"{framework} cannot use a GPU here: it sees {seen}; this build needs compute capability {supported}",
            where=build,
            next_step="run with --device cpu, or on a supported GPU",
        )
    return usable[0] if usable else None
