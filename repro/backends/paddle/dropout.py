"""Dropout masks from a shared stream instead of Paddle's generator."""

import contextlib
from collections.abc import Iterator
from typing import Any

import paddle
from paddle.nn import functional

from repro.data.dropout import DropoutStream


@contextlib.contextmanager
def shared_dropout(stream: DropoutStream | None) -> Iterator[None]:
    """Within this context every dropout in training mode multiplies by the stream's next mask; None changes nothing.

    ``paddle.nn.Dropout`` and ``paddle.nn.MultiHeadAttention`` call ``paddle.nn.functional.dropout`` through its module,
    so one replacement reaches them all. A call with probability 0 uses no mask, as in the other backend.
    """
    if stream is None:
        yield
        return

    def dropout(
        x: paddle.Tensor, p: float = 0.5, axis: Any = None, training: bool = True, mode: str = "", name: Any = None
    ) -> paddle.Tensor:
        if not training or p == 0:
            return x
        mask = stream.mask(tuple(x.shape), p, str(x.dtype).removeprefix("paddle."))
        return x * paddle.to_tensor(mask)

    original = functional.dropout
    functional.dropout = dropout
    try:
        yield
    finally:
        functional.dropout = original
