"""The two frameworks behind one protocol. A process loads one of them."""

import importlib
from typing import cast

from repro.backends.protocol import Backend, Device, Model, StepReport, Tokenizer, Trainer, UpdateReport
from repro.config.profile import BACKENDS
from repro.errors import InputError

__all__ = [
    "Backend",
    "Device",
    "Model",
    "StepReport",
    "Tokenizer",
    "Trainer",
    "UpdateReport",
    "load",
]


def load(name: str) -> Backend:
    """Import one backend.

    Not by an import statement: a task's key covers what its code imports, and must not cover the other backend.

    Raises:
        InputError: no such backend.
    """
    if name not in BACKENDS:
        raise InputError(f"no backend {name!r}", next_step=f"choose one of: {', '.join(BACKENDS)}")
    return cast(Backend, importlib.import_module(f"repro.backends.{name}"))
