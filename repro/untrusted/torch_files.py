"""The two containers of ``torch.save``: a zip since PyTorch 1.6, a row of pickles and raw storages before."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from struct import unpack

import numpy as np

from repro.untrusted.plain import plain
from repro.untrusted.rebuild import Storage, shaped, storage
from repro.untrusted.source import Refused, Source, shown
from repro.untrusted.unpickle import unpickle

ZIP_MAGIC = b"PK\x03\x04"
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_MAX_ENTRIES = 10_000
_NO_SIZE = 0xFFFFFFFF  # "see the zip64 field": only for what is larger than this reader takes


@dataclass
class _Flat:
    """Storages as 1-D arrays. Each is read and, if bfloat16, converted once, however many tensors use it."""

    read: Callable[[Storage, int], bytes]
    raw: dict[str, bytes] = field(default_factory=dict)
    arrays: dict[Storage, np.ndarray] = field(default_factory=dict)

    def __call__(self, wanted: Storage) -> np.ndarray:
        if wanted not in self.arrays:
            half = wanted.kind == "bfloat16"
            dtype = np.dtype("<u2" if half else wanted.kind)
            if wanted.key not in self.raw:
                self.raw[wanted.key] = self.read(wanted, dtype.itemsize)
            flat = shaped(self.raw[wanted.key], dtype, (wanted.count,), "C")
            self.arrays[wanted] = (flat.astype("<u4") << 16).view("<f4") if half else flat
        return self.arrays[wanted]


@dataclass(frozen=True)
class _Entry:
    """One entry of a zip's directory."""

    name: str
    header: int
    size: int
    crc: int


def _directory(source: Source) -> dict[str, _Entry]:
    """Entries by name, read as strictly as torch writes them: at the end, stored, disjoint."""
    source.seek(max(0, source.size - 98))
    tail = source.read()
    if tail[-22:-18] != b"PK\x05\x06":
        raise Refused("zip without its directory at the end: cut off, or not of torch.save")
    count, length, start = unpack("<H2L", tail[-12:-2])
    if tail[-42:-38] == b"PK\x06\x07" and tail[-98:-94] == b"PK\x06\x06":
        count, length, start = unpack("<3Q", tail[-66:-42])
    if count > _MAX_ENTRIES or length > source.size:
        raise Refused(f"zip directory of {count} entries in {length} bytes")
    source.seek(min(start, source.size))
    directory = source.exactly(length, "zip directory")
    entries: dict[str, _Entry] = {}
    at = 0
    for _ in range(count):
        entry, at = _entry(directory, at)
        if entry.name in entries:
            raise Refused(f"zip names {shown(entry.name)} twice")
        entries[entry.name] = entry
    if at != length:
        raise Refused("zip directory is damaged: it is longer than its entries")
    end = 0
    for entry in sorted(entries.values(), key=lambda entry: entry.header):
        if entry.header < end:
            raise Refused(f"zip entry {shown(entry.name)} overlaps another")
        end = entry.header + 30 + len(entry.name) + entry.size
        if end > start:
            raise Refused(f"zip entry {shown(entry.name)} of {entry.size} bytes reaches beyond the entries' part")
    return entries


def _entry(directory: bytes, at: int) -> tuple[_Entry, int]:
    fixed = directory[at : at + 46]
    if len(fixed) < 46 or not fixed.startswith(b"PK\x01\x02"):
        raise Refused("zip directory is damaged")
    flags, method = unpack("<2H", fixed[8:12])
    crc, packed, size, name_size, extra_size, comment_size = unpack("<3L3H", fixed[16:34])
    (header,) = unpack("<L", fixed[42:46])
    name = directory[at + 46 : at + 46 + name_size].decode("ascii", "backslashreplace")
    if method != 0 or packed != size or flags & 1:
        raise Refused(f"zip entry {shown(name)} is compressed or encrypted, torch.save only stores")
    if _NO_SIZE in (size, header):
        raise Refused(f"zip entry {shown(name)} claims 4 GiB or more")
    return _Entry(name, header, size, crc), at + 46 + name_size + extra_size + comment_size


def _content(source: Source, entry: _Entry) -> Source:
    """``source``, standing at the entry's first byte."""
    source.seek(entry.header)
    local = source.exactly(30, "zip entry")
    if not local.startswith(ZIP_MAGIC):
        raise Refused(f"zip entry {shown(entry.name)} is damaged")
    source.seek(sum(unpack("<2H", local[26:30])), 1)
    return source


def _bytes(source: Source, entry: _Entry) -> bytes:
    data = _content(source, entry).exactly(entry.size, f"zip entry {shown(entry.name)}")
    if zlib.crc32(data) != entry.crc:
        raise Refused(f"zip entry {shown(entry.name)} is damaged: its checksum differs")
    return data


def read_zip(source: Source) -> object:
    """The plain value in a ``torch.save`` zip.

    Raises:
        Refused: it is not one, or what is in it is not read.
    """
    entries = _directory(source)
    roots = [name.removesuffix("data.pkl") for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(roots) != 1:
        raise Refused("zip is not of torch.save: it has no data.pkl")
    root = roots[0]
    if f"{root}byteorder" in entries and _bytes(source, entries[f"{root}byteorder"]) != b"little":
        raise Refused("torch file of another byte order than little")

    def read(wanted: Storage, itemsize: int) -> bytes:
        entry = entries.get(f"{root}data/{wanted.key}")
        if entry is None:
            raise Refused(f"storage {shown(wanted.key)} is not in the file")
        if entry.size != wanted.count * itemsize:
            raise Refused(f"storage {shown(wanted.key)} has {entry.size} bytes for {wanted.count} x {wanted.kind}")
        return _bytes(source, entry)

    entry = entries[f"{root}data.pkl"]
    _bytes(source, entry)  # for its checksum
    end = source.tell()
    content = unpickle(_content(source, entry), storage)
    if source.tell() != end:
        raise Refused("pickle in the zip is longer or shorter than its entry")
    return plain(content, source.size, _Flat(read))


def read_legacy(source: Source) -> object:
    """The plain value in a ``torch.save`` file of before PyTorch 1.6, from behind its magic number.

    Raises:
        Refused: it is not one, or what is in it is not read.
    """
    if unpickle(source) != _LEGACY_PROTOCOL:
        raise Refused(f"torch file of another protocol than {_LEGACY_PROTOCOL}")
    system = unpickle(source)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise Refused("torch file of another byte order than little")
    wanted: dict[str, Storage] = {}

    def persistent(identity: object) -> Storage:
        asked = storage(identity)
        if wanted.setdefault(asked.key, asked) != asked:
            raise Refused(f"storage {shown(asked.key)} is described in two ways")
        return asked

    content = unpickle(source, persistent)
    keys = unpickle(source)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or sorted(keys) != sorted(wanted):
        raise Refused("torch file's list of storages is not of those that its tensors ask for")

    def read(asked: Storage, itemsize: int) -> bytes:
        (count,) = unpack("<q", source.exactly(8, "storage"))
        if count != asked.count:
            raise Refused(f"storage {shown(asked.key)} has {count} elements, its tensors say {asked.count}")
        return source.exactly(count * itemsize, f"storage {shown(asked.key)}")

    flat = _Flat(read)
    for key in keys:
        flat(wanted[key])
    if source.left:
        raise Refused(f"{source.left} bytes follow the last storage")
    return plain(content, source.size, flat)
