"""Which files of a folder are evidence, and which dumps are the two sides of one check. By names; nothing is opened
but for its first bytes, and no symbolic link is followed."""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from repro.dumps.source import shown
from repro.errors import InputError

MAX_FILES = 20_000
MAX_DEPTH = 32
MAX_DUMP = 64 << 20
DUMP_SUFFIXES = {".npy", ".bin", ".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".pdparams", ".pdopt", ".pdtensor"}
TEXT_KINDS = {".txt": "log", ".log": "log", ".py": "script", ".md": "document", ".markdown": "document"}
# The side of a dump stands as a word of its name or of a folder's.
REFERENCE = frozenset("torch pytorch reference ref original official tensorflow tf jax expected theirs".split())
PORT = frozenset("paddle pd port ported ours mine mindspore reproduction actual".split())
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_PICKLE = re.compile(rb"\x80[\x00-\x05]")


@dataclass(frozen=True)
class Pair:
    """Two dumps that a check compares; ``name`` is their common path with ``*`` for the side."""

    name: str
    reference: str
    port: str


@dataclass
class Inventory:
    """Files of a folder by what they are: paths relative to it, with ``/``, sorted."""

    root: Path
    dumps: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    others: int = 0
    refused: dict[str, str] = field(default_factory=dict)

    def pairs(self) -> list[Pair]:
        """Every port's dump beside the reference's; what is left also across suffixes (``.pt``, ``.pdparams``)."""
        found = _pairs(self.dumps, suffix=True)
        paired = {path for pair in found for path in (pair.reference, pair.port)}
        return found + _pairs([path for path in self.dumps if path not in paired], suffix=False)


def _pairs(dumps: list[str], *, suffix: bool) -> list[Pair]:
    sides: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in dumps:
        name, side = split_side(path)
        if side:
            sides[name if suffix else str(PurePosixPath(name).with_suffix(".*"))][side].append(path)
    found = []
    for name, by_side in sorted(sides.items()):
        references = [path for side, paths in sorted(by_side.items()) if side in REFERENCE for path in paths]
        ports = [path for side, paths in sorted(by_side.items()) if side in PORT for path in paths]
        found += [Pair(name, references[0], port) for port in ports if references]
    return found


def words(text: str) -> list[str]:
    """``pretrainedModel_diff`` as ``pretrained``, ``model``, ``diff``."""
    return [word.lower() for word in _WORD.findall(text)]


def split_side(path: str) -> tuple[str, str]:
    """(path with ``*`` for the words that name a side, the last such word or an empty text)."""
    side = ""

    def replaced(match: re.Match[str]) -> str:
        nonlocal side
        word = match[0].lower()
        if word not in REFERENCE | PORT:
            return match[0]
        side = word
        return "*"

    pure = PurePosixPath(path)
    stem = _WORD.sub(replaced, str(pure.with_suffix("")))
    return stem + pure.suffix, side


def _kind(path: Path) -> str:
    """``dump``, ``log``, ``script``, ``document`` or ``other``, by suffix or, for the rest, by the first bytes."""
    suffix = path.suffix.lower()
    if suffix in DUMP_SUFFIXES:
        return "dump"
    if suffix in TEXT_KINDS:
        return TEXT_KINDS[suffix]
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK | os.O_NOFOLLOW)) as file:
        head = file.read(6)
    pickled = _PICKLE.match(head) or head.startswith(b"\x93NUMPY") or head.startswith(b"PK\x03\x04")
    return "dump" if pickled else "other"


def _entries(
    folder: Path, relative: str, depth: int, inventory: Inventory, own: Path | None
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        inventory.refused[relative] = f"folder cannot be read: {error.strerror}"
        return
    for entry in entries:
        name = f"{relative}{entry.name}"
        if not name.isprintable():  # a report can neither show it nor, where it is no UTF-8, write it
            inventory.refused[shown(name)] = "name that cannot be printed"
        elif entry.is_symlink():
            inventory.refused[name] = "symbolic link, not followed"
        elif entry.is_dir(follow_symlinks=False):
            if depth == MAX_DEPTH:
                inventory.refused[name] = f"folders are nested more than {MAX_DEPTH} deep"
            elif entry.name != ".git" and Path(entry.path) != own:
                yield from _entries(Path(entry.path), f"{name}/", depth + 1, inventory, own)
        else:
            yield name, entry


def take_stock(root: Path, own: Path | None = None) -> Inventory:
    """Find the evidence in a folder, but for the folder ``own`` that an audit itself writes.

    Raises:
        InputError: no such folder, or more files than an audit is made for.
    """
    if not root.is_dir():
        raise InputError("no such folder", where=root, next_step="repro audit DIR")
    root = root.resolve()
    inventory = Inventory(root)
    lists = {"dump": inventory.dumps, "log": inventory.logs, "script": inventory.scripts}
    lists["document"] = inventory.documents
    for count, (name, entry) in enumerate(_entries(root, "", 0, inventory, own.resolve() if own else None)):
        if count == MAX_FILES:
            raise InputError(f"more than {MAX_FILES} files", where=root, next_step="name the folder of the evidence")
        try:
            if not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                inventory.refused[name] = "not a regular file"
                continue
            kind = _kind(Path(entry.path))
            if kind == "dump" and entry.stat(follow_symlinks=False).st_size > MAX_DUMP:
                inventory.refused[name] = f"larger than the {MAX_DUMP >> 20} MiB that an audit reads of one dump"
                continue
        except OSError as error:
            inventory.refused[name] = f"cannot be read: {error.strerror}"
            continue
        if kind == "other":
            inventory.others += 1
        else:
            lists[kind].append(name)
    return inventory
