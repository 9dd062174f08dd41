"""A very small span model in numpy with the backends' interface, and faults that can be switched on.

``order`` -1 sums every product from its far end, as a second framework would: the same program, other roundings.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from repro.config.protocol import Rules
from repro.numerics.arrays import Arrays

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
    scattered_initialiser: bool = False
    clock_seed: bool = False
    nan_loss: bool = False
    coarse_float32: bool = False
    decay: float = 0.0
    rate_factor: float = 1.0
    eps_factor: float = 1.0
    no_replace: bool = False
    coupled_decay: bool = False
    other_betas: tuple[float, float] = (0.9, 0.999)


def start_arrays(seed: int = 0) -> Arrays:
    """float32 start weights, hub names."""
    generator = np.random.Generator(np.random.PCG64(seed))
    shapes = {WORDS: (VOCABULARY, WIDTH), POSITIONS: (LENGTH, WIDTH), SEGMENTS: (2, WIDTH)}
    shapes |= dict.fromkeys((DENSE, START, END), (WIDTH, WIDTH))
    arrays = {name: generator.normal(0, 0.4, shape) for name, shape in shapes.items()}
    arrays[BIAS], arrays[GAIN], arrays[SHIFT] = np.zeros(WIDTH), np.ones(WIDTH), np.full(WIDTH, 0.1)
    return {name: array.astype(np.float32) for name, array in arrays.items()}


class FakeModel:
    """Words and positions, one dense layer, LayerNorm, and two bilinear heads at the question."""

    def __init__(self, arrays: Arrays, dtype: str, order: int, faults: Faults, rules: Rules) -> None:
        self.arrays = {name: array.astype(dtype) for name, array in arrays.items()}
        self.dtype, self.order, self.faults, self.rules = dtype, order, faults, rules
        self.scale: np.ndarray | float = 1.0  # of the embeddings: dropout

    def parameters(self, names: Collection[str] | None = None) -> Arrays:
        return {name: array.copy() for name, array in self.arrays.items() if names is None or name in names}

    def replace(self, arrays: Arrays) -> None:
        if not self.faults.no_replace:
            for name, array in arrays.items():
                self.arrays[name][...] = array

    def operations(self) -> dict[str, tuple[str, ...]]:
        inputs: dict[str, tuple[str, ...]] = {"embeddings": ("batch",), "encoder.layer.0": ("embeddings",)}
        inputs["sequence_output"] = ("encoder.layer.0",)
        inputs |= {f"query_{which}_reps": ("sequence_output", "batch") for which in ("start", "end")}
        for which in ("start", "end"):
            inputs |= {f"{which}_reps": ("sequence_output",), f"{which}_temp": (f"query_{which}_reps",)}
            inputs |= {f"{which}_reps_transposed": (f"{which}_reps",)}
            inputs |= {f"{which}_logits_unmasked": (f"{which}_temp", f"{which}_reps_transposed")}
        inputs |= {f"{which}_logits": (f"{which}_logits_unmasked", "batch") for which in ("start", "end")}
        return inputs | {"loss": ("start_logits", "end_logits", "batch")}

    def prepare(self, batch: Arrays) -> dict[str, Any]:
        return {"batch": batch}

    def forward(self, batch: Arrays, *, activations: bool = False) -> Arrays:
        values = self._all(batch)
        logits = {name: values[name] for name in ("start_logits", "end_logits")}
        if self.faults.swapped_logits:
            logits = dict(zip(logits, reversed(logits.values()), strict=True))
        return {name: values[name] for name in list(values)[1:-1]} | logits if activations else logits

    def loss(self, batch: Arrays) -> np.ndarray:
        loss: np.ndarray = self._all(batch)["loss"]
        return loss

    def _all(self, batch: Arrays) -> dict[str, Any]:
        """The batch and the results of all operations."""
        values = self.prepare(batch)
        for name in self.operations():
            values[name] = self.run(name, values)
        return values

    def run(self, name: str, values: Mapping[str, Any]) -> np.ndarray:
        inputs = [values[key] for key in self.operations()[name]]
        arrays = [value.astype(self.dtype) for value in inputs if isinstance(value, np.ndarray)]
        batch = next((value for value in inputs if isinstance(value, dict)), {})
        p = self.arrays
        if name == "loss":
            start, end = arrays
            return cross_entropy(start, end, batch["start_positions"], batch["end_positions"])
        if name == "embeddings":
            length = batch["input_ids"].shape[1]
            return (
                p[WORDS][batch["input_ids"]] + p[POSITIONS][:length] + p[SEGMENTS][self._segments(batch)]
            ) * self.scale
        if name == "encoder.layer.0":
            return self._layer_norm(arrays[0])[0] * p[GAIN] + p[SHIFT]
        if name.startswith("query_"):
            return arrays[0][np.arange(len(arrays[0])), (batch["input_ids"] == 103).argmax(1)][:, None]
        if name.endswith("_temp"):
            return self._product(arrays[0], p[{"start_temp": START, "end_temp": END}[name]].T)
        if name.endswith("_transposed"):
            return arrays[0].transpose(0, 2, 1)
        if name.endswith("_unmasked"):
            return self._product(*arrays)
        if name.endswith("_logits"):
            attended = batch["attention_mask"] * (batch["input_ids"] != 102)
            return arrays[0][:, 0] + (1 - attended).astype(self.dtype) * np.array(-10000, self.dtype)
        return arrays[0].copy()  # sequence_output and the representations of all tokens

    def _segments(self, batch: Arrays) -> np.ndarray:
        return batch["token_type_ids"] * self.rules.segment_ids

    def _layer_norm(self, embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(normalised output of the dense layer, what it was divided by)."""
        hidden = self._product(embeddings, self.arrays[DENSE].T) + self.arrays[BIAS]
        centred = hidden - hidden.mean(-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(-1, keepdims=True) + np.array(self.faults.layer_norm_eps, self.dtype))
        return centred / spread, spread

    def _product(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if self.order < 0:
            a, b = a[..., ::-1], b[..., ::-1, :]
        total = np.zeros((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), dtype=a.dtype)
        for k in range(a.shape[-1]):  # one after the other, so that the order matters
            total = total + a[..., k, None] * b[..., k, None, :]
        if self.faults.coarse_float32 and self.dtype == "float32":
            total = total.astype(np.float16).astype(np.float32)
        return total

    def vjp(self, name: str, values: Mapping[str, Any], upstream: np.ndarray) -> tuple[Arrays, Arrays]:
        inputs = self.operations()[name]
        arrays, batch = [values[key] for key in inputs if key != "batch"], values.get("batch", {})
        up = upstream.astype(self.dtype)
        if name == "loss":
            return dict(zip(inputs, self._loss_vjp(arrays, batch, up), strict=False)), {}
        if name == "embeddings":
            return {}, self._embeddings_vjp(batch, up)
        if name == "encoder.layer.0":
            inner, of_weights = self._layer_vjp(arrays[0], up)
            return {inputs[0]: inner}, of_weights
        if name.startswith("query_"):
            inner = np.zeros_like(arrays[0])
            inner[np.arange(len(inner)), (batch["input_ids"] == 103).argmax(1)] = up[:, 0]
            return {inputs[0]: inner}, {}
        if name.endswith("_temp"):
            weight = {"start_temp": START, "end_temp": END}[name]
            of_weight = self._product(up[:, 0].T, arrays[0][:, 0])
            return {inputs[0]: self._product(up, self.arrays[weight])}, {weight: of_weight}
        if name.endswith("_transposed"):
            return {inputs[0]: up.transpose(0, 2, 1)}, {}
        if name.endswith("_unmasked"):
            temp, turned = (array.transpose(0, 2, 1) for array in arrays)
            return dict(zip(inputs, (self._product(up, turned), self._product(temp, up)), strict=True)), {}
        return {inputs[0]: up[:, None] if name.endswith("_logits") else up.copy()}, {}

    def _loss_vjp(self, logits: list[np.ndarray], batch: Arrays, up: np.ndarray) -> list[np.ndarray]:
        gradients = []
        for which, array in zip(("start", "end"), logits, strict=True):
            probability = softmax(array)
            probability[np.arange(len(array)), batch[f"{which}_positions"]] -= 1
            gradients.append((probability / (2 * len(array)) * up).astype(self.dtype))
        return gradients

    def _layer_vjp(self, embeddings: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, Arrays]:
        p = self.arrays
        flat = up.reshape(-1, WIDTH)
        normed, spread = (array.reshape(len(flat), -1) for array in self._layer_norm(embeddings))
        d = flat * p[GAIN]
        d = (d - d.mean(-1, keepdims=True) - normed * (d * normed).mean(-1, keepdims=True)) / spread
        gradients = {SHIFT: self._sum(flat), GAIN: self._sum(flat * normed) * (0.5 if self.faults.lost_gradient else 1)}
        gradients |= {BIAS: self._sum(d), DENSE: self._product(d.T, embeddings.reshape(-1, WIDTH))}
        return self._product(d, p[DENSE]).reshape(up.shape), gradients

    def _embeddings_vjp(self, batch: Arrays, up: np.ndarray) -> Arrays:
        gradients = {name: np.zeros_like(self.arrays[name]) for name in (WORDS, POSITIONS, SEGMENTS)}
        scaled = up * self.scale
        np.add.at(gradients[WORDS], batch["input_ids"], scaled)
        gradients[POSITIONS][: up.shape[1]] = scaled.sum(0)
        np.add.at(gradients[SEGMENTS], self._segments(batch), scaled)
        return gradients

    def gradients(self, batch: Arrays, scale: np.ndarray | float = 1.0) -> tuple[np.ndarray, Arrays]:
        self.scale = scale
        values = self._all(batch)
        upstream: Arrays = {"loss": np.ones_like(values["loss"])}
        gradients: Arrays = {}
        for name in reversed(self.operations()):
            inner, of_weights = self.vjp(name, values, upstream.pop(name))
            for key, gradient in inner.items():
                upstream[key] = upstream.get(key, 0) + gradient
            gradients |= of_weights
        self.scale = 1.0
        return values["loss"], {name: gradients[name].astype(self.dtype) for name in self.arrays}

    def _sum(self, rows: np.ndarray) -> np.ndarray:
        total: np.ndarray = rows[:: self.order].sum(0)
        return total


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(1, keepdims=True))
    probabilities: np.ndarray = weights / weights.sum(1, keepdims=True)
    return probabilities


def cross_entropy(start: np.ndarray, end: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Mean over examples whose position lies inside the window, of start and end."""
    parts = []
    for logits, places in ((start, starts), (end, ends)):
        rows = np.flatnonzero(places < logits.shape[1])
        shifted = logits[rows] - logits[rows].max(1, keepdims=True)
        parts.append((np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(rows)), places[rows]]).mean())
    return np.array((parts[0] + parts[1]) / 2, dtype=start.dtype)
