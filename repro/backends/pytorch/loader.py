"""Batches by PyTorch's own data loader."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from repro.backends import Arrays


def batches(arrays: Arrays, order: list[list[int]]) -> Iterator[Arrays]:
    """Batches by ``torch.utils.data.DataLoader``, in the given order of row numbers.

    Args:
        arrays: name -> (N, …), integers; taken as int64.
        order: row numbers of each batch.

    Yields:
        name -> int64 (rows of the batch, …).
    """
    names = list(arrays)
    columns = [torch.from_numpy(np.ascontiguousarray(arrays[name], dtype=np.int64)) for name in names]
    for batch in DataLoader(TensorDataset(*columns), batch_sampler=order):
        yield {name: column.numpy() for name, column in zip(names, batch, strict=True)}
