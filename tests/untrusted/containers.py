"""The containers of evidence built by hand, byte by byte, so that each part can be wrong by itself."""

import pickle
import struct
import zlib
from typing import Any

import numpy as np

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


def op(value: Any) -> bytes:
    """The opcodes that push a plain value."""
    return pickle.dumps(value, protocol=2)[2:-1]


def ask(name: str) -> bytes:
    """GLOBAL: ``module.name``."""
    module, _, last = name.rpartition(".")
    return f"c{module}\n{last}\n".encode()


def whole(body: bytes, protocol: int = 2) -> bytes:
    """A pickle of one pushed value."""
    return b"\x80" + bytes([protocol]) + body + b"."


def tensor(
    kind: str = "FloatStorage",
    key: Any = "0",
    count: Any = 6,
    offset: Any = 0,
    shape: Any = (2, 3),
    strides: Any = (3, 1),
    legacy: bool = False,
) -> bytes:
    """The opcodes of a torch tensor; ``legacy`` adds the view that the old format names."""
    identity = b"(" + op("storage") + ask(f"torch.{kind}") + op(key) + op("cpu") + op(count)
    identity += (b"N" if legacy else b"") + b"tQ"
    hooks = ask("collections.OrderedDict") + b")R"
    arguments = b"(" + identity + op(offset) + op(shape) + op(strides) + b"\x89" + hooks + b"t"
    return ask("torch._utils._rebuild_tensor_v2") + arguments + b"R"


def array(shape: Any, data: bytes, kind: str = "f4") -> bytes:
    """The opcodes of a numpy array, whose shape and data need not fit."""
    empty = ask("numpy.core.multiarray._reconstruct") + ask("numpy.ndarray") + op((0,)) + b"C\x01b\x87R"
    dtype = ask("numpy.dtype") + op((kind, False, True)) + b"R" + op((3, "<", None, None, None, -1, -1, 0)) + b"b"
    content = b"B" + struct.pack("<I", len(data)) + data
    return empty + b"(" + op(1) + op(shape) + dtype + b"\x89" + content + b"tb"


Entry = tuple[bytes, bytes, dict[str, Any]]


def entry(name: str, data: bytes, **wrong: Any) -> Entry:
    """One entry of a zip; ``wrong`` overrides its size, packed, method, flags, crc or header in the directory."""
    return name.encode(), data, wrong


def zipped(entries: list[Entry], *, count: int | None = None) -> bytes:
    """A zip as torch writes it: stored entries, then the directory."""
    body, directory = b"", b""
    for name, data, wrong in entries:
        crc, size = wrong.get("crc", zlib.crc32(data)), wrong.get("size", len(data))
        packed, method, flags = wrong.get("packed", size), wrong.get("method", 0), wrong.get("flags", 0x800)
        header = wrong.get("header", len(body))
        both = struct.pack("<4H3L2H", flags, method, 0, 0, crc, packed, size, len(name), 0)
        directory += b"PK\x01\x02\0\0\0\0" + both + struct.pack("<3H2L", 0, 0, 0, 0, header) + name
        body += b"PK\x03\x04\0\0" + both + name + data
    count = len(entries) if count is None else count
    return body + directory + b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, count, count, len(directory), len(body), 0)


def torch_zip(body: bytes, storages: dict[str, bytes] | None = None, order: bytes = b"little", **wrong: Any) -> bytes:
    """``torch.save`` since 1.6; ``wrong`` is about ``data.pkl``."""
    entries = [entry("a/data.pkl", whole(body), **wrong), entry("a/byteorder", order)]
    entries += [entry(f"a/data/{key}", data) for key, data in (storages or {}).items()]
    return zipped([*entries, entry("a/version", b"3\n")])


def torch_legacy(
    body: bytes, storages: dict[str, tuple[int, bytes]] | None = None, *, protocol: int = 1001, system: Any = SYSTEM
) -> bytes:
    """``torch.save`` before 1.6: storages as key -> (number of elements that is written, bytes)."""
    storages = storages or {}
    head = b"".join(pickle.dumps(value, protocol=2) for value in (LEGACY_MAGIC, protocol, system))
    stored = b"".join(struct.pack("<q", count) + data for count, data in storages.values())
    return head + whole(body) + pickle.dumps(list(storages), protocol=2) + stored


def npy(header: str, data: bytes = b"", version: int = 1) -> bytes:
    """An ``.npy`` file with any text as its header."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + data


def floats(count: int) -> bytes:
    """0, 1, 2, ... as float32."""
    return np.arange(count, dtype="<f4").tobytes()
