"""A framework in numpy: a very small span model with the backends' interface, and faults that can be switched on.

``order`` -1 sums every product from its far end, as a second framework would: the same program, other roundings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from repro.data.dropout import DropoutStream
from repro.profile import Training
from repro.protocol import Rules

Arrays = dict[str, np.ndarray]
WORDS, POSITIONS, SEGMENTS = (f"splinter.embeddings.{n}_embeddings.weight" for n in ("word", "position", "token_type"))
DENSE, BIAS = (f"splinter.encoder.layer.0.output.dense.{n}" for n in ("weight", "bias"))
GAIN, SHIFT = (f"splinter.encoder.layer.0.output.LayerNorm.{n}" for n in ("weight", "bias"))
START, END = (f"splinter_qass.{n}_classifier.weight" for n in ("start", "end"))
WIDTH, VOCABULARY, LENGTH = 8, 140, 24


@dataclass(frozen=True)
class Faults:
    """What is wrong with a framework; nothing by default."""

    layer_norm_eps: float = 1e-12
    swapped_logits: bool = False
    no_bias_correction: bool = False
    decayed_layer_norms: bool = False
    late_schedule: bool = False
    no_clipping: bool = False
    reversed_rows: bool = False
    short_question: bool = False
    unscaled_loss: bool = False
    lost_gradient: bool = False
    changed_weight: bool = False
    wide_initialiser: bool = False
    clock_seed: bool = False
    nan_loss: bool = False
    coarse_float32: bool = False


def start_arrays(seed: int = 0) -> Arrays:
    """float32 start weights, hub names."""
    generator = np.random.Generator(np.random.PCG64(seed))
    shapes = {
        WORDS: (VOCABULARY, WIDTH),
        POSITIONS: (LENGTH, WIDTH),
        SEGMENTS: (2, WIDTH),
        DENSE: (WIDTH, WIDTH),
        START: (WIDTH, WIDTH),
        END: (WIDTH, WIDTH),
    }
    found = {name: generator.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}
    found[BIAS], found[GAIN], found[SHIFT] = np.zeros(WIDTH), np.ones(WIDTH), np.full(WIDTH, 0.1)
    return {name: array.astype(np.float32) for name, array in found.items()}


class FakeModel:
    """Words and positions, one dense layer, LayerNorm, and two bilinear heads at the question."""

    def __init__(self, arrays: Arrays, dtype: str, order: int, faults: Faults, rules: Rules) -> None:
        self.arrays = {name: array.astype(dtype) for name, array in arrays.items()}
        self.dtype, self.order, self.faults, self.rules = dtype, order, faults, rules

    def parameters(self) -> Arrays:
        return {name: array.copy() for name, array in self.arrays.items()}

    def _product(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if self.order < 0:
            a, b = a[..., ::-1], b[..., ::-1, :]
        total = np.zeros((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), dtype=a.dtype)
        for k in range(a.shape[-1]):  # one after the other, so that the order tells
            total = total + a[..., k, None] * b[..., k, None, :]
        if self.faults.coarse_float32 and self.dtype == "float32":
            total = total.astype(np.float16).astype(np.float32)
        return total

    def _encode(self, batch: Arrays, scale: np.ndarray | float) -> dict[str, np.ndarray]:
        p = self.arrays
        segments = batch["token_type_ids"] if self.rules.segment_ids else np.zeros_like(batch["token_type_ids"])
        emb = (
            p[WORDS][batch["input_ids"]] + p[POSITIONS][: batch["input_ids"].shape[1]] + p[SEGMENTS][segments]
        ) * scale
        hidden = self._product(emb, p[DENSE].T) + p[BIAS]
        centred = hidden - hidden.mean(-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(-1, keepdims=True) + np.array(self.faults.layer_norm_eps, self.dtype))
        normed = centred / spread
        return {"embeddings": emb, "normed": normed, "spread": spread, "seq": normed * p[GAIN] + p[SHIFT]}

    def _run(self, batch: Arrays, scale: np.ndarray | float = 1.0) -> Arrays:
        found = self._encode(batch, scale)
        seq, rows = found["seq"], np.arange(len(batch["input_ids"]))
        question = (batch["input_ids"] == 103).argmax(1)
        gathered = seq[rows, question][:, None]
        found |= {"question": question, "gathered": gathered}
        attended = batch["attention_mask"] * (batch["input_ids"] != 102)
        mask = (1 - attended).astype(self.dtype) * np.array(-10000, self.dtype)
        for which, name in (("start", START), ("end", END)):
            temp = self._product(gathered, self.arrays[name].T)
            turned = seq.transpose(0, 2, 1)
            raw = self._product(temp, turned)
            found |= {f"{which}_reps": seq, f"{which}_temp": temp, f"{which}_reps_transposed": turned}
            found |= {f"{which}_logits_unmasked": raw, f"{which}_logits": raw[:, 0] + mask}
        return found

    def forward(self, batch: Arrays, *, taps: bool = False) -> Arrays:
        found = self._run(batch)
        logits = {name: found[name] for name in ("start_logits", "end_logits")}
        if self.faults.swapped_logits:
            logits = {"start_logits": logits["end_logits"], "end_logits": logits["start_logits"]}
        if not taps:
            return logits
        names = ["embeddings"]
        kept = {name: found[name] for name in names}
        kept |= {"encoder.layer.0": found["seq"], "sequence_output": found["seq"]}
        kept |= {"query_start_reps": found["gathered"], "query_end_reps": found["gathered"]}
        for name in ("reps", "temp", "reps_transposed", "logits_unmasked"):
            kept |= {f"{which}_{name}": found[f"{which}_{name}"] for which in ("start", "end")}
        return {**{name: array.copy() for name, array in kept.items()}, **logits}

    def loss(self, batch: Arrays) -> np.ndarray:
        logits = self.forward(batch)
        return cross_entropy(
            logits["start_logits"], logits["end_logits"], batch["start_positions"], batch["end_positions"]
        )

    def gradients(self, batch: Arrays, scale: np.ndarray | float = 1.0) -> tuple[np.ndarray, Arrays]:
        found, p = self._run(batch, scale), self.arrays
        rows, count = np.arange(len(batch["input_ids"])), len(batch["input_ids"])
        d_seq, d_gathered = np.zeros_like(found["seq"]), np.zeros_like(found["gathered"])
        grads: Arrays = {}
        for which, name in (("start", START), ("end", END)):
            probability = softmax(found[f"{which}_logits"])
            probability[rows, batch[f"{which}_positions"]] -= 1
            d_raw = (probability / (2 * count)).astype(self.dtype)[:, None]
            d_temp = self._product(d_raw, found["seq"])
            d_seq += self._product(d_raw.transpose(0, 2, 1), found[f"{which}_temp"])
            grads[name] = self._product(d_temp[:, 0].T, found["gathered"][:, 0])
            d_gathered += self._product(d_temp, p[name])
        for row in rows:
            d_seq[row, found["question"][row]] += d_gathered[row, 0]
        flat, normed = d_seq.reshape(-1, WIDTH), found["normed"].reshape(-1, WIDTH)
        grads[SHIFT], grads[GAIN] = self._sum(flat), self._sum(flat * normed)
        d = flat * p[GAIN]
        d = (d - d.mean(-1, keepdims=True) - normed * (d * normed).mean(-1, keepdims=True)) / found["spread"].reshape(
            -1, 1
        )
        grads[BIAS] = self._sum(d)
        grads[DENSE] = self._product(d.T, found["embeddings"].reshape(-1, WIDTH))
        d_emb = self._product(d, p[DENSE]).reshape(found["seq"].shape) * scale
        grads[WORDS], grads[POSITIONS], grads[SEGMENTS] = (np.zeros_like(p[n]) for n in (WORDS, POSITIONS, SEGMENTS))
        np.add.at(grads[WORDS], batch["input_ids"], d_emb)
        grads[POSITIONS][: d_emb.shape[1]] = d_emb.sum(0)
        segments = batch["token_type_ids"] if self.rules.segment_ids else np.zeros_like(batch["token_type_ids"])
        np.add.at(grads[SEGMENTS], segments, d_emb)
        if self.faults.lost_gradient:
            grads[GAIN] = grads[GAIN] * 0.5
        loss = cross_entropy(
            found["start_logits"], found["end_logits"], batch["start_positions"], batch["end_positions"]
        )
        return loss, {name: grads[name].astype(self.dtype) for name in p}

    def _sum(self, rows: np.ndarray) -> np.ndarray:
        total: np.ndarray = rows[:: self.order].sum(0)
        return total


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(1, keepdims=True))
    found: np.ndarray = weights / weights.sum(1, keepdims=True)
    return found


def cross_entropy(start: np.ndarray, end: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Mean over examples whose position lies inside the window, of start and end."""
    parts = []
    for logits, places in ((start, starts), (end, ends)):
        rows = np.flatnonzero(places < logits.shape[1])
        shifted = logits[rows] - logits[rows].max(1, keepdims=True)
        parts.append((np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(rows)), places[rows]]).mean())
    return np.array((parts[0] + parts[1]) / 2, dtype=start.dtype)


class FakeTrainer:
    """AdamW with everything that the rules ask for, written apart from ``repro.numerics.adamw``."""

    def __init__(self, model: FakeModel, rules: Rules, settings: Training, total_steps: int) -> None:
        self.model, self.rules, self.settings, self.total = model, rules, settings, total_steps
        self.first = {name: np.zeros_like(array) for name, array in model.arrays.items()}
        self.second = {name: np.zeros_like(array) for name, array in model.arrays.items()}
        self.done = 0

    def weight_decay(self) -> dict[str, float]:
        norms = self.rules.decay_layer_norms or self.model.faults.decayed_layer_norms
        spared = [n for n in self.first if n.endswith("bias") or ("LayerNorm" in n and not norms)]
        return {name: 0.0 if name in spared else self.rules.weight_decay for name in self.first}

    def state(self) -> Arrays:
        first = {f"{name}.exp_avg": array.copy() for name, array in self.first.items()}
        return first | {f"{name}.exp_avg_sq": array.copy() for name, array in self.second.items()}

    def apply(self, gradients: Arrays) -> dict[str, float]:
        dtype, faults = self.model.dtype, self.model.faults
        norm = float(np.sqrt(sum(float(np.sum(g.astype(dtype) ** 2)) for g in gradients.values())))
        factor = 1.0 if faults.no_clipping else min(1.0, self.settings.max_grad_norm / (norm + 1e-6))
        rate, decay, self.done = self.rate(), self.weight_decay(), self.done + 1
        first, second = (1.0, 1.0) if faults.no_bias_correction else (1 - 0.9**self.done, 1 - 0.999**self.done)
        for name, parameter in self.model.arrays.items():
            gradient = (gradients[name].astype(dtype) * np.array(factor, dtype)).astype(dtype)
            self.first[name] += (gradient - self.first[name]) * np.array(1 - 0.9, dtype)
            self.second[name] += (gradient * gradient - self.second[name]) * np.array(1 - 0.999, dtype)
            eps = self.settings.adam_epsilon / (np.sqrt(second) if self.rules.eps_before_bias_correction else 1.0)
            root = np.sqrt(self.second[name]) / np.array(np.sqrt(second), dtype) + np.array(eps, dtype)
            parameter *= np.array(1 - rate * decay[name], dtype)
            parameter -= np.array(rate / first, dtype) * self.first[name] / root
        return {"learning_rate": rate, "grad_norm": norm, "clip_factor": factor}

    def rate(self) -> float:
        rates = schedule(self.settings, self.total, self.model.faults)
        return float(rates[min(self.done, self.total)])

    def step(self, batch: Arrays, dropout: DropoutStream | None = None) -> dict[str, float]:
        scale: np.ndarray | float = 1.0
        if dropout is not None and self.settings.dropout:
            shape = (*batch["input_ids"].shape, WIDTH)
            scale = dropout.mask(shape, self.settings.dropout, self.model.dtype)
        loss, gradients = self.model.gradients(batch, scale)
        told = self.apply(gradients)
        value = float("nan") if self.model.faults.nan_loss and self.done == 2 else float(loss)
        return {"loss": value, "learning_rate": told["learning_rate"], "grad_norm": told["grad_norm"]}


def schedule(settings: Training, total: int, faults: Faults) -> np.ndarray:
    warm, rates = int(settings.warmup_ratio * total), []
    for step in range(total + 1):
        at = step + 1 if faults.late_schedule else step
        share = at / max(1, warm) if at < warm else max(0.0, (total - at) / max(1, total - warm))
        rates.append(settings.learning_rate * share)
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

    def setup(self, *, device: str = "cpu", threads: int = 1, seed: int = 0) -> str:
        self.seed = seed
        return "cpu"

    def versions(self) -> dict[str, str]:
        return {"fake": f"1.{self.order}", "faults": str(self.faults)}

    def load_tokenizer(self, vocab: Path) -> FakeTokenizer:
        return FakeTokenizer({word: i for i, word in enumerate(vocab.read_text().splitlines())}, self.faults)

    def load_model(self, checkpoint: Path, *, rules: Rules, dtype: str = "float32", dropout: float = 0.0) -> FakeModel:
        arrays = load_file(checkpoint / "model.safetensors")
        if self.faults.changed_weight:
            arrays[DENSE][0, 0] = np.nextafter(arrays[DENSE][0, 0], np.float32(9))
        return FakeModel(arrays, dtype, self.order, self.faults, rules)

    def make_trainer(self, model: FakeModel, *, rules: Rules, settings: Training, total_steps: int) -> FakeTrainer:
        return FakeTrainer(model, rules, settings, total_steps)

    def loss_from_logits(self, start: np.ndarray, end: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        found = cross_entropy(start, end, starts, ends)
        return np.array(found * 2 if self.faults.unscaled_loss else found, dtype=start.dtype)

    def learning_rates(self, *, settings: Training, total_steps: int) -> np.ndarray:
        return schedule(settings, total_steps, self.faults)

    def initialise(self, config: dict[str, Any], seed: int) -> Arrays:
        self.draws += 1
        generator = np.random.Generator(
            np.random.PCG64(seed + (self.draws if self.faults.clock_seed else 0) + self.order)
        )
        scale = 0.03 if self.faults.wide_initialiser else 0.02
        found = {n: generator.normal(0, scale, a.shape).astype(np.float32) for n, a in start_arrays().items()}
        found[GAIN] = np.ones(WIDTH, dtype=np.float32)
        found[WORDS][0] = 0
        return found

    def declared_distributions(self, config: dict[str, Any]) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {n: {"kind": "normal", "mean": 0.0, "std": 0.02} for n in start_arrays()}
        found[GAIN] = {"kind": "constant", "value": 1.0}
        found[WORDS]["zero_rows"] = [0]
        return found

    def batches(self, arrays: Arrays, order: list[list[int]]) -> Iterator[Arrays]:
        for rows in order:
            chosen = rows[::-1] if self.faults.reversed_rows else rows
            yield {name: np.asarray(array, dtype=np.int64)[chosen] for name, array in arrays.items()}
