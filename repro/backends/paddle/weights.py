"""Weights as Paddle saves them (``.pdparams``), read without running anything in the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from repro.checkpoint.tensors import read_pdparams


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """A state dict that ``paddle.save`` wrote: name -> array, in the file's order.

    ``paddle.load`` unpickles whatever it is given, so it is not used: the files are pickles of numpy arrays,
    which the checkpoint layer's own loader reads.

    Raises:
        InputError: the file cannot be read, is cut off, or holds anything but a flat dict of arrays.
    """
    return read_pdparams(path)
