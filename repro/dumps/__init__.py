"""``reprod_log`` files: a dict of arrays, pickled inside a 0-d ``.npy``. Written as its users expect,
read by a loader that executes nothing.

The file format is the one of ``reprod_log.ReprodLogger.save`` (``numpy.save`` of a dict). Reading goes through
an unpickler whose only globals are our own rebuilding functions for numpy arrays and scalars.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from repro.errors import InputError
from repro.paths import atomic_open

MAX_BYTES = 8 << 30
MAX_DEPTH = 2  # a dict of arrays, and the dict of names that paddle.save puts into it
_KINDS = "biufSU"


class _Dtype:
    """Stand-in for ``numpy.dtype`` under construction: only plain kinds, or the object dtype of the outer box."""

    def __init__(self, spec: str, *_: Any) -> None:
        if not isinstance(spec, str):
            raise pickle.UnpicklingError("dtype description is not a string")
        self.dtype = np.dtype("O") if spec in ("O", "O8") else np.dtype(spec)
        if self.dtype.kind not in _KINDS + "O":
            raise pickle.UnpicklingError(f"dtype {spec!r} is not a plain number, truth value or text")

    def __setstate__(self, state: Any) -> None:
        order: Any = state[1] if isinstance(state, tuple) and len(state) > 1 else "="
        if order not in ("<", ">", "=", "|"):
            raise pickle.UnpicklingError(f"byte order {order!r} is not known")
        if self.dtype.kind != "O" and order in "<>":
            self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """Stand-in for ``numpy.ndarray``: takes the pickled state and checks it before any memory is used."""

    def __init__(self, *_: Any) -> None:
        self.value: Any = None

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise pickle.UnpicklingError("array state is not (version, shape, dtype, order, data)")
        _, shape, kind, fortran, data = state
        if not isinstance(kind, _Dtype) or not all(isinstance(n, int) and n >= 0 for n in shape):
            raise pickle.UnpicklingError("array shape or dtype is malformed")
        if kind.dtype.kind == "O":
            if shape != () or not isinstance(data, list) or len(data) != 1:
                raise pickle.UnpicklingError("object arrays are read only as the outermost box of a dict")
            self.value = data[0]
            return
        count = int(np.prod(shape, dtype=object)) if shape else 1
        if not isinstance(data, bytes) or count * kind.dtype.itemsize != len(data):
            raise pickle.UnpicklingError("array size does not match its data")
        flat = np.frombuffer(data, dtype=kind.dtype)
        self.value = flat.reshape(shape, order="F" if fortran else "C").copy()


def _scalar(kind: Any, data: Any) -> np.ndarray:
    if not isinstance(kind, _Dtype) or not isinstance(data, bytes) or len(data) != kind.dtype.itemsize:
        raise pickle.UnpicklingError("scalar does not match its dtype")
    return np.frombuffer(data, dtype=kind.dtype).reshape(()).copy()


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"text encoding {encoding!r} is not expected")
    return text.encode("latin1")


def _empty_bytes() -> bytes:
    """How protocols 0 to 2 spell the data of an empty array."""
    return b""


_GLOBALS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _empty_bytes,
    ("builtins", "bytes"): _empty_bytes,
    ("collections", "OrderedDict"): dict,
}
for _module in ("numpy.core.multiarray", "numpy._core.multiarray"):
    _GLOBALS[_module, "_reconstruct"] = _Array
    _GLOBALS[_module, "scalar"] = _scalar


class _Reader(pickle._Unpickler):
    """An unpickler that knows no class or function except the stand-ins above.

    It is the standard library's Python one: its memo is a dict, so that a huge memo index asks for no memory.
    """

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)
    dispatch.pop(pickle.BYTEARRAY8[0])  # would allocate whatever length the file claims

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _GLOBALS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"refused: the file asks for {module}.{name}") from None


def _plain(value: Any, depth: int = 0) -> Any:
    if isinstance(value, _Array):
        return _plain(value.value, depth)
    if isinstance(value, dict):
        if depth == MAX_DEPTH:
            raise pickle.UnpicklingError(f"dicts are nested more than {MAX_DEPTH} deep")
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    return value


def read_dump(path: Path) -> dict[str, np.ndarray]:
    """Read a ``reprod_log`` ``.npy`` or a plain pickled dict of arrays without executing anything.

    Returns:
        name -> array, in the file's order.

    Raises:
        InputError: the file is missing, too large, cut off, or holds anything but a dict of plain arrays.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"dump is larger than {MAX_BYTES >> 30} GiB", where=path)
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read dump: {error.strerror}", where=path) from error
    stream = io.BytesIO(raw)
    try:
        if raw.startswith(b"\x93NUMPY"):
            major, _ = np.lib.format.read_magic(stream)  # type: ignore[no-untyped-call]
            header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
            shape, _, dtype = header(stream)  # type: ignore[no-untyped-call]
            if shape != () or dtype.kind != "O":
                raise pickle.UnpicklingError("not a dict of arrays as reprod_log writes it")
        content = _plain(_Reader(stream).load())
    except InputError:
        raise
    except Exception as error:  # a hostile file may raise anything from here; all of it means the same
        raise InputError(f"not a readable dump: {error or type(error).__name__}", where=path) from error
    if not isinstance(content, dict) or not all(isinstance(v, np.ndarray) for v in content.values()):
        raise InputError("dump is not a dict of arrays", where=path)
    return content


def write_dump(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write name -> array in ``reprod_log``'s format, atomically. Any value that is not an array is a bug."""
    for name, value in arrays.items():
        if not isinstance(value, np.ndarray) or value.dtype.kind not in _KINDS:
            raise TypeError(f"{name}: a dump holds plain arrays only, not {type(value).__name__}")
    with atomic_open(path) as file:
        np.save(file, np.array(arrays, dtype=object), allow_pickle=True)
