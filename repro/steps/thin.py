"""What stands in a dump for a tensor too large to write out in full."""

from __future__ import annotations

import hashlib
import math

import numpy as np

from repro.backends import Arrays

FULL = 1 << 20  # elements
SAMPLE = 1 << 16
BLOCK = 1 << 18


def _generator(name: str) -> np.random.Generator:
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    return np.random.Generator(np.random.SFC64(seed))


def thin(arrays: Arrays, full: int = FULL) -> Arrays:
    """Tensors of up to ``full`` elements as they are; a larger one as three entries.

    ``name[sample]``: elements at fixed, seeded places; ``name[norm]``: its L2 norm; ``name[signs]``: its product with a
    fixed vector of random signs, which moves with the size of any difference wherever that is. The last two are
    summed in float64 and kept in the tensor's dtype.
    """
    found: Arrays = {}
    for name, array in arrays.items():
        if array.size <= full:
            found[name] = array
            continue
        generator = _generator(name)
        flat = array.ravel()
        places = np.sort(generator.choice(flat.size, SAMPLE, replace=False))
        signs = generator.integers(0, 2, flat.size, dtype=np.int8) * np.int8(2) - np.int8(1)
        squares, products = [], []
        for first in range(0, flat.size, BLOCK):
            wide = flat[first : first + BLOCK].astype(np.float64)
            # Pairwise sums: a product of two vectors, summed in order, would lose more bits than what it is to show.
            squares.append(float(np.sum(wide * wide)))
            products.append(float(np.sum(wide * signs[first : first + BLOCK])))
        found[f"{name}[sample]"] = flat[places]
        found[f"{name}[norm]"] = np.array(math.sqrt(math.fsum(squares)), dtype=array.dtype)
        found[f"{name}[signs]"] = np.array(math.fsum(products), dtype=array.dtype)
    return found


def projected(name: str, arrays: Arrays) -> float:
    """How many times the relative error of ``name[signs]`` may exceed the tensor's: its norm over the projection, 1 at
    least; 1 for other keys.

    Errors of elements add up in the projection as in their norm, but the projection itself may be small by chance.
    """
    if not name.endswith("[signs]"):
        return 1.0
    norm = arrays.get(f"{name.removesuffix('[signs]')}[norm]")
    projection = abs(float(arrays[name]))
    return max(1.0, float(norm) / projection) if norm is not None and projection else 1.0


def fixed_gradient(name: str, shape: tuple[int, ...], step: int, scale: float) -> np.ndarray:
    """A float32 gradient that depends on nothing but its arguments: N(0, scale), and none of a framework's making."""
    values = _generator(f"gradient {step} {name}").standard_normal(shape, dtype=np.float32)
    values *= np.float32(scale)
    return values


def digest_array(array: np.ndarray) -> np.ndarray:
    """sha256 of type, shape and bytes as 32 numbers (int64): a dump that ``reprod_log`` can open holds numbers only."""
    content = f"{array.dtype} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes()
    return np.frombuffer(hashlib.sha256(content).digest(), dtype=np.uint8).astype(np.int64)
