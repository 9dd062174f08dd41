"""Dropout by shared masks instead of Paddle's generator."""

import contextlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import count
from typing import Any

import numpy as np
import paddle
from paddle.nn import functional

from repro.data.dropout import DropoutMasks, coordinates, factors, folded, multipliers, scale, threshold

BY_NUMPY = {paddle.float32: np.float32, paddle.float64: np.float64}


@contextlib.contextmanager
def shared_dropout(masks: DropoutMasks | None, step: int, rows: np.ndarray) -> Iterator[None]:
    """Within this context the k-th dropout in training mode takes mask k of the step; without masks nothing changes.

    ``rows`` (B,) are the numbers in the whole batch of what is computed here: axis 0 of every tensor.
    ``paddle.nn.Dropout`` and ``paddle.nn.MultiHeadAttention`` call ``paddle.nn.functional.dropout`` through its module,
    so one replacement reaches them all. A call with probability 0 uses no mask, as in the other backend.
    """
    if masks is None:
        yield
        return
    calls, numbers = count(), tuple(rows.tolist())

    def dropout(
        x: paddle.Tensor, p: float = 0.5, axis: Any = None, training: bool = True, mode: str = "", name: Any = None
    ) -> paddle.Tensor:
        if not training or p == 0:
            return x
        place = (masks.key(step, next(calls)), numbers, tuple(x.shape), p)
        if x.place.is_cpu_place():
            return x * paddle.to_tensor(multipliers(*place, BY_NUMPY[x.dtype]))
        return dropped(x, keep_by_tensors(*place), p)

    original = functional.dropout
    functional.dropout = dropout
    try:
        yield
    finally:
        functional.dropout = original


def shared_mask(masks: DropoutMasks, rows: np.ndarray, shape: tuple[int, ...], probability: float) -> np.ndarray:
    """What the first dropout of step 0 keeps, bool, as the selected device computes it (``Backend.shared_mask``)."""
    with shared_dropout(masks, 0, rows):
        kept = functional.dropout(paddle.ones(shape), probability)
    mask: np.ndarray = kept.numpy() > 0
    return mask


def dropped(values: paddle.Tensor, kept: paddle.Tensor, probability: float) -> paddle.Tensor:
    """The same by tensors, on any device: scaled values, 0 where they are not ``kept``, bool."""
    return values * scale(probability) * kept.astype(values.dtype)


def keep_by_tensors(key: int, rows: tuple[int, ...], shape: tuple[int, ...], probability: float) -> paddle.Tensor:
    """Where ``repro.data.dropout.multipliers`` is not 0, bool, computed on the selected device."""
    keys = folded(uploaded(coordinates, (rows, shape[1:-1])) * key)
    return keys * uploaded(factors, (shape[-1],)) >= threshold(probability)


@lru_cache(maxsize=32)
def uploaded(function: Callable[..., np.ndarray], arguments: tuple[Any, ...]) -> paddle.Tensor:
    """The array that the function returns, on the selected device; the calls of a step share it."""
    return paddle.to_tensor(function(*arguments))
