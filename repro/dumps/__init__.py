"""``reprod_log`` files: a dict of arrays, pickled inside a 0-d ``.npy``. Written as its users expect,
read by an interpreter that executes nothing.

The file format is the one of ``reprod_log.ReprodLogger.save`` (``numpy.save`` of a dict).
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from numpy.lib.format import write_array_header_1_0

from repro.dumps.evidence import NPY_MAGIC, npy_header
from repro.dumps.plain import owned, plain
from repro.dumps.source import Refused, Source, read_file
from repro.dumps.unpickle import unpickle
from repro.paths import atomic_open

MAX_BYTES = 8 << 30
_KINDS = "biufSU"


def _dump(source: Source) -> dict[str, np.ndarray]:
    if source.read(len(NPY_MAGIC)) != NPY_MAGIC:
        source.seek(0)
    elif (header := npy_header(source))[0] != "|O" or header[2] != ():
        raise Refused("not a dict of arrays as reprod_log writes it")
    content = plain(unpickle(source).value, source.size)
    if not isinstance(content, dict) or not all(isinstance(value, np.ndarray) for value in content.values()):
        raise Refused("not a dict of arrays")
    return owned(content, source.size)


def read_dump(path: Path) -> dict[str, np.ndarray]:
    """Read a ``reprod_log`` ``.npy`` or a plain pickled dict of arrays without executing anything.

    Returns:
        name -> array, in the file's order.

    Raises:
        InputError: the file is missing, too large, cut off, or holds anything but a dict of plain arrays.
    """
    return read_file(path, _dump, max_bytes=MAX_BYTES, cannot="cannot read dump", refused="not a readable dump")


def write_dump(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write name -> array in ``reprod_log``'s format, atomically. Any value that is not an array is a bug.

    As ``numpy.save`` does it, but the pickler remembers nothing: it would hold a copy of every array until the end.
    """
    for name, value in arrays.items():
        if not isinstance(value, np.ndarray) or value.dtype.kind not in _KINDS:
            raise TypeError(f"{name}: a dump holds plain arrays only, not {type(value).__name__}")
    with atomic_open(path) as file:
        write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})  # type: ignore[no-untyped-call]
        pickler = pickle.Pickler(file, protocol=3)
        pickler.fast = True
        pickler.dump(np.array(arrays, dtype=object))
