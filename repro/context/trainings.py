"""What the comparison of step 11 starts from: the results of all trainings of a run."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product

from repro.config.paths import RunPaths, sha256_file
from repro.config.profile import Profile
from repro.context.dumps import NotRunError
from repro.errors import InputError
from repro.results import Evidence, TrainingResult

Key = tuple[str, str, int, int]  # backend, init, size, seed


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
        for backend, (init, size, seed) in product(self.profile.backends, self.profile.trainings()):
            key = (backend, init, size, seed)
            try:
                self.results[key] = read_training(self.run, key)
            except (OSError, InputError) as error:
                why = error.what if isinstance(error, InputError) else str(error)
                missing.append(f"{backend}/{init}-{size}-{seed} ({why})")
        if missing:
            total = len(missing) + len(self.results)
            text = f"{len(missing)} of {total} trainings are missing: {', '.join(missing[:3])}"
            raise NotRunError(text + (f" and {len(missing) - 3} more." if len(missing) > 3 else "."))

    @property
    def command(self) -> str:
        """The command that repeats the step."""
        return f"python -m repro all --out {self.run.root} --steps {self.step}"

    def f1(self, backend: str, init: str, size: int) -> dict[int, float]:
        """Seed -> F1 in percent."""
        return {key[3]: result.f1 for key, result in self.results.items() if key[:3] == (backend, init, size)}

    def evidence(self, keys: Iterable[Key]) -> tuple[Evidence, ...]:
        """The result files behind a number."""
        paths = [self.run.training(*key) / "result.json" for key in keys]
        return tuple(Evidence(file=str(path.relative_to(self.run.root)), sha256=sha256_file(path)) for path in paths)


def read_training(run: RunPaths, key: Key) -> TrainingResult:
    """The result of one training.

    Raises:
        InputError: it is missing, incomplete, of another training, or a file beside it has changed.
        OSError: a file beside it is missing.
    """
    folder = run.training(*key)
    result = TrainingResult.read(folder / "result.json", "result.json")
    if (result.backend, result.init, result.size, result.seed) != key:
        raise InputError(f"holds the result of {result.folder}")
    for name, expected in result.files.items():
        if sha256_file(folder / name) != expected:
            raise InputError(f"{name} is not the file that the training wrote")
    return result
