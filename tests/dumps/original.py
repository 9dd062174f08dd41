"""The real ``reprod_log``, asked about pairs of dumps in a process of its own, because it imports Paddle."""

import contextlib
import io
import logging
import pickle
import struct
import subprocess
import sys
import tempfile
import zlib  # noqa: F401  before Paddle, whose libraries bring another zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

Answer = dict[str, Any]  # stopped: exception or empty; why: its text; lines: printed until then


def log_of(a: Any, b: Any, threshold: float, method: Any, aside: Path) -> Answer:
    """What the original prints, and the exception that stopped it."""
    from reprod_log import ReprodDiffHelper

    logging.getLogger().handlers = []
    aside.unlink(missing_ok=True)
    helper, stopped, why = ReprodDiffHelper(), "", ""
    try:
        helper.compare_info(a, b)
        helper.report(diff_method=method, diff_threshold=threshold, path=str(aside))
    except Exception as error:
        stopped, why = type(error).__name__, str(error)
    for handler in logging.getLogger().handlers:
        handler.close()
    text = aside.read_text() if aside.exists() else ""
    return {"stopped": stopped, "why": why, "lines": [line.split(": ", 1)[1] for line in text.splitlines()]}


def _send(stream: BinaryIO, value: Any) -> None:
    data = pickle.dumps(value)
    stream.write(struct.pack("<I", len(data)) + data)
    stream.flush()


def _receive(stream: BinaryIO) -> Any:
    """The next value that the test or its child wrote itself, or None at the end."""
    head = stream.read(4)
    return pickle.loads(stream.read(*struct.unpack("<I", head))) if head else None


class Original:
    """The process, until the test is over."""

    def __init__(self) -> None:
        root = Path(__file__).resolve().parents[2]
        command = [sys.executable, "-m", "tests.dumps.original"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root)
        assert self.process.stdin and self.process.stdout
        self.asks, self.answers = self.process.stdin, self.process.stdout

    def __call__(self, a: Any, b: Any, threshold: float = 1e-6, method: Any = "mean") -> Answer:
        _send(self.asks, (a, b, threshold, method))  # type: ignore[arg-type]
        answer: Answer = _receive(self.answers)  # type: ignore[arg-type]
        return answer

    def close(self) -> None:
        self.asks.close()
        self.process.wait()
        self.answers.close()


def main() -> None:
    """Answer until there are no more questions."""
    answers = sys.stdout.buffer
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        while (case := _receive(sys.stdin.buffer)) is not None:
            with contextlib.redirect_stdout(io.StringIO()):
                a, b, threshold, method = case
                answer = log_of(a, b, threshold, method, Path(folder) / "aside.txt")
            _send(answers, answer)


if __name__ == "__main__":
    main()
