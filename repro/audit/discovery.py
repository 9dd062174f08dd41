"""Which files of a folder are evidence, and which dumps are the two sides of one check.

Names decide. Of a file with an unknown suffix only the first bytes are read, and no symbolic link is followed.
"""

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from repro.errors import InputError
from repro.untrusted.source import shown

MAX_FILES = 20_000
MAX_DEPTH = 32
MAX_DUMP = 64 << 20
DUMP_SUFFIXES = {".npy", ".bin", ".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".pdparams", ".pdopt", ".pdtensor"}
TEXT_KINDS = {".txt": "log", ".log": "log", ".py": "script", ".md": "document", ".markdown": "document"}
# A word in the name of a dump or of its folder says which side it is.
REFERENCE = frozenset("torch pytorch reference ref original official tensorflow tf jax expected theirs".split())
PORT = frozenset("paddle pd port ported ours mine mindspore reproduction actual".split())
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_PICKLE = re.compile(rb"\x80[\x00-\x05]")


@dataclass(frozen=True)
class Pair:
    """Two dumps that a check compares. ``name`` is their common path with ``*`` for the side."""

    name: str
    reference: str
    port: str


@dataclass
class Inventory:
    """Files of a folder by kind, as sorted paths relative to it; ``refused`` says why a file is not read."""

    root: Path
    dumps: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    def pairs(self) -> list[Pair]:
        """Dumps whose names differ in the side only; the rest also across suffixes (``.pt``, ``.pdparams``)."""
        pairs = _pairs(self.dumps, suffix=True)
        paired = {path for pair in pairs for path in (pair.reference, pair.port)}
        return pairs + _pairs([path for path in self.dumps if path not in paired], suffix=False)


def _pairs(dumps: list[str], *, suffix: bool) -> list[Pair]:
    sides: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in dumps:
        name, side = split_side(path)
        if side:
            sides[name if suffix else str(PurePosixPath(name).with_suffix(".*"))][side].append(path)
    pairs = []
    for name, by_side in sorted(sides.items()):
        references, ports = (
            [path for side in sorted(by_side.keys() & sides_of) for path in by_side[side]]
            for sides_of in (REFERENCE, PORT)
        )
        pairs += [Pair(name, references[0], port) for port in ports if references]
    return pairs


def words(text: str) -> list[str]:
    """``pretrainedModel_diff`` as ``pretrained``, ``model``, ``diff``."""
    return [word.lower() for word in _WORD.findall(text)]


def split_side(path: str) -> tuple[str, str]:
    """The path with ``*`` for each word that names a side, and the last such word (or an empty text)."""
    pure = PurePosixPath(path)
    stem = str(pure.with_suffix(""))
    sides = [word for word in words(stem) if word in REFERENCE | PORT]
    name = _WORD.sub(lambda match: "*" if match[0].lower() in sides else match[0], stem)
    return name + pure.suffix, sides[-1] if sides else ""


def _kind(path: Path) -> str:
    """``dump``, ``log``, ``script``, ``document`` or nothing: by suffix, else by the first bytes."""
    suffix = path.suffix.lower()
    if suffix in DUMP_SUFFIXES:
        return "dump"
    if suffix in TEXT_KINDS:
        return TEXT_KINDS[suffix]
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK | os.O_NOFOLLOW)) as file:
        head = file.read(6)
    pickled = _PICKLE.match(head) or head.startswith(b"\x93NUMPY") or head.startswith(b"PK\x03\x04")
    return "dump" if pickled else ""


def _entries(
    folder: Path, relative: str, depth: int, inventory: Inventory, exclude: Path | None
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        inventory.refused[relative] = f"folder cannot be read: {error.strerror}"
        return
    for entry in entries:
        name = f"{relative}{entry.name}"
        if not name.isprintable():  # no report could show it, nor even write it where it is not UTF-8
            inventory.refused[shown(name)] = "name that cannot be printed"
        elif entry.is_symlink():
            inventory.refused[name] = "symbolic link, not followed"
        elif entry.is_dir(follow_symlinks=False):
            if depth == MAX_DEPTH:
                inventory.refused[name] = f"folders are nested more than {MAX_DEPTH} deep"
            elif entry.name != ".git" and Path(entry.path) != exclude:
                yield from _entries(Path(entry.path), f"{name}/", depth + 1, inventory, exclude)
        else:
            yield name, entry


def discover(root: Path, exclude: Path | None = None) -> Inventory:
    """List the evidence in a folder, without the folder ``exclude`` that audits are written to.

    Raises:
        InputError: no such folder, or more than ``MAX_FILES`` files in it.
    """
    if not root.is_dir():
        raise InputError("no such folder", where=root, next_step="repro audit DIR")
    root = root.resolve()
    inventory = Inventory(root)
    for count, (name, entry) in enumerate(_entries(root, "", 0, inventory, exclude.resolve() if exclude else None)):
        if count == MAX_FILES:
            raise InputError(f"more than {MAX_FILES} files", where=root, next_step="name the folder of the evidence")
        try:
            status = entry.stat(follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                inventory.refused[name] = "not a regular file"
                continue
            kind = _kind(Path(entry.path))
        except OSError as error:
            inventory.refused[name] = f"cannot be read: {error.strerror}"
            continue
        if kind == "dump" and status.st_size > MAX_DUMP:
            inventory.refused[name] = f"larger than the {MAX_DUMP >> 20} MiB that an audit reads of one dump"
        elif kind:
            getattr(inventory, f"{kind}s").append(name)
    return inventory
