"""The names that a pickle may use, each with a substitute of ours. None of them is ever imported.

A pickle describes an array in steps (create it, then set its state), so arrays, dtypes and tensors are small objects of
ours until ``repro.untrusted.plain`` turns the finished value into plain Python and numpy.
"""

import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from repro.untrusted.source import Refused, shown

_DTYPE = re.compile(r"[<>=|]?(b1|[iu][1248]|f(2|4|8|16)|[SU][1-9]\d{0,8})")
_OBJECT = ("O", "O8", "|O")

Order = Literal["C", "F"]
Data = bytes | bytearray | memoryview


@dataclass(frozen=True)
class Name:
    """An inert marker for a class or function of the table below."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Dtype:
    """``numpy.dtype`` under construction: plain kinds, or the object dtype around a dict."""

    def __init__(self, spec: object, *_: object) -> None:
        if not isinstance(spec, str):
            raise Refused("dtype description is not a string")
        if spec not in _OBJECT and not _DTYPE.fullmatch(spec):
            raise Refused(f"dtype '{shown(spec)}' is not a plain number, truth value or text")
        self.boxed = spec in _OBJECT
        self.dtype = np.dtype("O" if self.boxed else spec)

    def set_state(self, state: object) -> None:
        """Take the byte order from numpy's (version, order, subdtype, names, fields, ...)."""
        if not isinstance(state, tuple) or len(state) < 5 or state[2:5] != (None, None, None):
            raise Refused("dtype with fields, or a malformed one")
        if not isinstance(state[1], str) or state[1] not in ("<", ">", "=", "|"):
            raise Refused("dtype of an unknown byte order")
        if not self.boxed and state[1] in "<>":
            self.dtype = self.dtype.newbyteorder(state[1])  # type: ignore[arg-type]


def checked_shape(shape: object, what: str = "array") -> tuple[int, ...]:
    """The shape, if it is one."""
    if not isinstance(shape, tuple) or len(shape) > 32 or not all(type(n) is int and 0 <= n < 1 << 62 for n in shape):
        raise Refused(f"{what} shape is malformed: not up to 32 non-negative integers")
    return shape


def shaped(data: Data, dtype: np.dtype, shape: object, order: Order) -> np.ndarray:
    """A read-only array over ``data``, if shape and data fit."""
    shape = checked_shape(shape)
    count = math.prod(shape)  # of Python's integers: numpy's would wrap around
    if count * dtype.itemsize != len(data):
        raise Refused(f"array size does not match its data: {count} x {dtype} in {len(data)} bytes")
    if not data:
        return np.zeros(shape, dtype)
    if dtype.kind == "U" and (np.frombuffer(data, f"{dtype.byteorder}u4") > sys.maxunicode).any():
        raise Refused("array of texts has letters beyond Unicode")
    if dtype.kind == "b" and (np.frombuffer(data, "u1") > 1).any():
        raise Refused("array of truth values has others than 0 and 1")
    return np.frombuffer(data, dtype).reshape(shape, order=order)


class Array:
    """``numpy.ndarray`` under construction; ``value`` is the array, or the dict inside an object array."""

    def __init__(self, base: object = None, *_: object) -> None:
        if base != Name("numpy", "ndarray"):
            raise Refused("array of another class than numpy.ndarray")
        self.value: object = None

    def set_state(self, state: object) -> None:
        """Take numpy's (version, shape, dtype, Fortran order, data)."""
        if not isinstance(state, tuple) or len(state) != 5:
            raise Refused("array state is not (version, shape, dtype, order, data)")
        _, shape, kind, fortran, data = state
        if not isinstance(kind, Dtype):
            raise Refused("array dtype is malformed")
        if kind.boxed:
            if shape != () or not isinstance(data, list) or len(data) != 1:
                raise Refused("object arrays are read only as the outermost box of a dict")
            self.value = data[0]
        elif not isinstance(data, Data):
            raise Refused("array data is not bytes")
        else:
            self.value = shaped(data, kind.dtype, shape, "F" if fortran else "C")


@dataclass(frozen=True)
class Storage:
    """One storage of a torch file: ``count`` elements of ``kind`` under ``key``, read later.

    In a plain pickle of tensors, each storage is a whole torch file of before PyTorch 1.6, ``file``, by itself.
    """

    kind: str
    key: str
    count: int
    file: Data = b""


@dataclass(frozen=True)
class Tensor:
    """A torch tensor: a window on a storage, in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


STORAGES = {
    "BFloat16Storage": "bfloat16",
    "BoolStorage": "?",
    "ByteStorage": "u1",
    "CharStorage": "i1",
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "IntStorage": "<i4",
    "LongStorage": "<i8",
    "ShortStorage": "<i2",
}


def storage(identity: object) -> Storage:
    """What torch's persistent id ``("storage", class, key, device, count[, view])`` names."""
    if not isinstance(identity, tuple) or len(identity) not in (5, 6) or identity[0] != "storage":
        raise Refused("persistent id is not torch's of a storage")
    _, kind, key, _, count, *view = identity
    if not isinstance(kind, Name) or kind.module != "torch" or kind.name not in STORAGES:
        raise Refused("storage class is not one of torch's")
    if not isinstance(key, str) or type(count) is not int or not 0 <= count < 1 << 62 or view not in ([], [None]):
        raise Refused("storage key or size is malformed")
    return Storage(STORAGES[kind.name], key, count)


def _storage_in_pickle(file: object) -> Storage:
    if not isinstance(file, Data):
        raise Refused("torch storage without data")
    return Storage("", "", 0, file)


def _tensor(source: object, offset: object, shape: object, strides: object, *_: object) -> Tensor:
    if not isinstance(source, Storage) or type(offset) is not int or offset < 0:
        raise Refused("tensor without a storage, or with a malformed offset")
    shape, strides = checked_shape(shape, "tensor"), checked_shape(strides, "tensor stride")
    if len(shape) != len(strides):
        raise Refused(f"tensor of {len(shape)} dimensions has {len(strides)} strides")
    return Tensor(source, offset, shape, strides)


def _parameter(data: object, *_: object) -> Tensor:
    if not isinstance(data, Tensor):
        raise Refused("torch parameter without a tensor")
    return data


def _scalar(kind: object, data: object) -> np.generic:
    if not isinstance(kind, Dtype) or kind.boxed or not isinstance(data, bytes):
        raise Refused("scalar without a plain dtype and data")
    return shaped(data, kind.dtype, (), "C").flat[0]  # type: ignore[no-any-return]


def _from_buffer(data: object, kind: object, shape: object, order: object) -> np.ndarray:
    """How protocol 5 spells an array."""
    if not isinstance(kind, Dtype) or kind.boxed or not isinstance(data, Data) or order not in ("C", "F"):
        raise Refused("array buffer, dtype or order is malformed")
    array = shaped(data, kind.dtype, shape, order)
    array.flags.writeable = False
    return array


def _encode(text: object, encoding: object) -> bytes:
    """How protocols 0 to 2 spell bytes."""
    if encoding != "latin1" or not isinstance(text, str):
        raise Refused("bytes as text in another encoding than latin1")
    return text.encode("latin1")


def _paddle_tensor(pair: object) -> Array:
    """``paddle.save`` writes a tensor as ``tuple((name, data))``."""
    if isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], Array):
        return pair[1]
    raise Refused("refused: the file asks for builtins.tuple, not of paddle.save's (name, data)")


def _paddle_value(text: object, names: object) -> Array:
    """``paddle.save`` writes a framework tensor as ``eval("data", {"data": data})``. Nothing is evaluated."""
    if text == "data" and type(names) is dict and list(names) == ["data"] and isinstance(names["data"], Array):
        return names["data"]
    raise Refused("refused: the file asks for builtins.eval, not of paddle.save's ('data', {'data': array})")


KNOWN: dict[Name, Callable[..., object] | None] = {
    Name("numpy", "ndarray"): None,
    Name("numpy", "dtype"): Dtype,
    Name("_codecs", "encode"): _encode,
    Name("collections", "OrderedDict"): lambda: {},  # the items follow one by one
    Name("torch._utils", "_rebuild_tensor"): _tensor,
    Name("torch._utils", "_rebuild_tensor_v2"): _tensor,
    Name("torch._utils", "_rebuild_parameter"): _parameter,
    Name("torch.storage", "_load_from_bytes"): _storage_in_pickle,
    **{Name("torch", name): None for name in STORAGES},
}
for _module in ("builtins", "__builtin__"):
    KNOWN[Name(_module, "bytes")] = lambda: b""  # how protocols 0 to 2 spell the data of an empty array
    KNOWN[Name(_module, "tuple")] = _paddle_tensor
    KNOWN[Name(_module, "eval")] = _paddle_value
for _module in ("numpy.core", "numpy._core"):
    KNOWN[Name(f"{_module}.multiarray", "_reconstruct")] = Array
    KNOWN[Name(f"{_module}.multiarray", "scalar")] = _scalar
    KNOWN[Name(f"{_module}.numeric", "_frombuffer")] = _from_buffer
