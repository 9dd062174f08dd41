"""Files of tensors: ``safetensors``, and Paddle's ``.pdparams``, read without executing anything."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save as save_safetensors

from repro.config.paths import atomic_bytes
from repro.dumps import MAX_BYTES
from repro.errors import InputError
from repro.numerics.arrays import Arrays
from repro.untrusted.plain import owned, plain
from repro.untrusted.source import Source, read_file
from repro.untrusted.text import reason
from repro.untrusted.unpickle import unpickle

T = TypeVar("T")
PADDLE_NAME_TABLE = "StructuredToParameterName@@"
BFLOAT16 = np.dtype([("bfloat16", "<u2")])  # numpy has no such type: its bits, under its name
_TYPES: dict[str, np.dtype] = {
    **{"F64": np.dtype("<f8"), "F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": BFLOAT16, "BOOL": np.dtype("?")},
    **{f"{kind}{8 * size}": np.dtype(f"<{kind.lower()}{size}") for kind in "IU" for size in (1, 2, 4, 8)},
}
_SAVE_AGAIN = "save it again with paddle.save(model.state_dict(), PATH), or as safetensors"


def read_safetensors(path: Path) -> Arrays:
    """Every tensor of a ``safetensors`` file, by name; bfloat16 as ``BFLOAT16``.

    The library checks the header: JSON, sizes against shapes, offsets without gap or overlap up to the end of the file.

    Raises:
        InputError: the file cannot be read, is cut off or damaged, or holds a type that numpy lacks, such as float8.
    """
    try:
        tensors: list[tuple[str, dict[str, Any]]] = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    except OSError as error:
        raise InputError(f"cannot read weights: {error.strerror}", where=path) from error
    except SafetensorError as error:
        why = reason(error).removeprefix("Error while deserializing: ")
        raise InputError(
            f"weights are cut off, damaged or no safetensors file: {why}",
            where=path,
            next_step="fetch or copy the file again",
        ) from error
    arrays: Arrays = {}
    for name, tensor in tensors:
        if tensor["dtype"] not in _TYPES:
            raise unreadable(name, tensor["dtype"], path)
        arrays[name] = np.frombuffer(tensor["data"], _TYPES[tensor["dtype"]]).reshape(tensor["shape"])
    return arrays


def unreadable(name: str, dtype: object, path: Path) -> InputError:
    """The error of a tensor whose type no array has."""
    what = f"{name} is of type {dtype}, which cannot be read"
    return InputError(what, where=path, next_step="save the weights as float32 first")


def to_float32(array: np.ndarray) -> np.ndarray:
    """A floating-point array as float32, which holds every float16 and bfloat16 exactly; itself where it is float32.

    Raises:
        InputError: a number is none of float32.
    """
    if array.dtype == BFLOAT16:
        bits: np.ndarray = array["bfloat16"].astype(np.uint32) << 16
        return bits.view(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(np.float32, copy=False)
        if array.dtype == np.float64 and not np.array_equal(converted, array, equal_nan=True):
            raise InputError("holds numbers that float32 would round", next_step="save the weights as float32 first")
    return converted


def write_safetensors(path: Path, arrays: Mapping[str, np.ndarray], framework: str) -> None:
    """Write tensors atomically; equal tensors give equal bytes.

    Args:
        framework: ``pt`` or ``pd``: the one entry of metadata (several would be written in random order).
    """
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    atomic_bytes(path, save_safetensors(contiguous, metadata={"format": framework}))


def _state_dict(source: Source) -> Any:
    content = plain(unpickle(source), source.size)
    if not isinstance(content, dict):
        return content
    content.pop(PADDLE_NAME_TABLE, None)
    # A tensor that was saved outside of a state dict is a pair (its name, array).
    lone = {name: value[1] for name, value in content.items() if isinstance(value, tuple) and len(value) == 2}
    return owned(content | lone, source.size)


def read_pdparams(path: Path) -> Arrays:
    """A state dict that ``paddle.save`` wrote: a pickle, read by the interpreter that reads dumps.

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
    arrays = check_state_dict(content, np.ndarray, path, _SAVE_AGAIN)
    # Paddle saves bfloat16 as the bits of it.
    return {name: array.view(BFLOAT16) if array.dtype == np.uint16 else array for name, array in arrays.items()}


def check_state_dict(content: Any, tensor: type[T], path: Path, next_step: str) -> dict[str, T]:
    """The content of a file of weights, which has to be a flat dict of tensors.

    Raises:
        InputError: it is not.
    """
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise InputError(f"weights are no state dict but {kind}", where=path, next_step=next_step)
    for name, value in content.items():
        if isinstance(value, dict) and value and all(isinstance(inner, tensor) for inner in value.values()):
            what = f"the weights are inside of {name!r}; only a flat state dict is read"
            raise InputError(what, where=path, next_step=next_step)
        if not isinstance(name, str) or not isinstance(value, tensor):
            what = f"{name} is no tensor but {type(value).__name__}; only a flat state dict is read"
            raise InputError(what, where=path, next_step=next_step)
    return content
