"""Dropout masks from a seeded stream of numpy, so that both frameworks can get the same ones."""

import numpy as np

LARGEST_SIZE = 1 << 20


def dropout_seed(seed: int, size: int) -> int:
    """Seed of the dropout stream of one training: its seed and its number of examples."""
    return seed * LARGEST_SIZE + size


class DropoutStream:
    """Masks in the order in which the model asks for them.

    The probability is realised to 1/65536: one 16-bit draw per element, compared with ``round(p * 65536)``.
    """

    def __init__(self, seed: int) -> None:
        self._generator = np.random.Generator(np.random.SFC64(seed))

    def mask(self, shape: tuple[int, ...], probability: float, dtype: str = "float32") -> np.ndarray:
        """Array of 0 (dropped) and 1 / (1 - p) (kept), ``shape``, ``dtype``."""
        threshold = round(probability * 65536)
        draws = self._generator.integers(0, 65536, size=shape, dtype=np.uint16)
        keep = (draws >= threshold).astype(dtype)
        keep *= 65536 / (65536 - threshold)
        return keep
