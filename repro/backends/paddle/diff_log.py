"""The comparison that ``reprod_log`` makes of two dumps, in the wording of the published logs.

``reprod_log`` imports Paddle, so it lives here. Its verdict stands beside ours and does not replace it: it tests the
mean alone, passes NaN, and transposes or broadcasts arrays of different shapes.
"""

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from reprod_log import ReprodDiffHelper

from repro.config.paths import atomic_bytes
from repro.dumps import read_dump
from repro.numerics.arrays import Arrays


@contextlib.contextmanager
def _restored_root_logger() -> Iterator[None]:
    """``reprod_log`` adds two handlers to the root logger at every call; remove them afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    try:
        yield
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers = handlers
        root.setLevel(level)


def _is_comparable(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether ``reprod_log`` gets to an answer; on any other pair it stops with an exception of numpy."""
    try:
        ReprodDiffHelper().compare_info({"": a}, {"": b})
    except Exception:
        return False
    return True


def _log_of(a: Arrays, b: Arrays, threshold: float) -> bytes:
    """What ``ReprodDiffHelper`` logs about arrays with the same keys."""
    helper = ReprodDiffHelper()
    helper.compare_info(a, b)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "diff.txt"
        helper.report(diff_method="mean", diff_threshold=threshold, path=str(path))
        for handler in logging.getLogger().handlers:
            handler.flush()
        return path.read_bytes()


def write_log(path_a: Path, path_b: Path, log_path: Path, threshold: float = 1e-6) -> None:
    """Compare two dumps with ``ReprodDiffHelper`` and write its log atomically.

    The log leaves out keys that only one dump has and arrays that cannot be subtracted, on which it would stop.

    Args:
        path_a, path_b: dumps as ``repro.dumps.write_dump`` writes them.
        threshold: the mean absolute difference above which ``reprod_log`` fails a key.

    Raises:
        InputError: a dump is missing or unreadable.
    """
    a, b = read_dump(path_a), read_dump(path_b)
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"), _restored_root_logger():
        keys = [key for key in a if key in b and _is_comparable(a[key], b[key])]
        log = _log_of({key: a[key] for key in keys}, {key: b[key] for key in keys}, threshold)
    atomic_bytes(log_path, log)
