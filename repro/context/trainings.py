"""What the comparison of step 11 starts from: the results of all trainings of a run."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from repro.config.paths import RunPaths, sha256_file
from repro.config.profile import BACKENDS, Profile
from repro.config.trainings import TrainingKey
from repro.context.dumps import NotRunError
from repro.errors import InputError
from repro.results import Evidence, TrainingResult

Key = tuple[str, TrainingKey]  # framework, which of its trainings
Scores = dict[int, list[float]]  # seed of a training file -> F1 of each training on it, in percent


@dataclass
class TrainingContext:
    """Profile and finished trainings of a run.

    Attributes:
        results: result of every training of the profile, its files checked.
    """

    run: RunPaths
    profile: Profile
    step: int
    results: dict[Key, TrainingResult] = field(default_factory=dict)

    def open(self) -> None:
        """Read every result.

        Raises:
            NotRunError: a training is missing, or its files are not those that it wrote.
        """
        missing = []
        for key in product(self.profile.backends, self.profile.trainings()):
            try:
                self.results[key] = read_training(self.run.training(key[0], *key[1]), *key)
            except (OSError, InputError) as error:
                why = error.what if isinstance(error, InputError) else str(error)
                missing.append(f"{key[0]}/{key[1].name} ({why})")
        if missing:
            total = len(missing) + len(self.results)
            text = f"{len(missing)} of {total} trainings are missing: {', '.join(missing[:3])}"
            raise NotRunError(text + (f" and {len(missing) - 3} more." if len(missing) > 3 else "."))

    @property
    def command(self) -> str:
        """The command that repeats the step, ``$RUN`` for the run directory, which may move."""
        return f"python -m repro all --out $RUN --steps {self.step}"

    def scores(self, backend: str, init: str, size: int) -> Scores:
        """F1 of every training of these, by training file."""
        scores: Scores = defaultdict(list)
        for (side, key), result in self.results.items():
            if (side, key.init, key.size) == (backend, init, size):
                scores[key.seed].append(result.f1)
        return dict(scores)

    def f1(self, backend: str, init: str, size: int) -> dict[int, float]:
        """Seed of each training file -> F1 in percent, the mean over its repeats."""
        return {seed: math.fsum(runs) / len(runs) for seed, runs in self.scores(backend, init, size).items()}

    def pairs(self) -> list[tuple[TrainingKey, TrainingResult, TrainingResult]]:
        """Every training that both frameworks did: its name, PyTorch's result, Paddle's."""
        keys = self.profile.trainings() if {*BACKENDS} <= {*self.profile.backends} else []
        return [(key, self.results["pytorch", key], self.results["paddle", key]) for key in keys]

    def evidence(self, keys: Iterable[Key]) -> tuple[Evidence, ...]:
        """The result files behind a number."""
        paths = [self.run.training(side, *key) / "result.json" for side, key in keys]
        return tuple(Evidence(file=str(path.relative_to(self.run.root)), sha256=sha256_file(path)) for path in paths)


def read_training(folder: Path, backend: str, key: TrainingKey) -> TrainingResult:
    """The result of the training in a folder, which has to be this one.

    Raises:
        InputError: it is missing, incomplete, of another training, or a file beside it has changed.
        OSError: a file beside it is missing.
    """
    result = TrainingResult.read(folder / "result.json", "result.json")
    if (result.backend, result.name) != (backend, key.name):
        raise InputError(f"holds the result of {result.folder}")
    for name, expected in result.files.items():
        if sha256_file(folder / name) != expected:
            raise InputError(f"{name} is not the file that the training wrote")
    return result
