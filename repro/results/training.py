"""What one training of step 11 writes last: ``training/{backend}/{init}-{size}-{seed}/result.json``."""

from typing import Annotated, Literal

from pydantic import Field

from repro.config.profile import BackendName
from repro.results.base import Result, Sha256

Percent = Annotated[float, Field(ge=0, le=100)]
Init = Literal["pretrained", "random"]


class TrainingName(Result):
    """Which training: framework, start weights, number of examples, seed of the training file."""

    backend: BackendName
    init: Init
    size: int = Field(ge=1)
    seed: int

    @property
    def folder(self) -> str:
        """Its folder below the run directory."""
        return f"training/{self.backend}/{self.init}-{self.size}-{self.seed}"


class TrainingDetails(Result):
    """Everything about a training but its name, its scores and its times.

    Attributes:
        metrics: all that SQuAD's metric gives on the dev set, scores in percent.
        schedule_steps: step at which the learning rate reaches 0.
        batches_of_one: training steps on a single window.
        features, dev_features: windows of the training file and of the dev file.
        precision: of matrix products: ``float32``, ``tf32`` or ``bf16``.
        files: name -> sha256 of what lies beside ``result.json``.
    """

    order_seed: int
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
