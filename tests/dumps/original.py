"""The real ``reprod_log`` on pairs of arrays, in a separate process, because it imports Paddle."""

import contextlib
import io
import logging
import pickle
import zlib  # noqa: F401  before Paddle, whose libraries bring another zlib
from pathlib import Path

import numpy as np
from reprod_log import ReprodDiffHelper


def log_of(a: dict[str, np.ndarray], b: dict[str, np.ndarray], threshold: float, aside: Path) -> dict[str, object]:
    """Messages, or the exception that stopped it."""
    logging.getLogger().handlers = []
    helper = ReprodDiffHelper()
    try:
        helper.compare_info(a, b)
        helper.report(diff_threshold=threshold, path=str(aside))
    except Exception as error:
        return {"stopped": type(error).__name__, "why": str(error), "lines": []}
    for handler in logging.getLogger().handlers:
        handler.close()
    return {"stopped": "", "lines": [line.split(": ", 1)[1] for line in aside.read_text().splitlines()]}


def logs_of(folder: Path) -> list[dict[str, object]]:
    """Answers to the cases in ``cases.pkl``, which the test itself wrote."""
    cases = pickle.loads((folder / "cases.pkl").read_bytes())
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        return [log_of(a, b, threshold, folder / "aside.txt") for a, b, threshold in cases]
