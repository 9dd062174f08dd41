"""Batches by PyTorch's data loader."""

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from repro.numerics.arrays import Arrays


def batches(arrays: Arrays, order: list[list[int]]) -> Iterator[Arrays]:
    """Batches by ``torch.utils.data.DataLoader``, in this order of row numbers (``Backend.batches``)."""
    names = list(arrays)
    columns = [torch.from_numpy(np.ascontiguousarray(arrays[name], dtype=np.int64)) for name in names]
    for batch in DataLoader(TensorDataset(*columns), batch_sampler=order):
        yield {name: column.numpy() for name, column in zip(names, batch, strict=True)}
