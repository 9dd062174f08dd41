"""The start weights of a run, read without a framework."""

import math
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

import numpy as np
from safetensors import SafetensorError, safe_open

from repro.config.paths import RunPaths
from repro.errors import InputError
from repro.numerics.arrays import Arrays

T = TypeVar("T")
Shapes = dict[str, tuple[int, ...]]  # hub name -> shape
ALL_IN_FULL = 1 << 22  # elements of a model whose every parameter is kept


def start_arrays(run: RunPaths, names: Collection[str] = ()) -> Arrays:
    """Hub name -> float32 array, of all parameters or of those named.

    Read from the PyTorch checkpoint, whose layout is the hub's.

    Raises:
        InputError: the checkpoint is missing or damaged.
    """
    return dict(iterate_start(run, names))


def iterate_start(run: RunPaths, names: Collection[str] = ()) -> Iterator[tuple[str, np.ndarray]]:
    """``start_arrays`` one at a time."""
    return _each(run, names, lambda file, name: file.get_tensor(name))


def _each(run: RunPaths, names: Collection[str], read: Callable[[Any, str], T]) -> Iterator[tuple[str, T]]:
    path = run.checkpoint("pytorch") / "model.safetensors"
    try:
        with safe_open(path, framework="numpy") as file:
            for name in names or file.keys():
                yield name, read(file, name)
    except (OSError, SafetensorError) as error:
        what = f"cannot read start weights: {error}"
        raise InputError(what, where=path, next_step="repro stage convert --run DIR") from error


def start_shapes(run: RunPaths) -> Shapes:
    """Shape of every start weight by hub name, sorted.

    Raises:
        InputError: the checkpoint is missing or damaged.
    """
    return dict(sorted(_each(run, (), lambda file, name: tuple(file.get_slice(name).get_shape()))))


def kept_shapes(run: RunPaths) -> Shapes:
    """``start_shapes`` of the parameters that step 5's optimizer updates.

    These are all of a small model; of a large one the first and the last layer, the head and the small embeddings, so
    that weights, gradients and moments stay well below twice the model.
    """
    shapes = start_shapes(run)
    if sum(map(math.prod, shapes.values())) <= ALL_IN_FULL:
        return shapes
    layers = {int(match[1]) for name in shapes if (match := re.search(r"\.layer\.(\d+)\.", name))}
    ends = tuple(f".layer.{number}." for number in (min(layers), max(layers)))
    small = ("position_embeddings", "token_type_embeddings", "embeddings.LayerNorm", "splinter_qass.")
    return {name: shape for name, shape in shapes.items() if any(part in name for part in (*ends, *small))}
