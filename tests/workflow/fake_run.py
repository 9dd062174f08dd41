"""A whole run of fake stages, to be killed from outside: ``main(["DIR", "section.field=value", …])``.

``FAKE_WORKERS`` is the number of jobs at a time; with ``FAKE_UNTIL`` that stage is the last, and trainings are left to
an array of jobs. With ``FAKE_EXEC`` all processes start as those of a real run do: see ``fork``.
"""

import os
import subprocess
import sys
from pathlib import Path

from repro.cli.parser import UNTIL
from repro.config.paths import RunPaths
from repro.config.profile_file import load_profile
from repro.errors import Interrupted, ReproError
from repro.workflow import tasks
from repro.workflow.gpus import choose_gpus
from repro.workflow.jobs import PRIORITY
from repro.workflow.launch import launch
from tests.workflow.fork import Fork

TINY = {"steps": [1, 2, 3, 11], "training.seeds": [42, 43], "training.sizes": [16], "training.baseline.sizes": []}


def main(arguments: list[str]) -> int:
    """Exit code as ``repro all`` has it."""
    vars(tasks)["fingerprint"] = lambda *_: "code"  # an edit between two runs of a test must make no difference
    if "FAKE_EXEC" not in os.environ:
        vars(subprocess)["Popen"] = Fork
    root = Path(arguments[0]).resolve()
    weights = root.parent / "weights"
    weights.mkdir(parents=True, exist_ok=True)
    for name in ("model.safetensors", "config.json", "vocab.txt"):
        (weights / name).write_text("{}")
    overrides = TINY | {"weights.path": weights} | dict(item.split("=", 1) for item in arguments[1:])
    until = os.environ.get("FAKE_UNTIL")
    try:
        profile = load_profile("mini", overrides)
        plan = launch(
            RunPaths(root),
            profile,
            gpus=choose_gpus(profile.devices)[0],
            workers=int(os.environ.get("FAKE_WORKERS", "2")),
            stages=UNTIL[: UNTIL.index(until) + 1] if until else tuple(PRIORITY),
            array=until is not None,
            program=(sys.executable, "-m", "tests.workflow.fake_stage"),
        )
    except Interrupted as interruption:
        return interruption.code
    except ReproError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"jobs: {len(plan.jobs)}")
    return 0
