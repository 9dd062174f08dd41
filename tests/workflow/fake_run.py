"""``python fake_run.py DIR [section.field=value …]``: a whole run of fake boxes, to be killed from outside.

``FAKE_WORKERS`` is the number of jobs at a time, ``FAKE_UNTIL`` the last box.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from repro.errors import ReproError
from repro.paths import RunPaths
from repro.profile import load_profile
from repro.workflow import pieces
from repro.workflow.launch import Interrupted, launch

FAKE_BOX = Path(__file__).with_name("fake_box.py")
TINY = {"steps": [1, 2, 3, 11], "training.seeds": [42, 43], "training.sizes": [16], "training.baseline.sizes": []}


def main(arguments: list[str]) -> int:
    """Exit code as ``repro all`` has it."""
    pieces.fingerprint = lambda *_: "sources"  # an edit between two runs of a test must make no difference
    root = Path(arguments[0]).resolve()
    weights = root.parent / "weights"
    weights.mkdir(parents=True, exist_ok=True)
    for name in ("model.safetensors", "config.json", "vocab.txt"):
        (weights / name).write_text("{}")
    overrides = TINY | {"weights.path": weights} | dict(item.split("=", 1) for item in arguments[1:])
    try:
        plan = launch(
            RunPaths(root),
            load_profile("mini", overrides),
            workers=int(os.environ.get("FAKE_WORKERS", "2")),
            until=os.environ.get("FAKE_UNTIL"),
            program=(sys.executable, str(FAKE_BOX)),
        )
    except Interrupted as signal_:
        return signal_.code
    except ReproError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"jobs: {len(plan.jobs)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
