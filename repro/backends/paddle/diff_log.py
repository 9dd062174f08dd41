"""``reprod_log``'s own comparison of two dumps, in the wording of the published logs.

``reprod_log`` imports Paddle, so it lives here. Its verdict stands beside ours, not in its place: it tests the mean
alone, passes NaN, and transposes or broadcasts arrays of different shapes.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from reprod_log import ReprodDiffHelper

from repro.dumps import read_dump
from repro.paths import atomic_bytes


@contextlib.contextmanager
def _own_root_logger() -> Iterator[None]:
    """``reprod_log`` hangs two new handlers on the root logger at every call; take them off again."""
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


def _refusals(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> dict[str, str]:
    """Keys on which ``reprod_log`` stops with an exception, and why."""
    found = {key: "only in the first dump" for key in a if key not in b}
    found |= {key: "only in the second dump" for key in b if key not in a}
    for key in a:
        if key in found:
            continue
        try:
            ReprodDiffHelper().compare_info({key: a[key]}, {key: b[key]})
        except Exception as error:  # whatever numpy raises for these two arrays is the answer
            found[key] = f"{type(error).__name__}: {error}"
    return found


def write_log(path_a: Path, path_b: Path, log_path: Path, threshold: float = 1e-6) -> dict[str, Any]:
    """Compare two of our own dumps with ``ReprodDiffHelper`` and write its log.

    Args:
        path_a, path_b: dumps as ``repro.dumps.write_dump`` writes them.
        log_path: where the log goes, atomically.
        threshold: the mean absolute difference above which ``reprod_log`` fails a key.

    Returns:
        ``passed``: its verdict; False as well where it could not compare every key (left alone it would stop there).
        ``mean``: key -> mean absolute difference, None where that is not finite.
        ``not_compared``: key -> reason. ``reshaped``: keys that it transposed or broadcast.

    Raises:
        InputError: a dump is missing or unreadable.
    """
    a, b = read_dump(path_a), read_dump(path_b)
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"), _own_root_logger():
        refused = _refusals(a, b)
        keys = [key for key in a if key not in refused]
        helper = ReprodDiffHelper()
        helper.compare_info({key: a[key] for key in keys}, {key: b[key] for key in keys})
        with tempfile.TemporaryDirectory() as folder:
            aside = Path(folder) / "diff.txt"
            helper.report(diff_method="mean", diff_threshold=threshold, path=str(aside))
            for handler in logging.getLogger().handlers:
                handler.flush()
            log = aside.read_bytes()
    atomic_bytes(log_path, log)
    means = {key: float(helper.diff_dict[key]["mean"]) for key in keys}
    return {
        "passed": log.rstrip().endswith(b"diff check passed") and not refused,
        "mean": {key: value if np.isfinite(value) else None for key, value in means.items()},
        "not_compared": refused,
        "reshaped": [key for key in keys if a[key].shape != b[key].shape],
    }
