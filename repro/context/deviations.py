"""Which trainings show what the deviations are worth, and where each of them lies."""

from pathlib import Path
from typing import NamedTuple

from repro.config.paths import RunPaths
from repro.config.profile import Profile
from repro.config.protocol import Rules, rules
from repro.config.trainings import TrainingKey


class DeviationKey(NamedTuple):
    """Which training of one framework: its variant, number of examples, seed of the training file."""

    variant: str
    size: int
    seed: int

    @property
    def name(self) -> str:
        """``weight-decay-16-42``."""
        return f"{self.variant}-{self.size}-{self.seed}"

    def trained(self, profile: Profile) -> tuple[TrainingKey, Rules]:
        """What is trained, and by which rules."""
        variant = profile.deviations.variants()[self.variant]
        return TrainingKey(variant.init, self.size, self.seed), variant.rules


def compared(profile: Profile) -> list[DeviationKey]:
    """Every training of one framework whose result is needed."""
    return [DeviationKey(name, *file) for name in profile.deviations.variants() for file in profile.deviation_files()]


def in_step_11(profile: Profile, backend: str, key: DeviationKey) -> bool:
    """Whether step 11 of the run does this very training: the same start weights, file and rules."""
    training, followed = key.trained(profile)
    return 11 in profile.steps and training in profile.trainings() and followed == rules(profile.protocol, backend)


def folder_of(run: RunPaths, profile: Profile, backend: str, key: DeviationKey) -> Path:
    """Folder of a training."""
    if in_step_11(profile, backend, key):
        return run.training(backend, *key.trained(profile)[0])
    return run.deviation(backend, key.name)
