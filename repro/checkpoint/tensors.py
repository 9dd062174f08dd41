"""Files of tensors: ``safetensors``, and Paddle's ``.pdparams``, read without executing anything."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from repro.config.paths import atomic_bytes
from repro.dumps import MAX_BYTES
from repro.errors import InputError
from repro.numerics.arrays import Arrays
from repro.untrusted.plain import owned, plain
from repro.untrusted.source import Source, read_file
from repro.untrusted.unpickle import unpickle

T = TypeVar("T")
PADDLE_NAME_TABLE = "StructuredToParameterName@@"
_SAVE_AGAIN = "save it again with paddle.save(model.state_dict(), PATH), or as safetensors"


def read_safetensors(path: Path) -> Arrays:
    """Every tensor of a ``safetensors`` file, by name.

    The library checks the header: JSON, sizes against shapes, offsets without gap or overlap up to the end of the file.
    What is left to do here is to name a type that numpy lacks, such as BF16: the library raises its bare name.

    Raises:
        InputError: the file cannot be read, is cut off or damaged, or holds a type that numpy lacks.
    """
    try:
        return dict(load_safetensors(path.read_bytes()))
    except OSError as error:
        raise InputError(f"cannot read weights: {error.strerror}", where=path) from error
    except SafetensorError as error:
        reason = str(error).removeprefix("Error while deserializing: ")
        raise InputError(
            f"weights are cut off, damaged or no safetensors file: {reason}",
            where=path,
            next_step="fetch or copy the file again",
        ) from error
    except KeyError as error:
        raise InputError(
            f"weights hold tensors of type {error.args[0]}, which cannot be read",
            where=path,
            next_step="save the weights as float32 first",
        ) from error


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
    return check_state_dict(content, np.ndarray, path, _SAVE_AGAIN)


def check_state_dict(content: Any, tensor: type[T], path: Path, next_step: str) -> dict[str, T]:
    """The content of a file of weights, which has to be a flat dict of tensors.

    Raises:
        InputError: it is not.
    """
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise InputError(f"weights are no state dict but {kind}", where=path, next_step=next_step)
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, tensor):
            what = f"{name} is no tensor but {type(value).__name__}; only a flat state dict is read"
            raise InputError(what, where=path, next_step=next_step)
    return content
