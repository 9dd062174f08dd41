"""``reprod_log`` files: a dict of arrays, pickled inside a 0-d ``.npy``, read without executing anything.

The format is that of ``reprod_log.ReprodLogger.save`` (``numpy.save`` of a dict).
"""

import pickle
from pathlib import Path

import numpy as np
from numpy.lib.format import write_array_header_1_0

from repro.config.paths import atomic_open
from repro.numerics.arrays import Arrays
from repro.untrusted.npy import NPY_MAGIC, read_header
from repro.untrusted.plain import owned, plain
from repro.untrusted.source import Refused, Source, read_file
from repro.untrusted.unpickle import unpickle

MAX_BYTES = 8 << 30
_KINDS = "biufSU"


def _read(source: Source) -> Arrays:
    if source.read(len(NPY_MAGIC)) == NPY_MAGIC:
        kind, shape, _ = read_header(source)
        if not kind.boxed or shape != ():
            raise Refused("not a dict of arrays as reprod_log writes it")
    else:
        source.seek(0)
    content = plain(unpickle(source), source.size)
    if not isinstance(content, dict) or not all(isinstance(v, (np.ndarray, np.generic)) for v in content.values()):
        raise Refused("not a dict of arrays")
    return owned({name: np.asarray(value) for name, value in content.items()}, source.size)


def read_dump(path: Path) -> Arrays:
    """Read a ``reprod_log`` ``.npy`` or a plain pickled dict of arrays without executing anything.

    Returns:
        name -> array, in the file's order.

    Raises:
        InputError: the file is missing, too large, cut off, or holds anything but a dict of plain arrays.
    """
    return read_file(path, _read, max_bytes=MAX_BYTES, cannot="cannot read dump", refused="not a readable dump")


def write_dump(path: Path, arrays: Arrays) -> None:
    """Write name -> array in ``reprod_log``'s format, atomically.

    As ``numpy.save``, but the pickler has no memo, which would keep a copy of every array until the end.

    Raises:
        TypeError: a value is no array of numbers, truth values or texts, which is a bug of the caller.
    """
    for name, value in arrays.items():
        if not isinstance(value, np.ndarray) or value.dtype.kind not in _KINDS:
            raise TypeError(f"{name}: a dump holds plain arrays only, not {type(value).__name__}")
    with atomic_open(path) as file:
        write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})  # type: ignore[no-untyped-call]
        pickler = pickle.Pickler(file, protocol=3)
        pickler.fast = True
        pickler.dump(np.array(arrays, dtype=object))
