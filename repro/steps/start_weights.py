"""The start weights of a run as steps read them without a framework."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
from safetensors import SafetensorError, safe_open

from repro.backends import Arrays
from repro.errors import InputError
from repro.paths import RunPaths

T = TypeVar("T")
ALL_IN_FULL = 1 << 22  # elements of a model whose every parameter is kept


def start_arrays(run: RunPaths, init: str = "pretrained", names: Collection[str] = ()) -> Arrays:
    """Hub names -> float32 arrays, from the PyTorch side's checkpoint, which is in the hub's layout; all or the named.

    Raises:
        InputError: the checkpoint is missing or damaged.
    """
    return dict(iterate_start(run, init, names))


def iterate_start(
    run: RunPaths, init: str = "pretrained", names: Collection[str] = ()
) -> Iterator[tuple[str, np.ndarray]]:
    """``start_arrays`` one after the other."""
    return _each(run, init, names, lambda file, name: file.get_tensor(name))


def _shape(file: Any, name: str) -> tuple[int, ...]:
    return tuple(file.get_slice(name).get_shape())


def _each(run: RunPaths, init: str, names: Collection[str], read: Callable[[Any, str], T]) -> Iterator[tuple[str, T]]:
    path = run.checkpoint("pytorch", init) / "model.safetensors"
    try:
        with safe_open(path, framework="numpy") as file:
            for name in names or file.keys():
                yield name, read(file, name)
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"cannot read start weights: {error}", where=path, next_step="repro convert-run --run DIR"
        ) from error


def start_shapes(run: RunPaths) -> dict[str, tuple[int, ...]]:
    """Shape of every start weight by hub name, sorted.

    Raises:
        InputError: the checkpoint is missing or damaged.
    """
    return dict(sorted(_each(run, "pretrained", (), _shape)))


def kept_names(shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    """Parameters that step 5's optimizer works on: all of a small model; of a large one first and last layer, head and
    the small embeddings, so that weights, gradients and moments stay well below twice the model."""
    names = sorted(shapes)
    if sum(math.prod(shape) for shape in shapes.values()) <= ALL_IN_FULL:
        return names
    layers = {int(found[1]) for name in names if (found := re.search(r"\.layer\.(\d+)\.", name))}
    ends = tuple(f".layer.{number}." for number in (min(layers), max(layers)))
    small = ("position_embeddings", "token_type_embeddings", "embeddings.LayerNorm", "splinter_qass.")
    return [name for name in names if any(part in name for part in (*ends, *small))]


def kept_shapes(run: RunPaths) -> dict[str, tuple[int, ...]]:
    """Shapes of the kept parameters of a run, sorted by name."""
    shapes = start_shapes(run)
    return {name: shapes[name] for name in kept_names(shapes)}
