"""Batches by Paddle's data loader."""

from collections.abc import Iterator

import numpy as np
from paddle.io import DataLoader, Dataset

from repro.numerics.arrays import Arrays


class _Rows(Dataset):
    """Row i of every column, as numpy (indexing Paddle tensors row by row is slow)."""

    def __init__(self, columns: list[np.ndarray]) -> None:
        super().__init__()
        self.columns = columns

    def __getitem__(self, row: int) -> tuple[np.ndarray, ...]:
        return tuple(column[row] for column in self.columns)

    def __len__(self) -> int:
        return len(self.columns[0])


def batches(arrays: Arrays, order: list[list[int]]) -> Iterator[Arrays]:
    """Batches by ``paddle.io.DataLoader``, in this order of row numbers (``Backend.batches``)."""
    names = list(arrays)
    columns = [np.ascontiguousarray(arrays[name], dtype=np.int64) for name in names]
    for batch in DataLoader(_Rows(columns), batch_sampler=order, return_list=True, use_buffer_reader=False):
        yield {name: column.numpy() for name, column in zip(names, batch, strict=True)}
