"""Our program in either framework, through the entry points that the stages use."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.programs.material import Material
from benchmarks.programs.protocol import LENGTHS, LIMITS, SETTINGS, Answers, Step
from repro.backends import Model, load
from repro.config.protocol import PAPER
from repro.context.capture import predict
from repro.data.candidates import best_answers
from repro.data.features import Features, make_features
from repro.data.metric import squad_metric
from repro.data.mrqa import Example
from repro.numerics.arrays import Arrays


class Ours:
    """See ``Program``."""

    def __init__(self, material: Material, framework: str) -> None:
        self.material, self.name = material, framework
        self.backend = load(framework)
        self.backend.setup(device="cpu", threads=1, seed=SETTINGS.seeds[0])

    def features(self, examples: list[Example], *, training: bool) -> Features:
        tokenizer = self.backend.load_tokenizer(Path(self.material.vocab))
        return make_features(examples, tokenizer, training=training, **LENGTHS)

    def windows(self, features: Features) -> tuple[np.ndarray, np.ndarray]:
        return features.input_ids, np.stack([features.start_positions, features.end_positions], axis=1)

    def model(self, geometry: str) -> Model:
        checkpoint = self.material.checkpoint(geometry, self.name)
        return self.backend.load_model(checkpoint, rules=PAPER, dropout=SETTINGS.dropout)

    def batches(self, features: Features, order: list[list[int]]) -> Iterator[Arrays]:
        return self.backend.batches(features.arrays(), order)

    def loss(self, model: Model, batch: Arrays) -> float:
        return float(model.loss(batch))

    def trainer(self, model: Model, steps: int) -> Step:
        trainer = self.backend.make_trainer(model, rules=PAPER, settings=SETTINGS, total_steps=steps)
        return lambda batch: trainer.step(batch, None).loss

    def predict(self, model: Model, features: Features) -> tuple[np.ndarray, np.ndarray]:
        return predict(self.backend, model, features, SETTINGS.eval_batch_size)

    def answers(self, examples: list[Example], features: Features, start: np.ndarray, end: np.ndarray) -> Answers:
        tokens = Path(self.material.vocab).read_text(encoding="utf-8").rstrip("\n").split("\n")
        n_best, longest = LIMITS["n_best"], LIMITS["max_answer_length"]
        return best_answers(examples, features, start, end, tokens, n_best=n_best, max_answer_length=longest)[0]

    def score(self, examples: list[Example], answers: Answers) -> dict[str, float]:
        return squad_metric(examples, answers)
