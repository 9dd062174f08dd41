"""What the programs have in common, so that each part of the work is measured the same way in all of them."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from repro.config.profile import Features, Training
from repro.data.mrqa import Example

LENGTHS = Features().model_dump()  # the published protocol: 384, 128, 64 tokens
SETTINGS = Training()  # and its training: batch 12, AdamW, linear schedule, dropout 0.1
LIMITS: Any = {"n_best": SETTINGS.n_best, "max_answer_length": SETTINGS.max_answer_length}

Answers = dict[str, str]  # question id -> text
Step = Callable[[Any], float]  # one training step on a batch of the program: its loss


class Program(Protocol):
    """One program. What it calls features, a model and a batch is its own affair."""

    def features(self, examples: list[Example], *, training: bool) -> Any:
        """Windows of 384 tokens, the tokeniser loaded anew."""

    def windows(self, features: Any) -> tuple[np.ndarray, np.ndarray]:
        """``input_ids`` (N, T) and the answers' first and last token (N, 2), to compare with the other program's."""

    def model(self, geometry: str) -> Any:
        """The model with its start weights and dropout 0.1."""

    def batches(self, features: Any, order: list[list[int]]) -> Iterator[Any]:
        """Training batches of these rows by the program's data loader."""

    def loss(self, model: Any, batch: Any) -> float:
        """Loss of a batch without dropout."""

    def trainer(self, model: Any, steps: int) -> Step:
        """AdamW, clipping to norm 1 and a linear schedule of so many steps; the program's own dropout masks."""

    def predict(self, model: Any, features: Any) -> tuple[np.ndarray, np.ndarray]:
        """Start and end logits (N, T) of all windows."""

    def answers(self, examples: list[Example], features: Any, start: np.ndarray, end: np.ndarray) -> Answers:
        """The best answer of each question."""

    def score(self, examples: list[Example], answers: Answers) -> dict[str, float]:
        """``exact`` and ``f1`` in percent."""
