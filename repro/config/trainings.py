"""The name of a training, as tasks and folders have it."""

from typing import NamedTuple


class TrainingKey(NamedTuple):
    """Which training of one framework.

    Attributes:
        init: ``pretrained``, ``random`` or ``perturbed``.
        seed: of the training file.
        repeat: 0, or which repeat on the same file, with another order of rows and other dropout masks.
    """

    init: str
    size: int
    seed: int
    repeat: int = 0

    @property
    def name(self) -> str:
        """``pretrained-16-42``, and ``pretrained-16-42-r1`` for the first repeat of it."""
        return f"{self.init}-{self.size}-{self.seed}" + (f"-r{self.repeat}" if self.repeat else "")
