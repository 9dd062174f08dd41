"""Weights as PyTorch saves them (``pytorch_model.bin``), read without executing anything in the file."""

import re
import zipfile
from pathlib import Path

import numpy as np
import torch

from repro.checkpoint.tensors import BFLOAT16, check_state_dict, unreadable
from repro.errors import InputError
from repro.numerics.arrays import Arrays

SAVE_AGAIN = "save it again with torch.save(model.state_dict(), PATH), or as safetensors"
FETCH_AGAIN = "fetch or copy the file again"
_FORBIDDEN = re.compile(r"GLOBAL ([\w.]+)")
_UNPICKLER = re.compile(r"WeightsUnpickler error:\s*([^\n]+)")


def _reason(error: Exception) -> str:
    """PyTorch's reason in one line, without its advice to load the file unsafely."""
    text = str(error)
    if forbidden := _FORBIDDEN.search(text):
        return f"refused: the file asks for {forbidden.group(1)}"
    if "weights_only" in text:
        unpickler = _UNPICKLER.search(text)
        text = f"it is no file of torch.save ({unpickler.group(1)})" if unpickler else "it is no file of torch.save"
    return (text.strip() or type(error).__name__).splitlines()[0]


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
    tensors = check_state_dict(content, torch.Tensor, path, SAVE_AGAIN)
    return {name: _array(name, tensor, path) for name, tensor in tensors.items()}


def _array(name: str, tensor: torch.Tensor, path: Path) -> np.ndarray:
    """A tensor as an array; bfloat16 as ``BFLOAT16``."""
    if tensor.is_meta:
        what = f"{name} has a shape and no numbers (it was saved from PyTorch's device 'meta')"
        raise InputError(what, where=path, next_step="save a model whose weights are loaded")
    if tensor.layout != torch.strided or tensor.is_quantized:
        raise unreadable(name, f"{tensor.dtype}, {tensor.layout}", path)
    try:
        if tensor.dtype == torch.bfloat16:
            bits = np.ascontiguousarray(tensor.detach().view(torch.int16).numpy())
            return bits.view(np.uint16).view(BFLOAT16)
        return np.ascontiguousarray(tensor.detach().numpy())
    except (TypeError, RuntimeError) as error:  # float8 and whatever else numpy lacks
        raise unreadable(name, tensor.dtype, path) from error
