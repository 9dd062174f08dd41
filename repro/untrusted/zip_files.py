"""The directory of a zip, and its entries as bytes: what ``torch.save`` and ``numpy.savez`` write, and nothing else."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from struct import unpack

from repro.untrusted.source import Refused, Source, shown

ZIP_MAGIC = b"PK\x03\x04"
STORED, DEFLATED = 0, 8
_MAX_ENTRIES = 10_000
_BLOCK = 1 << 22
_NO_SIZE = 0xFFFFFFFF  # "see the zip64 field": only for what is larger than this reader takes


@dataclass(frozen=True)
class Entry:
    """One entry of a zip's directory."""

    name: str
    header: int
    packed: int
    size: int
    crc: int
    method: int


def read_directory(source: Source) -> dict[str, Entry]:
    """Entries by name, read as strictly as torch and numpy write them: at the end, disjoint, stored or deflated.

    Raises:
        Refused: the directory is damaged or of another program.
    """
    source.seek(max(0, source.size - 98))
    tail = source.read()
    if tail[-22:-18] != b"PK\x05\x06":
        raise Refused("zip without its directory at the end: cut off, or of another program")
    count, length, start = unpack("<H2L", tail[-12:-2])
    if tail[-42:-38] == b"PK\x06\x07" and tail[-98:-94] == b"PK\x06\x06":
        count, length, start = unpack("<3Q", tail[-66:-42])
    if count > _MAX_ENTRIES or length > source.size:
        raise Refused(f"zip directory of {count} entries in {length} bytes")
    source.seek(min(start, source.size))
    directory = source.exactly(length, "zip directory")
    entries: dict[str, Entry] = {}
    at = 0
    for _ in range(count):
        entry, at = _read_entry(directory, at)
        if entry.name in entries:
            raise Refused(f"zip names {shown(entry.name)} twice")
        entries[entry.name] = entry
    if at != length:
        raise Refused("zip directory is damaged: it is longer than its entries")
    end = 0
    for entry in sorted(entries.values(), key=lambda entry: entry.header):
        if entry.header < end:
            raise Refused(f"zip entry {shown(entry.name)} overlaps another")
        end = entry.header + 30 + len(entry.name) + entry.packed
        if end > start:
            raise Refused(f"zip entry {shown(entry.name)} of {entry.packed} bytes reaches beyond the entries' part")
    return entries


def _read_entry(directory: bytes, at: int) -> tuple[Entry, int]:
    fixed = directory[at : at + 46]
    if len(fixed) < 46 or not fixed.startswith(b"PK\x01\x02"):
        raise Refused("zip directory is damaged")
    flags, method = unpack("<2H", fixed[8:12])
    crc, packed, size, name_size, extra_size, comment_size = unpack("<3L3H", fixed[16:34])
    (header,) = unpack("<L", fixed[42:46])
    name = directory[at + 46 : at + 46 + name_size].decode("ascii", "backslashreplace")
    if method not in (STORED, DEFLATED) or (method == STORED and packed != size) or flags & 1:
        raise Refused(f"zip entry {shown(name)} is encrypted or packed in a way that no dump is")
    if _NO_SIZE in (packed, size, header):
        raise Refused(f"zip entry {shown(name)} claims 4 GiB or more")
    return Entry(name, header, packed, size, crc, method), at + 46 + name_size + extra_size + comment_size


def open_entry(source: Source, entry: Entry) -> Source:
    """``source``, standing at the entry's first byte."""
    source.seek(entry.header)
    local = source.exactly(30, "zip entry")
    if not local.startswith(ZIP_MAGIC):
        raise Refused(f"zip entry {shown(entry.name)} is damaged")
    source.seek(sum(unpack("<2H", local[26:30])), 1)
    return source


def entry_bytes(source: Source, entry: Entry) -> bytes | memoryview:
    """The bytes of a stored entry, where they are many as a view of the file.

    Raises:
        Refused: it is compressed, or its checksum differs.
    """
    if entry.method != STORED:
        raise Refused(f"zip entry {shown(entry.name)} is compressed, torch.save only stores")
    data = open_entry(source, entry).window(entry.size, f"zip entry {shown(entry.name)}")
    crc = 0
    for start in range(0, entry.size, _BLOCK):
        crc = zlib.crc32(data[start : start + _BLOCK], crc)
        source.release()
    if crc != entry.crc:
        raise Refused(f"zip entry {shown(entry.name)} is damaged: its checksum differs")
    return data


def inflated(source: Source, entry: Entry) -> Iterator[bytes]:
    """Blocks of a deflated entry.

    Raises:
        Refused: it is damaged, or unfolds to another size than its directory says.
    """
    with open_entry(source, entry).part(entry.packed, f"zip entry {shown(entry.name)}"):
        inflate, size, crc = zlib.decompressobj(-zlib.MAX_WBITS), 0, 0
        while not inflate.eof:
            packed = inflate.unconsumed_tail or bytes(source.window(min(_BLOCK, source.left), "zip entry"))
            block = inflate.decompress(packed, _BLOCK)
            if not block and not packed:
                raise Refused(f"zip entry {shown(entry.name)} is damaged: it ends too early")
            size, crc = size + len(block), zlib.crc32(block, crc)
            if size > entry.size:
                break
            yield block
    if size != entry.size or crc != entry.crc:
        raise Refused(f"zip entry {shown(entry.name)} is damaged: its size or its checksum differs")
