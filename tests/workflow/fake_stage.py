"""Stands in for ``python -m repro stage``: writes what the plan says that the tasks of the stage write.

Every task is traced in ``RUN/trace.txt`` when it begins (process, GPU) and ends. Environment:

``FAKE_EVENTS``       named pipe to which the trace goes as well, always needed
``FAKE_GATE``         named pipe that is opened for reading where a task is held; it stays there until somebody writes
``FAKE_HOLD``         tasks are held whose name begins so
``FAKE_HOLD_AFTER``   tasks are held once so many have ended in this run
``FAKE_FAIL``         this task fails with exit code 2
``FAKE_HALF``         this task ends well but writes nothing
``FAKE_FUTURE``       files are dated a day from now
``FAKE_SKEW``         the clock was set back: stamps of all that is finished are dated a day from now
"""

import os
import sys
import time
from pathlib import Path

from repro.config.paths import RunPaths, atomic_text
from repro.results.stamp import stamp_path
from repro.workflow.completion import working
from repro.workflow.plan import Task, read_plan

DAY = 86400


def trace(run: RunPaths, text: str) -> None:
    """One line, whole, whoever else writes."""
    for path in (run.root / "trace.txt", os.environ["FAKE_EVENTS"]):
        with open(path, "a") as file:
            file.write(f"{text}\n")


def is_held(run: RunPaths, name: str) -> bool:
    """Whether this task waits at the gate."""
    path = run.root / "trace.txt"
    ended = path.read_text().count("end ") if path.exists() else 0
    prefix, after = os.environ.get("FAKE_HOLD"), os.environ.get("FAKE_HOLD_AFTER")
    return bool(prefix and name.startswith(prefix)) or bool(after and ended >= int(after))


def do(run: RunPaths, task: Task) -> None:
    """One task; no other one of this user may have the same GPU meanwhile."""
    gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    busy = Path(os.environ.get("TMPDIR", "/tmp"), f"busy-{gpu}")
    trace(run, f"begin {task.name} {os.getpid()} {gpu}")
    if gpu:
        os.close(os.open(busy, os.O_CREAT | os.O_EXCL))
    if is_held(run, task.name):
        trace(run, f"hold {task.name} {os.getpid()} {gpu}")
        Path(os.environ["FAKE_GATE"]).open("rb").close()
    if task.name == os.environ.get("FAKE_FAIL"):
        print("some context\nrepro: the fake input is bad", file=sys.stderr)
        raise SystemExit(2)
    if task.name != os.environ.get("FAKE_HALF"):
        for pattern in task.outputs:
            path = run.root / pattern.replace("*", "file")
            atomic_text(path, f"{task.name}\n")
            if "FAKE_FUTURE" in os.environ:
                os.utime(path, (time.time() + DAY,) * 2)
    if "FAKE_SKEW" in os.environ:
        for stamp in stamp_path(run, task.name).parent.glob("*.json"):
            os.utime(stamp, (time.time() + DAY,) * 2)
    if gpu:
        busy.unlink()
    trace(run, f"end {task.name}")


def main(arguments: list[str]) -> int:
    """Find the job of these arguments in the plan and do its tasks."""
    run = RunPaths(Path(arguments[arguments.index("--run") + 1]))
    plan = read_plan(run)
    assert plan is not None
    job = next(job for job in plan.jobs.values() if job.command((), run) == arguments)
    for name in job.tasks:
        with working(run, name):
            do(run, plan.tasks[name])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
