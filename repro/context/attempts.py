"""Every start of a training and how it ended: a rerun replaces a result, but not the memory of it.

One file a training, apart from its folder, which may be deleted. Lines are appended: the start of an attempt, then how
it ended. A process that is killed leaves the first one alone.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from repro.config.paths import RunPaths
from repro.config.profile import Profile
from repro.context.deviations import compared
from repro.errors import InputError
from repro.results import Attempt, TrainingAttempts, TrainingResult

LOSSES = "losses.npy"


@contextlib.contextmanager
def attempt(path: Path) -> Iterator[Callable[[TrainingResult], None]]:
    """Note that a training starts and, at the end of the block, how it ended; call the value with its result."""
    begun = Attempt(time=time.time(), outcome="interrupted")  # as long as no second line says otherwise
    results: list[TrainingResult] = []
    _append(path, begun)
    try:
        yield results.append
    except Exception as error:
        text = str(error) or type(error).__name__
        _append(path, begun.replace(outcome="failed", reason=text.splitlines()[0]))
        raise
    for result in results:
        _append(path, begun.replace(outcome="finished", f1=result.f1, losses=result.files[LOSSES]))


def _append(path: Path, entry: Attempt) -> None:
    """Add a line in a single short write; a line that was cut off stays apart from it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        file.write(b"\n" + entry.model_dump_json().encode())


def _read(path: Path) -> tuple[Attempt, ...]:
    """Attempts by the time of their start; of two lines about one, the later says how it ended."""
    attempts: dict[float, Attempt] = {}
    for line in filter(None, path.read_bytes().splitlines()):
        try:
            entry = Attempt.parse(line, path.name)
        except InputError as error:
            entry = Attempt(time=max(attempts, default=0.0) + 1e-3, outcome="unreadable", reason=error.what)
        attempts[entry.time] = entry
    return tuple(attempts.values())


def read_attempts(run: RunPaths, profile: Profile) -> tuple[TrainingAttempts, ...]:
    """Of every training that was ever started in this run directory, asked for or not."""
    names = [key.name for key in profile.trainings() if 11 in profile.steps] + [key.name for key in compared(profile)]
    asked = {f"{backend}/{name}" for backend in profile.backends for name in names}
    files = sorted((run.root / "attempts").glob("*/*.jsonl"))
    started = {f"{path.parent.name}/{path.stem}": path for path in files}
    return tuple(
        TrainingAttempts(training=name, asked=name in asked, attempts=_read(path)) for name, path in started.items()
    )
