"""Stands in for ``python -m repro BOX``: writes what the plan says that the pieces of the box write.

Every piece is traced in ``RUN/trace.txt`` when it begins (process, time, GPU) and ends (time).
``FAKE_SECONDS`` is how long one takes, ``FAKE_FAIL`` the name of a piece that fails with exit code 2, ``FAKE_HALF`` one
that ends well but writes nothing.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from repro.paths import RunPaths, atomic_text, read_json
from repro.workflow.receipts import plan_path, working


def trace(run: RunPaths, text: str) -> None:
    """One line, whole, whoever else writes."""
    with (run.root / "trace.txt").open("a") as file:
        file.write(f"{text}\n")


def main(arguments: list[str]) -> int:
    """Find the job of these arguments in the plan and do its pieces."""
    box, run = arguments[0], RunPaths(Path(arguments[arguments.index("--run") + 1]))
    plan = read_json(plan_path(run))
    rest = arguments[3:]
    job = next(job for job in plan["jobs"].values() if job["command"] == [box, *rest])
    for piece in job["pieces"]:
        with working(run, piece):
            trace(run, f"begin {piece} {os.getpid()} {time.time()} {os.environ.get('CUDA_VISIBLE_DEVICES', '')}")
            time.sleep(float(os.environ.get("FAKE_SECONDS", "0.02")))
            if piece == os.environ.get("FAKE_FAIL"):
                print("some context\nrepro: the fake input is bad", file=sys.stderr)
                raise SystemExit(2)
            for pattern in plan["pieces"][piece]["outputs"]:
                if piece != os.environ.get("FAKE_HALF"):
                    atomic_text(run.root / pattern.replace("*", "file"), f"{piece}\n")
            trace(run, f"end {piece} {time.time()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
