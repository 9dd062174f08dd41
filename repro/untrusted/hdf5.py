"""HDF5 files, read by the HDF5 library in a process of its own for each.

The library is large and written in C: a damaged file may crash it or keep it busy. The process has little memory and
time, and what it returns is an ``.npz`` that is read like any other foreign file. Loading the library takes longer than
reading a file with it, so these processes are forked from one that has loaded it and never opens a file itself.
"""

import atexit
import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache
from typing import Any, BinaryIO

import numpy as np

from repro.untrusted.npy import read_npz
from repro.untrusted.source import MAX_UNPACKED, Refused, Source, shown
from repro.untrusted.zip_files import read_directory

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
SECONDS = 120
MEMORY = 2 << 30
MAX_NAMES = 10_000
_CODE = 4  # bytes of an exit code on the line
BLOCK = 1 << 24  # bytes of a dataset that are in memory at a time


def read_hdf5(source: Source) -> dict[str, Any]:
    """Datasets of numbers by path, its parts joined with ``.``.

    Raises:
        Refused: the library cannot read the file, or the file points outside of itself.
    """
    with tempfile.TemporaryFile(buffering=0) as raw, tempfile.TemporaryFile() as errors:
        code = _convert(source.fileno(), raw.fileno(), errors.fileno())
        if code == -signal.SIGALRM:
            raise Refused(f"the HDF5 library does not end within {SECONDS} seconds")
        if code:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines()
            why = lines[-1] if lines else f"it ends with code {code}"
            raise Refused(f"the HDF5 library cannot read it: {shown(why)}")
        with Source(raw) as written:
            written.size = raw.seek(0, 2)
            return read_npz(written, read_directory(written))


def _convert(*files: int) -> int:
    """Exit code of a process that gets the open files ``source``, ``target`` and ``errors``; negative for a signal."""
    server = _server(os.getpid())
    try:
        socket.send_fds(server, [b"."], files)
        answer = server.recv(_CODE)
    except OSError:
        answer = b""
    if not answer:  # the next file gets another one
        _server.cache_clear()
        raise Refused("the process that loads the HDF5 library has ended")
    return int.from_bytes(answer, sys.byteorder, signed=True)


@cache
def _server(_: int) -> socket.socket:
    """The line to this process's server, which ends when it is closed."""
    here, there = socket.socketpair()
    with there:
        command = [sys.executable, "-m", "repro.untrusted.hdf5", str(there.fileno())]
        process = subprocess.Popen(command, pass_fds=[there.fileno()], stderr=subprocess.DEVNULL)
    for end in (process.wait, process.terminate, here.close):  # the last one comes first
        atexit.register(end)
    return here


def serve(line: socket.socket) -> None:
    """Fork a process for each message, and answer with its exit code."""
    with contextlib.suppress(ImportError):  # the process for a file will say so
        import h5py  # noqa: F401
    while True:
        message, files, *_ = socket.recv_fds(line, 1, 3)
        if not message:
            return
        if (child := os.fork()) == 0:
            line.close()
            os._exit(_limited(*files))
        for file in files:
            os.close(file)
        _, status = os.waitpid(child, 0)
        line.sendall(os.waitstatus_to_exitcode(status).to_bytes(_CODE, sys.byteorder, signed=True))


def _limited(source: int, target: int, errors: int) -> int:
    """``main`` with little time and memory; what went wrong is written to ``errors``."""
    signal.alarm(SECONDS)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_UNPACKED, MAX_UNPACKED))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        main(source, target)
    except BaseException as error:
        os.write(errors, f"{type(error).__name__}: {error}".encode())
        return 1
    return 0


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
    import h5py

    with h5py.File(open(source, "rb"), "r") as file, open(target, "wb") as raw, zipfile.ZipFile(raw, "w") as archive:
        for count, (name, dataset) in enumerate(_datasets(file, set())):
            if count == MAX_NAMES:
                raise SystemExit(f"more than {MAX_NAMES} datasets")
            if dataset.nbytes > MAX_UNPACKED:
                raise SystemExit(f"{name} unfolds to {dataset.nbytes} bytes")
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                _copy(dataset, member)  # type: ignore[arg-type]


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
