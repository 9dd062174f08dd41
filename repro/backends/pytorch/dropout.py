"""Dropout by shared masks instead of PyTorch's generator."""

import contextlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import count
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from repro.backends.pytorch import device
from repro.data.dropout import DropoutMasks, coordinates, factors, folded, multipliers, scale, threshold

BY_NUMPY = {torch.float32: np.float32, torch.float64: np.float64}  # numpy has no bfloat16


@contextlib.contextmanager
def shared_dropout(masks: DropoutMasks | None, step: int, rows: np.ndarray) -> Iterator[None]:
    """Within this context the k-th dropout in training mode takes mask k of the step; without masks nothing changes.

    ``rows`` (B,) are the numbers in the whole batch of what is computed here: axis 0 of every tensor.
    ``torch.nn.Dropout`` and every model of ``transformers`` call ``torch.nn.functional.dropout`` through its module,
    so one replacement reaches them all. A call with probability 0 uses no mask, as in the other backend.
    """
    if masks is None:
        yield
        return
    calls, numbers = count(), tuple(rows.tolist())

    def dropout(input: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
        if not training or p == 0:
            return input
        place = (masks.key(step, next(calls)), numbers, tuple(input.shape), p)
        if input.device.type == "cpu" and input.dtype in BY_NUMPY:
            return input * torch.from_numpy(multipliers(*place, BY_NUMPY[input.dtype]))
        return dropped(input, keep_by_tensors(*place), p)

    original = functional.dropout
    functional.dropout = dropout
    try:
        yield
    finally:
        functional.dropout = original


def shared_mask(masks: DropoutMasks, rows: np.ndarray, shape: tuple[int, ...], probability: float) -> np.ndarray:
    """What the first dropout of step 0 keeps, bool, as the selected device computes it (``Backend.shared_mask``)."""
    with shared_dropout(masks, 0, rows):
        kept = functional.dropout(torch.ones(shape, device=device.selected()), probability)
    mask: np.ndarray = kept.cpu().numpy() > 0
    return mask


def dropped(values: torch.Tensor, kept: torch.Tensor, probability: float) -> torch.Tensor:
    """The same by tensors, on any device: scaled values, 0 where they are not ``kept``, bool."""
    output: torch.Tensor = torch.ops.aten.native_dropout_backward(values, kept, scale(probability))
    return output


def keep_by_tensors(key: int, rows: tuple[int, ...], shape: tuple[int, ...], probability: float) -> torch.Tensor:
    """Where ``repro.data.dropout.multipliers`` is not 0, bool, computed on the selected device."""
    keys = folded(uploaded(coordinates, (rows, shape[1:-1])) * key)
    return keys * uploaded(factors, (shape[-1],)) >= threshold(probability)


@lru_cache(maxsize=32)
def uploaded(function: Callable[..., np.ndarray], arguments: tuple[Any, ...]) -> torch.Tensor:
    """The array that the function returns, on the selected device; the calls of a step share it."""
    tensor, target = torch.from_numpy(function(*arguments)), device.selected()
    # From pinned memory, so that the upload waits for nothing that the GPU still has to do.
    return tensor if target.type == "cpu" else tensor.pin_memory().to(target, non_blocking=True)
