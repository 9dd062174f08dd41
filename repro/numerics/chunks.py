"""Arrays a block at a time, so that arithmetic on large ones, mapped from files, needs little memory."""

import mmap
from collections.abc import Iterator

import numpy as np

# Elements. A multiple of the 8192 that numpy adds up at a time: sums that go on from block to block are those of the
# whole array, to the bit.
BLOCK = 1 << 18


def release(array: np.ndarray) -> None:
    """Give back the memory that an array mapped from a file takes; its values are read again where they are used."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap):
        base.obj.madvise(mmap.MADV_DONTNEED)


def blocks(*arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Corresponding elements of arrays of one shape, in blocks of up to ``BLOCK``.

    They come in the order of memory where the arrays share one, else row by row.
    """
    if all(array.flags.f_contiguous for array in arrays):
        arrays = tuple(array.T for array in arrays)
    # what can be sliced without a copy of the whole
    views = [array.reshape(-1) if array.flags.c_contiguous else array.flat for array in arrays]
    for start in range(0, arrays[0].size, BLOCK):
        yield tuple(view[start : start + BLOCK] for view in views)
        for array in arrays:
            release(array)
