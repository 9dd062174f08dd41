"""Files of published evidence: the format recognised by content, the content read without executing anything."""

from pathlib import Path
from typing import Any

from repro.untrusted.npy import NPY_MAGIC, read_header
from repro.untrusted.plain import plain
from repro.untrusted.rebuild import shaped
from repro.untrusted.source import Refused, Source, read_file
from repro.untrusted.torch_files import LEGACY_MAGIC, ZIP_MAGIC, read_legacy, read_zip
from repro.untrusted.unpickle import unpickle

MAX_BYTES = 64 << 20


def _read(source: Source) -> Any:
    if not source.size:
        raise Refused("empty file")
    start = source.read(len(NPY_MAGIC))
    if start.startswith(ZIP_MAGIC):
        return read_zip(source)
    if start == NPY_MAGIC:
        kind, shape, order = read_header(source)
        if not kind.boxed:
            return shaped(source.read(), kind.dtype, shape, order)
        if shape != ():
            raise Refused("object arrays are read only as the outermost box of a dict")
    else:
        source.seek(0)
    content = unpickle(source)
    if type(content) is int and content == LEGACY_MAGIC:
        return read_legacy(source)
    value = plain(content, source.size)
    if source.left:
        raise Refused(f"{source.left} bytes follow the pickle")
    return value


def read_content(path: Path) -> Any:
    """Read one file: ``.npy``, ``torch.save`` (new or old), ``paddle.save`` or a pickle, whatever its name.

    Returns:
        dict, list, tuple, str, bytes, int, float, bool, None and read-only numpy arrays, nested at most 32 deep. Numpy
        scalars are 0-d arrays, torch's and paddle's tensors are arrays (bfloat16 as float32).

    Raises:
        InputError: the file is missing, too large, no regular file, of another format, damaged, asks for code, or
            describes more than it holds. ``what`` says so in one line; nothing else is raised.
    """
    return read_file(path, _read, max_bytes=MAX_BYTES)
