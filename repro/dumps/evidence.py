"""Files of published evidence, recognised by their content and read without executing anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from repro.dumps.flatten import arrays
from repro.dumps.plain import plain
from repro.dumps.rebuild import PADDLE, Dtype, shaped
from repro.dumps.source import Refused, Source, read_file, shown
from repro.dumps.torch_files import LEGACY_MAGIC, ZIP_MAGIC, read_legacy, read_zip
from repro.dumps.unpickle import unpickle

__all__ = ["Evidence", "arrays", "read_evidence"]

Kind = Literal["npy dict", "npy array", "torch zip", "torch legacy", "paddle", "pickle"]
NPY_MAGIC = b"\x93NUMPY"
_PADDLE_NAMES = "StructuredToParameterName@@"
_MAX_HEADER = 4096
# The header as numpy writes it, taken apart without evaluating it.
_HEADER = re.compile(
    r"\{'descr': '([^']{1,20})', 'fortran_order': (True|False), 'shape': \(((?:\d{1,19}, ?)*(?:\d{1,19})?)\),? ?\}\s*"
)


@dataclass(frozen=True)
class Evidence:
    """What a file holds.

    Attributes:
        kind: the format that its content is in.
        value: dict, list, tuple, str, bytes, int, float, bool, None and read-only numpy arrays, nested at most 32 deep.
            Numpy scalars are 0-d arrays, torch's and paddle's tensors are arrays (bfloat16 as float32).
    """

    kind: Kind
    value: Any


def npy_header(source: Source) -> tuple[str, bool, tuple[int, ...]]:
    """(dtype, Fortran order, shape) of an ``.npy`` file, from behind its magic bytes."""
    major, _ = source.exactly(2, ".npy version")
    if major not in (1, 2, 3):
        raise Refused(f".npy of version {major}")
    width = 2 if major == 1 else 4
    length = int.from_bytes(source.exactly(width, ".npy header size"), "little")
    if length > _MAX_HEADER:
        raise Refused(f".npy header of {length} bytes")
    text = source.exactly(length, ".npy header").decode("latin1")
    found = _HEADER.fullmatch(text)
    if not found:
        raise Refused(f".npy header is not of a plain array: {shown(text.strip())}")
    descr, fortran, shape = found.groups()
    return descr, fortran == "True", tuple(int(n) for n in shape.replace(",", " ").split())


def _npy(source: Source) -> Evidence:
    descr, fortran, shape = npy_header(source)
    kind = Dtype(descr)
    if not kind.box:
        data = source.read()
        return Evidence("npy array", shaped(data, kind.dtype, shape, "F" if fortran else "C"))
    if shape != ():
        raise Refused("object arrays are read only as the outermost box of a dict")
    return Evidence("npy dict", plain(unpickle(source).value, source.size))


def _evidence(source: Source) -> Evidence:
    if not source.size:
        raise Refused("empty file")
    start = source.read(len(NPY_MAGIC))
    if start == NPY_MAGIC:
        evidence = _npy(source)
    elif start.startswith(ZIP_MAGIC):
        return Evidence("torch zip", read_zip(source))
    else:
        source.seek(0)
        content = unpickle(source)
        if type(content.value) is int and content.value == LEGACY_MAGIC:
            return Evidence("torch legacy", read_legacy(source))
        value = plain(content.value, source.size)
        by_paddle = content.names & PADDLE or (isinstance(value, dict) and _PADDLE_NAMES in value)
        evidence = Evidence("paddle" if by_paddle else "pickle", value)
    if source.left:
        raise Refused(f"{source.left} bytes follow the pickle")
    return evidence


def read_evidence(path: Path, max_bytes: int = 64 << 20) -> Evidence:
    """Read one file of evidence: ``.npy``, ``torch.save`` (new or old), ``paddle.save`` or a pickle, whatever its name.

    Args:
        max_bytes: the largest file that is opened.

    Raises:
        InputError: the file is missing, too large, no regular file, none of these formats, damaged, asks for code, or
            describes more than it holds. ``what`` is one line that says so; nothing else is raised.
    """
    return read_file(path, _evidence, max_bytes=max_bytes)
