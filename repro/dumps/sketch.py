"""Tensor sketches: what a dump holds of a tensor that is too large to be written in full."""

import hashlib
import math

import numpy as np

from repro.numerics.arrays import Arrays

FULL = 1 << 20  # elements
SAMPLE = 1 << 16
BLOCK = 1 << 18


def _generator(name: str) -> np.random.Generator:
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    return np.random.Generator(np.random.SFC64(seed))


def sketch(arrays: Arrays, full: int = FULL) -> Arrays:
    """Tensors of up to ``full`` elements as they are; a larger one as three entries.

    ``name[sample]``: elements at fixed, seeded places; ``name[norm]``: its L2 norm; ``name[projection]``: its product
    with a fixed vector of random signs, which moves by the size of any difference, wherever it is. The last two are
    summed in float64 and kept in the tensor's dtype.
    """
    sketches: Arrays = {}
    for name, array in arrays.items():
        if array.size <= full:
            sketches[name] = array
            continue
        generator = _generator(name)
        flat = array.ravel()
        places = np.sort(generator.choice(flat.size, SAMPLE, replace=False))
        signs = generator.integers(0, 2, flat.size, dtype=np.int8) * np.int8(2) - np.int8(1)
        squares, products = [], []
        for first in range(0, flat.size, BLOCK):
            block = flat[first : first + BLOCK].astype(np.float64)
            # Pairwise sums: a product of two vectors, summed in order, would lose more bits than it should show.
            squares.append(float(np.sum(block * block)))
            products.append(float(np.sum(block * signs[first : first + BLOCK])))
        sketches[f"{name}[sample]"] = flat[places]
        sketches[f"{name}[norm]"] = np.array(math.sqrt(math.fsum(squares)), dtype=array.dtype)
        sketches[f"{name}[projection]"] = np.array(math.fsum(products), dtype=array.dtype)
    return sketches


def projection_error(name: str, arrays: Arrays) -> float:
    """How many times the relative error of ``name[projection]`` may exceed the tensor's: its norm over the projection.

    At least 1; 1 for other keys. Errors of elements add up in the projection as in their norm, but the projection
    itself may be small by chance.
    """
    if not name.endswith("[projection]"):
        return 1.0
    norm = arrays.get(f"{name.removesuffix('[projection]')}[norm]")
    projection = abs(float(arrays[name]))
    return max(1.0, float(norm) / projection) if norm is not None and projection else 1.0


def fixed_gradient(name: str, shape: tuple[int, ...], step: int, scale: float) -> np.ndarray:
    """A float32 gradient N(0, scale) of this shape that depends on its arguments alone, not on a framework."""
    values = _generator(f"gradient {step} {name}").standard_normal(shape, dtype=np.float32)
    values *= np.float32(scale)
    return values


def digest_array(array: np.ndarray) -> np.ndarray:
    """sha256 of type, shape and bytes as 32 numbers (int64): a dump that ``reprod_log`` can open holds numbers only."""
    content = f"{array.dtype} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes()
    return np.frombuffer(hashlib.sha256(content).digest(), dtype=np.uint8).astype(np.int64)


def text_number(text: str) -> int:
    """48 bits of a text's sha256: equal texts have equal numbers, and a dump holds numbers only."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "little")
