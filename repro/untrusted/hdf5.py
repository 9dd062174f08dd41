"""HDF5 files, read by the HDF5 library in a process of its own.

The library is large and written in C: a damaged file may crash it or keep it busy. The process has little memory and
time, and what it returns is an ``.npz`` that is read like any other foreign file.
"""

import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from repro.untrusted.npy import read_npz
from repro.untrusted.source import MAX_UNPACKED, Refused, Source, shown
from repro.untrusted.zip_files import read_directory

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
SECONDS = 120
MEMORY = 2 << 30
MAX_NAMES = 10_000
BLOCK = 1 << 24  # bytes of a dataset that are in memory at a time


def read_hdf5(source: Source) -> dict[str, Any]:
    """Datasets of numbers by path, its parts joined with ``.``.

    Raises:
        Refused: the library cannot read the file, or the file points outside of itself.
    """
    with tempfile.TemporaryFile(buffering=0) as raw:
        command = [sys.executable, "-m", "repro.untrusted.hdf5", str(source.fileno()), str(raw.fileno())]
        try:
            ended = subprocess.run(
                command,
                pass_fds=(source.fileno(), raw.fileno()),
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Refused(f"the HDF5 library does not end within {SECONDS} seconds") from None
        if ended.returncode:
            why = ended.stderr.strip().splitlines()[-1:] or [f"it ends with code {ended.returncode}"]
            raise Refused(f"the HDF5 library cannot read it: {shown(why[0])}")
        with Source(raw) as written:
            written.size = raw.seek(0, 2)
            return read_npz(written, read_directory(written))


def _datasets(group: Any, seen: set[int], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(name, dataset) of everything that the file itself holds, each once.

    Links are left out, because they may lead out of the file; groups may contain themselves.
    """
    import h5py

    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            continue
        item = group.get(name)
        place = h5py.h5o.get_info(item.id).addr
        path = f"{prefix}.{name}" if prefix else str(name)
        if place in seen:
            continue
        seen.add(place)
        if isinstance(item, h5py.Group):
            yield from _datasets(item, seen, path)
        elif isinstance(item, h5py.Dataset) and item.dtype.kind in "biuf" and not item.dtype.subdtype:
            if item.is_virtual or item.external:
                raise SystemExit(f"{path} keeps its data in another file")
            yield path, item


def _copy(dataset: Any, file: BinaryIO) -> None:
    """Write a dataset as ``.npy``, some rows at a time."""
    dtype = dataset.dtype.newbyteorder("<")
    header = {"descr": dtype.str, "fortran_order": False, "shape": dataset.shape}
    np.lib.format.write_array_header_1_0(file, header)  # type: ignore[no-untyped-call]
    if not dataset.shape:
        file.write(np.asarray(dataset[()], dtype).tobytes())
        return
    rows = max(1, BLOCK // max(1, dataset.nbytes // max(1, len(dataset))))
    for first in range(0, len(dataset), rows):
        file.write(np.ascontiguousarray(dataset[first : first + rows], dtype).tobytes())


def main(source: int, target: int) -> None:
    """Copy the datasets of one open file into another, as an ``.npz`` without compression."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_UNPACKED, MAX_UNPACKED))
    import h5py

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with h5py.File(open(source, "rb"), "r") as file, open(target, "wb") as raw, zipfile.ZipFile(raw, "w") as archive:
        for count, (name, dataset) in enumerate(_datasets(file, set())):
            if count == MAX_NAMES:
                raise SystemExit(f"more than {MAX_NAMES} datasets")
            if dataset.nbytes > MAX_UNPACKED:
                raise SystemExit(f"{name} unfolds to {dataset.nbytes} bytes")
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                _copy(dataset, member)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
