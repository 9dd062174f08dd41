"""Gradients as they stand in the dump of step 8."""

from collections.abc import Iterable, Iterator

import numpy as np

from repro.dumps.sketch import FULL, sketch

GRADIENT = "gradient."


def dumped(gradients: Iterable[tuple[str, np.ndarray]], full: int = FULL) -> Iterator[tuple[str, np.ndarray]]:
    """Gradients by hub name as ``gradient.{name}``, those of more than ``full`` elements as tensor sketches.

    One at a time, so that each full gradient can be freed as soon as its sketch is made.
    """
    for name, gradient in gradients:
        yield from sketch({f"{GRADIENT}{name}": gradient}, full).items()


def parameter_of(name: str) -> str:
    """Hub name behind a record or a key of the dump: without the prefix, and without ``[sample]`` or the like."""
    return name.removeprefix(GRADIENT).partition("[")[0]
