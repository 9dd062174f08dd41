"""Weights as PyTorch saves them (``pytorch_model.bin``), read without executing anything in the file."""

import re
import zipfile
from pathlib import Path

import numpy as np
import torch

from repro.checkpoint.tensors import check_state_dict
from repro.errors import InputError
from repro.numerics.arrays import Arrays

SAVE_AGAIN = "save it again with torch.save(model.state_dict(), PATH), or as safetensors"
FETCH_AGAIN = "fetch or copy the file again"
_FORBIDDEN = re.compile(r"GLOBAL ([\w.]+)")


def _reason(error: Exception) -> str:
    """PyTorch's reason in one line, without its advice to load the file unsafely."""
    if forbidden := _FORBIDDEN.search(str(error)):
        return f"refused: the file asks for {forbidden.group(1)}"
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def read_weights(path: Path) -> Arrays:
    """A state dict that ``torch.save`` wrote: name -> array, on the CPU, in the file's order.

    Raises:
        InputError: the file cannot be read, is cut off, or holds anything but a flat dict of tensors.
    """
    try:
        with path.open("rb") as file:
            zipped = file.read(4) == b"PK\x03\x04"
        if zipped and not zipfile.is_zipfile(path):  # its directory is at the end
            raise InputError("weights are cut off", where=path, next_step=FETCH_AGAIN)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"cannot read weights: {error.strerror}", where=path) from error
    except Exception as error:  # a hostile file may raise anything here, always with the same meaning
        if isinstance(error, InputError):
            raise
        if isinstance(error, EOFError) or "unexpected EOF" in str(error):
            raise InputError("weights are cut off", where=path, next_step=FETCH_AGAIN) from error
        reason = _reason(error)
        raise InputError(f"cannot read weights safely: {reason}", where=path, next_step=SAVE_AGAIN) from error
    arrays: Arrays = {}
    for name, tensor in check_state_dict(content, torch.Tensor, path, SAVE_AGAIN).items():
        if tensor.dtype == torch.bfloat16 or tensor.layout != torch.strided or tensor.is_quantized:
            what = f"{name} is of type {tensor.dtype}, which cannot be read"
            raise InputError(what, where=path, next_step="save the weights as float32 first")
        arrays[name] = np.ascontiguousarray(tensor.detach().numpy())
    return arrays
