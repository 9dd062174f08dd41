"""The two containers of ``torch.save``: a zip since PyTorch 1.6, a row of pickles and raw storages before."""

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import unpack

import numpy as np

from repro.untrusted.plain import plain
from repro.untrusted.rebuild import Data, Storage, shaped, storage
from repro.untrusted.source import Refused, Source, shown
from repro.untrusted.unpickle import unpickle
from repro.untrusted.zip_files import Entry, entry_bytes, open_entry

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001


@dataclass
class _Flat:
    """Storages as 1-D arrays. Each is read and, if bfloat16, converted once, however many tensors use it."""

    read: Callable[[Storage, int], Data]
    raw: dict[str, Data] = field(default_factory=dict)
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


def read_zip(source: Source, entries: dict[str, Entry]) -> object:
    """The plain value in a ``torch.save`` zip.

    Raises:
        Refused: it is not one, or what is in it is not read.
    """
    roots = [name.removesuffix("data.pkl") for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(roots) != 1:
        raise Refused("zip is not of torch.save: it has no data.pkl")
    root = roots[0]
    if f"{root}byteorder" in entries and entry_bytes(source, entries[f"{root}byteorder"]) != b"little":
        raise Refused("torch file of another byte order than little")

    def read(wanted: Storage, itemsize: int) -> Data:
        entry = entries.get(f"{root}data/{wanted.key}")
        if entry is None:
            raise Refused(f"storage {shown(wanted.key)} is not in the file")
        if entry.size != wanted.count * itemsize:
            raise Refused(f"storage {shown(wanted.key)} has {entry.size} bytes for {wanted.count} x {wanted.kind}")
        return entry_bytes(source, entry)

    entry = entries[f"{root}data.pkl"]
    entry_bytes(source, entry)  # for its checksum
    end = source.tell()
    content = unpickle(open_entry(source, entry), storage)
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

    def read(asked: Storage, itemsize: int) -> Data:
        (count,) = unpack("<q", source.exactly(8, "storage"))
        if count != asked.count:
            raise Refused(f"storage {shown(asked.key)} has {count} elements, its tensors say {asked.count}")
        return source.window(count * itemsize, f"storage {shown(asked.key)}")

    flat = _Flat(read)
    for key in keys:
        flat(wanted[key])
    if source.left:
        raise Refused(f"{source.left} bytes follow the last storage")
    return flat(content) if isinstance(content, Storage) else plain(content, source.size, flat)


@dataclass
class PickledStorages:
    """The storages of a plain pickle of tensors: each a file of its own, read once however many tensors use it."""

    elements: dict[int, np.ndarray] = field(default_factory=dict)

    def __call__(self, wanted: Storage) -> np.ndarray:
        """Elements of a storage, 1-D.

        Raises:
            Refused: it has no file of its own, as in a pickle that was taken out of a torch file; or it is no storage.
        """
        if not wanted.file:
            raise Refused("a torch tensor outside a torch file")
        place = id(wanted.file)  # which the pickle keeps alive
        if place not in self.elements:
            with Source.within(wanted.file) as source:
                if unpickle(source) != LEGACY_MAGIC:
                    raise Refused("torch storage in a pickle is no torch file")
                elements = read_legacy(source)
            if not isinstance(elements, np.ndarray) or elements.ndim != 1:
                raise Refused("torch storage in a pickle holds something else")
            self.elements[place] = elements
        return self.elements[place]
