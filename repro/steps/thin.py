"""What stands in a dump for a tensor too large to write out in full."""

from __future__ import annotations

import hashlib

import numpy as np

from repro.backends import Arrays

FULL = 1 << 20  # elements
SAMPLE = 1 << 16


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
        wide = flat.astype(np.float64)
        found[f"{name}[sample]"] = flat[places]
        found[f"{name}[norm]"] = np.array(np.linalg.norm(wide), dtype=array.dtype)
        found[f"{name}[signs]"] = np.array(np.dot(wide, signs), dtype=array.dtype)
    return found


def fixed_gradient(name: str, shape: tuple[int, ...], step: int, scale: float) -> np.ndarray:
    """A float32 gradient that depends on nothing but its arguments: N(0, scale), and none of a framework's making."""
    values = _generator(f"gradient {step} {name}").standard_normal(shape, dtype=np.float32)
    values *= np.float32(scale)
    return values


def digest_array(array: np.ndarray) -> np.ndarray:
    """sha256 of type, shape and bytes as 32 numbers (int64): a dump that ``reprod_log`` can open holds numbers only."""
    content = f"{array.dtype} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes()
    return np.frombuffer(hashlib.sha256(content).digest(), dtype=np.uint8).astype(np.int64)
