"""Further files of a reproduction, as bytes."""

from __future__ import annotations

import os
import pickle
from typing import Any

import numpy as np

from tests.dumps.containers import op, tensor, torch_zip


class Mkdir:
    """Pickles into a call that leaves a mark."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


def pickled(value: Any) -> bytes:
    return pickle.dumps(value, protocol=2)


def torch_file(name: str, array: np.ndarray) -> bytes:
    """``torch.save({name: tensor})`` of a float32 matrix."""
    rows, columns = array.shape
    stored = tensor(count=array.size, shape=(rows, columns), strides=(columns, 1))
    return torch_zip(b"}" + op(name) + stored + b"s", {"0": np.ascontiguousarray(array, "<f4").tobytes()})
