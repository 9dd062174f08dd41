"""What a training writes last, ``training/{backend}/{name}/result.json``, and how each start of it ended."""

from typing import Annotated, Literal

from pydantic import Field

from repro.config.profile import BackendName
from repro.config.trainings import TrainingKey
from repro.results.base import Result, Sha256

Percent = Annotated[float, Field(ge=0, le=100)]
Init = Literal["pretrained", "random", "perturbed"]


class TrainingName(Result):
    """Which training: framework, start weights, number of examples, seed of the training file, which repeat on it."""

    backend: BackendName
    init: Init
    size: int = Field(ge=1)
    seed: int
    repeat: int = Field(0, ge=0)

    @property
    def name(self) -> str:
        """``pretrained-16-42``, ``pretrained-16-42-r1``."""
        return TrainingKey(self.init, self.size, self.seed, self.repeat).name

    @property
    def folder(self) -> str:
        """Its folder below the run directory."""
        return f"training/{self.backend}/{self.name}"


class TrainingDetails(Result):
    """Everything about a training but its name, its scores and its times.

    Attributes:
        metrics: all that SQuAD's metric gives on the dev set, scores in percent.
        rules: by which it was trained: each field of ``repro.config.protocol.Rules``.
        schedule_steps: step at which the learning rate reaches 0.
        batches_of_one: training steps on a single window.
        features, dev_features: windows of the training file and of the dev file.
        precision: of matrix products: ``float32``, ``tf32`` or ``bf16``.
        files: name -> sha256 of what lies beside ``result.json``.
    """

    order_seed: int
    rules: dict[str, bool | float]
    metrics: dict[str, int | float]
    schedule_steps: int = Field(ge=0)
    batches_of_one: int = Field(ge=0)
    epochs: int = Field(ge=0)
    features: int = Field(ge=1)
    dev_features: int = Field(ge=1)
    final_loss: float
    device: str
    precision: str
    threads: int = Field(ge=1)
    versions: dict[str, str]
    files: dict[str, Sha256]


class TrainingDurations(Result):
    """Seconds."""

    training: float = Field(ge=0)
    evaluation: float = Field(ge=0)


class TrainingResult(TrainingName, TrainingDetails):
    """The whole file. ``exact`` and ``f1`` are percentages on the dev set; ``steps`` counts updates of the weights."""

    exact: Percent
    f1: Percent
    steps: int = Field(ge=0)
    seconds: float = Field(ge=0)
    durations: TrainingDurations


class Attempt(Result):
    """One start of a training.

    Attributes:
        time: when it began, in seconds since 1970.
        outcome: ``interrupted`` where nothing says how it ended: the process was killed.
        reason: of a failure.
        f1, losses: of a finished one: F1 in percent, sha256 of its losses.
    """

    time: float
    outcome: Literal["finished", "failed", "interrupted", "unreadable"]
    reason: str = ""
    f1: Percent | None = None
    losses: Sha256 | None = None


class TrainingAttempts(Result):
    """Every start of one training in this run directory, oldest first; ``asked``: the profile asks for it now."""

    training: str
    asked: bool
    attempts: tuple[Attempt, ...]

    @property
    def replaced(self) -> bool:
        """Whether finished attempts gave different losses, so that the report shows the last of several results."""
        return len({attempt.losses for attempt in self.attempts if attempt.outcome == "finished"}) > 1
