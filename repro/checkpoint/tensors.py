"""Files of tensors: ``safetensors``, its header checked first, and Paddle's ``.pdparams``, read safely."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from repro.dumps import MAX_BYTES
from repro.dumps.plain import owned, plain
from repro.dumps.source import Source, read_file
from repro.dumps.unpickle import unpickle
from repro.errors import InputError
from repro.paths import atomic_bytes

Arrays = dict[str, np.ndarray]

MAX_HEADER = 100_000_000  # the format's own limit
SIZES = {"F64": 8, "F32": 4, "F16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
PADDLE_NAME_TABLE = "StructuredToParameterName@@"
_SAVE_AGAIN = "save it again with paddle.save(model.state_dict(), PATH), or as safetensors"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError("a name stands twice in the header")
    return dict(pairs)


def _check_entry(name: str, entry: Any, where: Path) -> int:
    """End of one tensor in the data part, in bytes; its dtype, shape and offsets agree."""
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys():
        raise InputError(f"header of the weights is damaged at {name}", where=where)
    shape, offsets = entry["shape"], entry["data_offsets"]
    numbers = [*shape, *offsets] if isinstance(shape, list) and isinstance(offsets, list) else [None]
    if any(type(n) is not int or n < 0 for n in numbers) or len(offsets) != 2:
        raise InputError(f"header of the weights is damaged at {name}", where=where)
    if entry["dtype"] not in SIZES:
        raise InputError(
            f"{name} is of type {entry['dtype']}, which cannot be read",
            where=where,
            next_step="save the weights as float32 first",
        )
    if offsets[1] - offsets[0] != prod(shape) * SIZES[entry["dtype"]]:
        raise InputError(f"header of the weights is damaged at {name}: size and shape disagree", where=where)
    return int(offsets[1])


def check_safetensors(raw: bytes, where: Path) -> None:
    """Hold the size of a ``safetensors`` file against its own header before any tensor is made.

    Raises:
        InputError: cut off, longer than it should be, not ``safetensors``, or of a type that numpy lacks.
    """
    length = int.from_bytes(raw[:8], "little")
    if len(raw) < 8 or (8 + length > len(raw) and length <= MAX_HEADER and raw[8:9] in (b"{", b"")):
        raise InputError(f"weights are cut off: the file ends in its header, after {len(raw)} bytes", where=where)
    try:
        if length > MAX_HEADER:
            raise ValueError("length of the header")
        header = json.loads(raw[8 : 8 + length], object_pairs_hook=_unique)
        if not isinstance(header, dict):
            raise ValueError("the header is not an object")
    except (ValueError, RecursionError) as error:
        raise InputError(f"not a safetensors file: {error}", where=where) from error
    ends = [_check_entry(name, entry, where) for name, entry in header.items() if name != "__metadata__"]
    expected = 8 + length + max(ends, default=0)
    if len(raw) < expected:
        raise InputError(
            f"weights are cut off: {len(raw)} bytes are there, the header announces {expected}",
            where=where,
            next_step="fetch or copy the file again",
        )
    if len(raw) > expected:
        raise InputError(f"weights have {len(raw) - expected} bytes more than their header announces", where=where)


def read_safetensors(path: Path) -> Arrays:
    """Every tensor of a ``safetensors`` file.

    Raises:
        InputError: the file cannot be read, is cut off, or its header is wrong.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read weights: {error.strerror}", where=path) from error
    check_safetensors(raw, path)
    try:
        return dict(load_safetensors(raw))
    except (SafetensorError, ValueError) as error:
        raise InputError(f"not a safetensors file: {error}", where=path) from error


def write_safetensors(path: Path, arrays: Mapping[str, np.ndarray], framework: str) -> None:
    """Write tensors atomically. Equal tensors give equal bytes.

    Args:
        framework: ``pt`` or ``pd``: the one entry of metadata (several would be written in random order).
    """
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    atomic_bytes(path, save_safetensors(contiguous, metadata={"format": framework}))


def _state_dict(source: Source) -> Any:
    content = plain(unpickle(source).value, source.size)
    if not isinstance(content, dict):
        return content
    content.pop(PADDLE_NAME_TABLE, None)
    # a tensor saved outside of a layer's state dict is the pair (its own name, array)
    lone = {name: value[1] for name, value in content.items() if isinstance(value, tuple) and len(value) == 2}
    return owned(content | lone, source.size)


def read_pdparams(path: Path) -> Arrays:
    """A state dict that ``paddle.save`` wrote: a pickle, read by the interpreter of dumps.

    Raises:
        InputError: the file cannot be read, is cut off, or holds anything but a flat dict of arrays.
    """
    content = read_file(
        path,
        _state_dict,
        max_bytes=MAX_BYTES,
        cannot="cannot read weights",
        refused="cannot read weights safely",
        next_step=_SAVE_AGAIN,
    )
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise InputError(f"weights are no state dict but {kind}", where=path, next_step=_SAVE_AGAIN)
    for name, value in content.items():
        if not isinstance(value, np.ndarray):
            raise InputError(
                f"{name} is no tensor but {type(value).__name__}; only a flat state dict is read",
                where=path,
                next_step=_SAVE_AGAIN,
            )
    return content
