"""A framework in numpy: trainer, loader, tokeniser and initialiser around the fake model."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from repro.backends import StepReport, UpdateReport
from repro.config.profile import Training
from repro.config.protocol import Rules
from repro.data.dropout import DropoutMasks, multipliers
from repro.numerics.arrays import Arrays
from repro.numerics.distribution import Distribution, constant, normal
from tests.alignment.fake_model import DENSE, GAIN, WIDTH, WORDS, FakeModel, Faults, cross_entropy, start_arrays


@dataclass
class FakeTrainer:
    """AdamW with everything that the rules ask for, written apart from ``repro.numerics.adamw``."""

    model: FakeModel
    rules: Rules
    settings: Training
    total_steps: int
    names: Collection[str] | None = None
    done: int = 0

    def __post_init__(self) -> None:
        updated = self.model.parameters(self.names)
        self.first = {name: np.zeros_like(array) for name, array in updated.items()}
        self.second = {name: np.zeros_like(array) for name, array in updated.items()}

    def weight_decay(self) -> dict[str, float]:
        norms = self.rules.decay_layer_norms or self.model.faults.decayed_layer_norms
        spared = [n for n in self.first if n.endswith("bias") or ("LayerNorm" in n and not norms)]
        return {name: 0.0 if name in spared else self.rules.weight_decay for name in self.first}

    def state(self, names: Collection[str] | None = None) -> Arrays:
        first = {f"{name}.exp_avg": array.copy() for name, array in self.first.items()}
        return first | {f"{name}.exp_avg_sq": array.copy() for name, array in self.second.items()}

    def apply(self, pairs: Iterable[tuple[str, np.ndarray]]) -> UpdateReport:
        gradients = dict(pairs)
        dtype, faults = self.model.dtype, self.model.faults
        norm = float(np.sqrt(sum(float(np.sum(g.astype(dtype) ** 2)) for g in gradients.values())))
        factor = 1.0 if faults.no_clipping else min(1.0, self.settings.max_grad_norm / (norm + 1e-6))
        rate, decay, self.done = self.rate(), self.weight_decay(), self.done + 1
        beta1, beta2 = faults.other_betas
        first, second = (1.0, 1.0) if faults.no_bias_correction else (1 - beta1**self.done, 1 - beta2**self.done)
        for name in self.first:
            parameter = self.model.arrays[name]
            gradient = (gradients[name].astype(dtype) * np.array(factor, dtype)).astype(dtype)
            if faults.coupled_decay:
                gradient = gradient + np.array(decay[name], dtype) * parameter
            self.first[name] += (gradient - self.first[name]) * np.array(1 - beta1, dtype)
            self.second[name] += (gradient * gradient - self.second[name]) * np.array(1 - beta2, dtype)
            eps = faults.eps_factor * self.settings.adam_epsilon
            if self.rules.eps_before_bias_correction:
                eps /= np.sqrt(second)
            root = np.sqrt(self.second[name]) / np.array(np.sqrt(second), dtype) + np.array(eps, dtype)
            decoupled = faults.decay + (0.0 if faults.coupled_decay else decay[name])
            parameter *= np.array(1 - rate * decoupled, dtype)
            parameter -= np.array(rate / first, dtype) * self.first[name] / root
        return UpdateReport(rate, norm, factor)

    def rate(self) -> float:
        rates = schedule(self.settings, self.total_steps, self.model.faults)
        return float(rates[min(self.done, self.total_steps)])

    def step(self, batch: Arrays, dropout: DropoutMasks | None = None) -> StepReport:
        shape, rate = (*batch["input_ids"].shape, WIDTH), self.settings.dropout
        mask: Any = 1.0
        if dropout is not None and rate:
            mask = multipliers(dropout.key(self.done, 0), tuple(range(shape[0])), shape, rate, self.model.dtype)
        loss, gradients = self.model.gradients(batch, mask)
        update = self.apply(gradients.items())
        value = float("nan") if self.model.faults.nan_loss and self.done == 2 else float(loss)
        return StepReport(value, update.learning_rate, update.grad_norm)


def schedule(settings: Training, total: int, faults: Faults) -> np.ndarray:
    warm, rates = int(settings.warmup_ratio * total), []
    for step in range(total + 1):
        at = step + 1 if faults.late_schedule else step
        share = at / max(1, warm) if at < warm else max(0.0, (total - at) / max(1, total - warm))
        rates.append(settings.learning_rate * faults.rate_factor * share)
    return np.array(rates, dtype=np.float64)


@dataclass
class FakeTokenizer:
    """Words of the vocabulary between blanks; unknown ones are [UNK]."""

    ids: dict[str, int]
    faults: Faults

    def tokenize(self, text: str) -> list[str]:
        tokens = [word if word in self.ids else "[UNK]" for word in text.replace(".", " .").split()]
        return tokens[:-1] if self.faults.short_question and "[MASK]" in tokens else tokens

    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]:
        return [self.ids[token] for token in tokens]


@dataclass
class FakeFramework:
    """Stands in for the module of one backend."""

    NAME: str
    order: int = 1
    faults: Faults = field(default_factory=Faults)
    draws: int = 0
    seed: int = 0

    def setup(self, *, device: str = "cpu", threads: int = 1, seed: int = 0, precision: str = "float32") -> str:
        self.seed = seed
        return "cpu"

    def arithmetic(self) -> dict[str, str]:
        return {"threads": "1", "BLAS": "none"}

    def versions(self) -> dict[str, str]:
        return {"fake": f"1.{self.order}", "faults": str(self.faults)}

    def load_tokenizer(self, vocab: Path) -> FakeTokenizer:
        return FakeTokenizer({word: i for i, word in enumerate(vocab.read_text().splitlines())}, self.faults)

    def load_model(self, checkpoint: Path, *, rules: Rules, dtype: str = "float32", dropout: float = 0.0) -> FakeModel:
        arrays = load_file(checkpoint / "model.safetensors")
        if self.faults.changed_weight:
            arrays[DENSE][0, 0] = np.nextafter(arrays[DENSE][0, 0], np.float32(9))
        return FakeModel(arrays, dtype, self.order, self.faults, rules)

    def make_trainer(self, model: FakeModel, **options: Any) -> FakeTrainer:
        return FakeTrainer(model, **options)

    def shared_mask(
        self, masks: DropoutMasks, rows: np.ndarray, shape: tuple[int, ...], probability: float
    ) -> np.ndarray:
        return multipliers(masks.key(0, 0), tuple(rows), shape, probability) > 0

    def loss_from_logits(self, start: np.ndarray, end: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        loss = cross_entropy(start, end, starts, ends)
        return np.array(loss * 2 if self.faults.unscaled_loss else loss, dtype=start.dtype)

    def learning_rates(self, *, settings: Training, total_steps: int) -> np.ndarray:
        return schedule(settings, total_steps, self.faults)

    def initialise(self, config: dict[str, Any], seed: int) -> Arrays:
        self.draws += 1
        clock = self.draws if self.faults.clock_seed else 0
        generator = np.random.Generator(np.random.PCG64(seed + clock + self.order))
        scale = 0.03 if self.faults.scattered_initialiser else 0.02
        arrays = {n: generator.normal(0, scale, a.shape).astype(np.float32) for n, a in start_arrays().items()}
        arrays[GAIN] = np.ones(WIDTH, dtype=np.float32)
        arrays[WORDS][0] = 0
        return arrays

    def declared_distributions(self, config: dict[str, Any]) -> dict[str, Distribution]:
        declared = {name: normal(0.0, 0.02) for name in start_arrays()}
        return {**declared, GAIN: constant(1.0), WORDS: normal(0.0, 0.02, zero_rows=(0,))}

    def batches(self, arrays: Arrays, order: list[list[int]]) -> Iterator[Arrays]:
        for rows in order:
            chosen = rows[::-1] if self.faults.reversed_rows else rows
            yield {name: np.asarray(array, dtype=np.int64)[chosen] for name, array in arrays.items()}
