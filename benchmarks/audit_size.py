"""Time and memory of audits of much evidence: ``python -m benchmarks.audit_size [FOLDER ...]``.

Two folders are written and removed: 1 GiB of dumps in three containers, and 50,000 files around one pair of dumps.
Further folders are audited as they are.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from repro.dumps import write_dump
from repro.markdown import table

PAIRS = 8
SIDE = 64 << 20  # bytes of a dump: two sides of eight pairs make 1 GiB
FILES = 50_000


def _pairs(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(PAIRS):
        values = rng.normal(size=(2048, SIDE // 8192)).astype(np.float32)
        for side in ("torch", "paddle"):
            path = folder / f"{number}_layer" / f"out_{side}"
            path.parent.mkdir(exist_ok=True)
            match number % 3:
                case 0:
                    write_dump(path.with_suffix(".npy"), {"output": values})
                case 1:
                    np.save(path, values)
                case 2:
                    np.savez(path, output=values)
            values += rng.normal(0, 1e-7, values.shape).astype(np.float32)


def _files(folder: Path) -> None:
    """A checkout as people publish it: sources, images, tables and logs by the thousand."""
    values = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    for side, more in (("torch", 0), ("paddle", 1e-7)):
        write_dump(folder / f"forward_{side}.npy", {"output": values + np.float32(more)})
    contents = {
        "py": b"import os\n",
        "jpg": b"\xff\xd8\xff",
        "json": b"{}",
        "txt": b"step 1 loss 2.5\n",
        "md": b"# A\n",
    }
    for number in range(FILES):
        suffix = list(contents)[number % len(contents)]
        path = folder / f"part{number // 500}" / f"file{number}.{suffix}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(contents[suffix])


def measure(folder: Path, out: Path) -> tuple[float, int, int]:
    """Seconds, peak memory in MiB and exit code of ``repro audit FOLDER`` in a process of its own."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "repro", "audit", str(folder), "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return time.perf_counter() - begin, usage.ru_maxrss >> 10, process.returncode


def _folders(work: Path, named: list[str]) -> Iterator[tuple[str, Path]]:
    yield from ((Path(name).name, Path(name)) for name in named)
    for title, write in (("1 GiB of dumps", _pairs), (f"{FILES} files", _files)):
        with tempfile.TemporaryDirectory(dir=work) as folder:
            # in a process of its own: a child's peak memory includes what its parent held when it was started
            writer = multiprocessing.get_context("spawn").Process(target=write, args=(Path(folder),))
            writer.start()
            writer.join()
            yield title, Path(folder)


def main(named: list[str]) -> int:
    """Print one row for each folder."""
    rows = []
    with tempfile.TemporaryDirectory() as work:
        for title, folder in _folders(Path(work), named):
            seconds, memory, code = measure(folder, Path(work) / "out")
            rows.append([title, f"{seconds:.1f}", memory, code])
    print("\n".join(table(["folder", "seconds", "peak memory, MiB", "exit code"], rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
