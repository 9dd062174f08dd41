"""Which files of a folder are evidence.

Names decide. Of a file with an unknown suffix only the first bytes are read, and no symbolic link is followed.
"""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from repro.audit.markup import READERS
from repro.errors import InputError
from repro.untrusted.source import shown

MAX_DEPTH = 32
ARRAY_SUFFIXES = {".npy", ".npz", ".bin", ".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".safetensors", ".h5", ".hdf5"}
DUMP_SUFFIXES = ARRAY_SUFFIXES | {".pdparams", ".pdopt", ".pdtensor"}
# Files of numbers among others: evidence only where two of them are sides of one thing, or a script compares them.
PRINTED = {".txt", ".log", ".out"}  # tables, or what a training prints
YAML = {".yaml", ".yml"}
TABLE_SUFFIXES = {".json", ".jsonl", ".csv", ".tsv", *YAML, *PRINTED}
TEXT_KINDS = {".txt": "logs", ".log": "logs", ".out": "logs", ".py": "scripts", ".ipynb": "scripts"}
TEXT_KINDS |= dict.fromkeys([".md", ".markdown", *READERS], "documents")
# Documents, tables, archives and dumps of formats that are not read.
UNREAD = frozenset(
    ".docx .doc .odt .rtf .pdf .xlsx .xls .ods .parquet .feather .arrow .mat .msgpack .onnx .tflite .rds .rdata .sqlite"
    " .zip .tar .gz .tgz .bz2 .xz .7z .zst .rar".split()
)
_EVENTS = ".tfevents."  # of TensorBoard, before the host's name
# Names of YAML files that hold results; others are settings.
_RESULTS = frozenset("result results metric metrics eval evaluation score scores summary".split())
# Settings and descriptions hold numbers too, but nothing that a run computed.
SETTINGS = frozenset(
    "config configs configuration settings args arguments package tokenizer vocab manifest lock".split()
)
SETTINGS |= frozenset("hparams hyperparameters requirements schema tsconfig index special".split())
# Folders of tools, which nobody calls evidence, and of other people's code, which is left aside by name.
TOOLS = frozenset(
    ".git .hg .svn __pycache__ .ipynb_checkpoints .tox .nox .mypy_cache .pytest_cache .ruff_cache".split()
)
VENDORED = frozenset(
    "node_modules site-packages dist-packages venv .venv third_party third-party thirdparty 3rdparty vendor vendored"
    " bower_components .eggs".split()
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_PICKLE = re.compile(rb"\x80[\x00-\x05]")
_ARCHIVES = frozenset(".zip .jar .whl .egg .docx .xlsx .pptx .odt .apk .keras".split())  # zips that hold no dump


@dataclass
class Inventory:
    """Files of a folder by kind, as sorted paths relative to it.

    Attributes:
        tables: files of numbers that may turn out to be dumps.
        unread: files of formats that are not read.
        refused: why a file is not read.
        left_aside: folders of other people's code, which are not walked.
    """

    root: Path
    dumps: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    left_aside: list[str] = field(default_factory=list)


def words(text: str) -> list[str]:
    """``pretrainedModel_diff`` as ``pretrained``, ``model``, ``diff``."""
    return [word.lower() for word in _WORD.findall(text)]


def _kinds(path: Path) -> list[str]:
    """The lists of the inventory that a file belongs to: by suffix, else by the first bytes."""
    suffix = path.suffix.lower()
    if suffix in UNREAD or _EVENTS in path.name:
        return ["unread"]
    if suffix in YAML:
        return [] if _RESULTS.isdisjoint(words(f"{path.parent.name} {path.stem}")) else ["tables"]
    kinds = [TEXT_KINDS[suffix]] if suffix in TEXT_KINDS else ["dumps"] if suffix in DUMP_SUFFIXES else []
    if not kinds and suffix not in _ARCHIVES and _begins_as_dump(path):
        kinds = ["dumps"]
    if suffix in TABLE_SUFFIXES and kinds != ["dumps"] and SETTINGS.isdisjoint(words(path.stem)):
        kinds.append("tables")
    return kinds


def _begins_as_dump(path: Path) -> bool:
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK | os.O_NOFOLLOW)) as file:
        head = file.read(6)
    return bool(_PICKLE.match(head)) or head.startswith((b"\x93NUMPY", b"PK\x03\x04", b"\x89HDF"))


def _is_vendored(entry: os.DirEntry[str]) -> bool:
    """Whether a folder holds other people's code, which has no evidence of this reproduction."""
    return entry.name in VENDORED or os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))


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
            elif _is_vendored(entry):
                inventory.left_aside.append(name)
            elif entry.name not in TOOLS and Path(entry.path) != exclude:
                yield from _entries(Path(entry.path), f"{name}/", depth + 1, inventory, exclude)
        else:
            yield name, entry


def discover(root: Path, exclude: Path | None = None) -> Inventory:
    """List the evidence in a folder, without the folder ``exclude`` that audits are written to.

    Raises:
        InputError: no such folder.
    """
    if not root.is_dir():
        what = "this is no folder" if root.exists() else "no such folder"
        raise InputError(what, where=root, next_step="repro audit DIR")
    root = root.resolve()
    inventory = Inventory(root)
    for name, entry in _entries(root, "", 0, inventory, exclude.resolve() if exclude else None):
        try:
            if not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                inventory.refused[name] = "not a regular file"
                continue
            for kind in _kinds(Path(entry.path)):
                getattr(inventory, kind).append(name)
        except OSError as error:
            inventory.refused[name] = f"cannot be read: {error.strerror}"
    return inventory
