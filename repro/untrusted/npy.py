"""``.npy`` files, whose header is taken apart without being evaluated, and the zip of them that ``.npz`` is."""

import re
from typing import Any

from repro.untrusted.plain import plain
from repro.untrusted.rebuild import Dtype, Order, shaped
from repro.untrusted.source import Refused, Source, shown, unpacked
from repro.untrusted.torch_files import PickledStorages
from repro.untrusted.unpickle import unpickle
from repro.untrusted.zip_files import STORED, Entry, entry_bytes, inflated, open_entry

NPY_MAGIC = b"\x93NUMPY"
_MAX_HEADER = 4096
# as numpy writes it
_HEADER = re.compile(
    r"\{'descr': '([^']{1,20})', 'fortran_order': (True|False), 'shape': \(((?:\d{1,19}, ?)*(?:\d{1,19})?)\),? ?\}\s*"
)


def read_header(source: Source) -> tuple[Dtype, tuple[int, ...], Order]:
    """The header behind the magic bytes: dtype, shape and order of what follows, a pickle where the dtype is boxed.

    Raises:
        Refused: numpy writes no such header, or not of plain numbers, texts or objects.
    """
    major, _ = source.exactly(2, ".npy version")
    if major not in (1, 2, 3):
        raise Refused(f".npy of version {major}")
    length = int.from_bytes(source.exactly(2 if major == 1 else 4, ".npy header size"), "little")
    if length > _MAX_HEADER:
        raise Refused(f".npy header of {length} bytes")
    text = source.exactly(length, ".npy header").decode("latin1")
    match = _HEADER.fullmatch(text)
    if not match:
        raise Refused(f".npy header is not of a plain array: {shown(text.strip())}")
    shape = tuple(int(n) for n in match[3].replace(",", " ").split())
    return Dtype(match[1]), shape, "F" if match[2] == "True" else "C"


def read_npy(source: Source) -> Any:
    """The array behind the magic bytes, or the plain value that a boxed pickle holds.

    Raises:
        Refused: it is damaged, or an array of objects other than the outermost box.
    """
    kind, shape, order = read_header(source)
    if not kind.boxed:
        return shaped(source.window(source.left, ".npy data"), kind.dtype, shape, order)
    if shape != ():
        raise Refused("object arrays are read only as the outermost box of a dict")
    value = plain(unpickle(source), source.size, PickledStorages())
    if source.left:
        raise Refused(f"{source.left} bytes follow the pickle")
    return value


def is_npz(entries: dict[str, Entry]) -> bool:
    """Whether a zip is one of arrays."""
    return bool(entries) and all(name.endswith(".npy") for name in entries)


def read_npz(source: Source, entries: dict[str, Entry]) -> dict[str, Any]:
    """Arrays by name; compressed ones are unpacked onto disk, not into memory.

    Raises:
        Refused: an entry is damaged or no ``.npy``.
    """
    content = {}
    for name, entry in entries.items():
        if entry.method == STORED:
            entry_bytes(source, entry)  # for its checksum
            with open_entry(source, entry).part(entry.size, name):
                content[name.removesuffix(".npy")] = _read_member(source)
        else:
            with unpacked(inflated(source, entry)) as member:
                content[name.removesuffix(".npy")] = _read_member(member)
    return content


def _read_member(source: Source) -> Any:
    if source.exactly(len(NPY_MAGIC), "npz entry") != NPY_MAGIC:
        raise Refused("npz entry is no .npy")
    return read_npy(source)
