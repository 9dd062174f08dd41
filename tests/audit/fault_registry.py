"""What a planted fault is, and the table that the modules of faults fill."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.audit.reproduction import Reproduction

Rng = np.random.Generator
Plant = Callable[[Reproduction, Rng], object]
Place = tuple[str, str]  # kind of finding, part of its place or of its sentence


@dataclass(frozen=True)
class Fault:
    """One way to be wrong.

    Attributes:
        required: findings without which the fault counts as missed.
        consequences: further findings that follow from the planted fault.
    """

    name: str
    required: tuple[Place, ...]
    plant: Plant
    consequences: tuple[Place, ...] = ()

    @property
    def kind(self) -> str:
        return self.required[0][0]


FAULTS: dict[str, Fault] = {}


def _places(signs: tuple[str, ...]) -> tuple[Place, ...]:
    return tuple((kind, where) for kind, _, where in (sign.partition(": ") for sign in signs))


def fault(*signs: str, follows: tuple[str, ...] = ()) -> Callable[[Plant], None]:
    """Register the function as a fault under its name; signs are written as ``kind of finding: place``."""

    def register(plant: Plant) -> None:
        name = plant.__name__.replace("_", " ")
        FAULTS[name] = Fault(name, _places(signs), plant, _places(follows))

    return register
