"""Files of published evidence: the format recognised by content, the content read without executing anything."""

import pickle
from functools import partial
from pathlib import Path
from typing import Any

from repro.untrusted.hdf5 import HDF5_MAGIC, read_hdf5
from repro.untrusted.npy import NPY_MAGIC, is_npz, read_npy, read_npz
from repro.untrusted.plain import plain
from repro.untrusted.safetensors_files import header_size, read_safetensors
from repro.untrusted.source import Refused, Source, read_file
from repro.untrusted.tables import read_json, read_log, read_log_or_table, read_table, read_yaml
from repro.untrusted.torch_files import LEGACY_MAGIC, PickledStorages, read_legacy, read_zip
from repro.untrusted.unpickle import unpickle
from repro.untrusted.zip_files import ZIP_MAGIC, read_directory

MAX_BYTES = 16 << 30  # how long an audit may take; memory is bounded by what is copied, not by the file
_TABLES = {".json": read_json, ".jsonl": read_json, ".csv": read_table, ".tsv": read_table, ".txt": read_log_or_table}
_TABLES |= {".yaml": read_yaml, ".yml": read_yaml, ".log": read_log, ".out": read_log}
_HEAD = 9


def _is_pickle(source: Source, start: bytes) -> bool:
    """Whether a file with the suffix of a table begins or ends as no text of numbers does."""
    source.seek(source.size - 1)
    last = source.read(1)
    source.seek(0)
    return start.startswith(pickle.PROTO) or last == pickle.STOP


def _read(source: Source, suffix: str) -> Any:
    if not source.size:
        raise Refused("empty file")
    start = source.read(_HEAD)
    if start.startswith(NPY_MAGIC):
        source.seek(len(NPY_MAGIC))
        return read_npy(source)
    source.seek(0)
    if start.startswith(ZIP_MAGIC):
        entries = read_directory(source)
        return read_npz(source, entries) if is_npz(entries) else read_zip(source, entries)
    if start.startswith(HDF5_MAGIC):
        return read_hdf5(source)
    if header_size(start):
        return read_safetensors(source)
    if suffix in _TABLES and not _is_pickle(source, start):
        return _TABLES[suffix](source)
    content = unpickle(source)
    if type(content) is int and content == LEGACY_MAGIC:
        return read_legacy(source)
    value = plain(content, source.size, PickledStorages())
    if source.left:
        raise Refused(f"{source.left} bytes follow the pickle")
    return value


def read_content(path: Path) -> Any:
    """Read one file: ``.npy``, ``.npz``, ``torch.save`` (new or old), ``paddle.save``, ``safetensors``, HDF5, pickles.

    The name does not matter, but for JSON and tables of numbers, which are known by their suffix.

    Returns:
        dict, list, tuple, str, bytes (many as a memoryview), int, float, bool, None, numpy scalars and read-only
        arrays, nested at most 32 deep. Large arrays stay in the file and are read where they are used. Torch's and
        paddle's tensors are arrays (bfloat16 as float32).

    Raises:
        InputError: the file is missing, too large, no regular file, of another format, damaged, asks for code, or
            describes more than it holds. ``what`` says so in one line; nothing else is raised.
    """
    return read_file(path, partial(_read, suffix=path.suffix.lower()), max_bytes=MAX_BYTES)
