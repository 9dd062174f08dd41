"""Dropout masks from a shared stream instead of PyTorch's generator."""

import contextlib
from collections.abc import Iterator

import torch
from torch.nn import functional

from repro.data.dropout import DropoutStream


@contextlib.contextmanager
def shared_dropout(stream: DropoutStream | None) -> Iterator[None]:
    """Within this context every dropout in training mode multiplies by the stream's next mask; None changes nothing.

    ``torch.nn.Dropout`` and every model of ``transformers`` call ``torch.nn.functional.dropout`` through its module,
    so one replacement reaches them all. A call with probability 0 uses no mask, as in the other backend.
    """
    if stream is None:
        yield
        return

    def dropout(input: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
        if not training or p == 0:
            return input
        mask = stream.mask(tuple(input.shape), p, str(input.dtype).removeprefix("torch."))
        return input * torch.from_numpy(mask).to(input.device)

    original = functional.dropout
    functional.dropout = dropout
    try:
        yield
    finally:
        functional.dropout = original
