"""A very small span model in numpy with the backends' interface, and faults that can be switched on.

``order`` -1 sums every product from its far end, as a second framework would: the same program, other roundings.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

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
    decay: float = 0.0
    rate_factor: float = 1.0
    eps_factor: float = 1.0
    no_replace: bool = False
    coupled_decay: bool = False
    other_betas: tuple[float, float] = (0.9, 0.999)


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
        self.scale: np.ndarray | float = 1.0  # of the embeddings: dropout

    def parameters(self, names: Collection[str] | None = None) -> Arrays:
        return {name: array.copy() for name, array in self.arrays.items() if names is None or name in names}

    def replace(self, arrays: Arrays) -> None:
        if self.faults.no_replace:
            return
        for name, array in arrays.items():
            self.arrays[name][...] = array

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
        return {"embeddings": emb, **self._hidden(emb)}

    def _hidden(self, emb: np.ndarray) -> dict[str, np.ndarray]:
        p = self.arrays
        hidden = self._product(emb, p[DENSE].T) + p[BIAS]
        centred = hidden - hidden.mean(-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(-1, keepdims=True) + np.array(self.faults.layer_norm_eps, self.dtype))
        normed = centred / spread
        return {"normed": normed, "spread": spread, "seq": normed * p[GAIN] + p[SHIFT]}

    def _run(self, batch: Arrays, scale: np.ndarray | float = 1.0) -> Arrays:
        found = self._encode(batch, scale)
        seq, rows = found["seq"], np.arange(len(batch["input_ids"]))
        question = (batch["input_ids"] == 103).argmax(1)
        gathered = seq[rows, question][:, None]
        found |= {"question": question, "gathered": gathered}
        mask = self._mask(batch)
        for which, name in (("start", START), ("end", END)):
            temp = self._product(gathered, self.arrays[name].T)
            turned = seq.transpose(0, 2, 1)
            raw = self._product(temp, turned)
            found |= {f"{which}_reps": seq, f"{which}_temp": temp, f"{which}_reps_transposed": turned}
            found |= {f"{which}_logits_unmasked": raw, f"{which}_logits": raw[:, 0] + mask}
        return found

    def _mask(self, batch: Arrays) -> np.ndarray:
        attended = batch["attention_mask"] * (batch["input_ids"] != 102)
        mask: np.ndarray = (1 - attended).astype(self.dtype) * np.array(-10000, self.dtype)
        return mask

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

    def operations(self) -> dict[str, tuple[str, ...]]:
        found = {"embeddings": ("batch",), "encoder.layer.0": ("embeddings",), "sequence_output": ("encoder.layer.0",)}
        found |= {f"query_{which}_reps": ("sequence_output", "batch") for which in ("start", "end")}
        for which in ("start", "end"):
            found |= {f"{which}_reps": ("sequence_output",), f"{which}_temp": (f"query_{which}_reps",)}
            found |= {f"{which}_reps_transposed": (f"{which}_reps",)}
            found |= {f"{which}_logits_unmasked": (f"{which}_temp", f"{which}_reps_transposed")}
        found |= {f"{which}_logits": (f"{which}_logits_unmasked", "batch") for which in ("start", "end")}
        return found | {"loss": ("start_logits", "end_logits", "batch")}

    def prepare(self, batch: Arrays) -> dict[str, Any]:
        return {"batch": batch}

    def run(self, name: str, values: Mapping[str, Any]) -> np.ndarray:
        given = [values[key] for key in self.operations()[name]]
        arrays = [value.astype(self.dtype) for value in given if isinstance(value, np.ndarray)]
        batch = next((value for value in given if isinstance(value, dict)), {})
        which = name.partition("_")[0]
        if name == "loss":
            return cross_entropy(*arrays, batch["start_positions"], batch["end_positions"])
        if name == "embeddings":
            return self._encode(batch, self.scale)["embeddings"]
        if name == "encoder.layer.0":
            return self._hidden(arrays[0])["seq"]
        if name.startswith("query_"):
            return arrays[0][np.arange(len(arrays[0])), (batch["input_ids"] == 103).argmax(1)][:, None]
        if name.endswith("_temp"):
            return self._product(arrays[0], self.arrays[{"start": START, "end": END}[which]].T)
        if name.endswith("_transposed"):
            return arrays[0].transpose(0, 2, 1)
        if name.endswith("_unmasked"):
            return self._product(*arrays)
        if name.endswith("_logits"):
            return arrays[0][:, 0] + self._mask(batch)
        return arrays[0].copy()  # sequence_output and the representations of all tokens

    def loss(self, batch: Arrays) -> np.ndarray:
        logits = self.forward(batch)
        return cross_entropy(
            logits["start_logits"], logits["end_logits"], batch["start_positions"], batch["end_positions"]
        )

    def pull(self, name: str, values: Mapping[str, Any], upstream: np.ndarray) -> tuple[Arrays, Arrays]:
        inputs = self.operations()[name]
        arrays, batch = [values[key] for key in inputs if key != "batch"], values["batch"]
        which, up = name.partition("_")[0], upstream.astype(self.dtype)
        if name == "loss":
            return dict(zip(inputs, self._pull_loss(arrays, batch, up), strict=False)), {}
        if name == "embeddings":
            return {}, self._pull_embeddings(batch, up)
        if name == "encoder.layer.0":
            inner, own = self._pull_layer(arrays[0], up)
            return {inputs[0]: inner}, own
        if name.startswith("query_"):
            inner = np.zeros_like(arrays[0])
            inner[np.arange(len(inner)), (batch["input_ids"] == 103).argmax(1)] = up[:, 0]
            return {inputs[0]: inner}, {}
        if name.endswith("_temp"):
            weight = {"start": START, "end": END}[which]
            own = {weight: self._product(up[:, 0].T, arrays[0][:, 0])}
            return {inputs[0]: self._product(up, self.arrays[weight])}, own
        if name.endswith("_transposed"):
            return {inputs[0]: up.transpose(0, 2, 1)}, {}
        if name.endswith("_unmasked"):
            temp, turned = arrays
            inner = self._product(up, turned.transpose(0, 2, 1)), self._product(temp.transpose(0, 2, 1), up)
            return dict(zip(inputs, inner, strict=True)), {}
        return {inputs[0]: up[:, None] if name.endswith("_logits") else up.copy()}, {}

    def _pull_loss(self, logits: list[np.ndarray], batch: Arrays, up: np.ndarray) -> list[np.ndarray]:
        found = []
        for which, own in zip(("start", "end"), logits, strict=True):
            probability = softmax(own)
            probability[np.arange(len(own)), batch[f"{which}_positions"]] -= 1
            found.append((probability / (2 * len(own)) * up).astype(self.dtype))
        return found

    def _pull_layer(self, embeddings: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, Arrays]:
        p, found = self.arrays, self._hidden(embeddings)
        flat, normed = up.reshape(-1, WIDTH), found["normed"].reshape(-1, WIDTH)
        grads = {SHIFT: self._sum(flat), GAIN: self._sum(flat * normed)}
        d = flat * p[GAIN]
        d = (d - d.mean(-1, keepdims=True) - normed * (d * normed).mean(-1, keepdims=True)) / found["spread"].reshape(
            -1, 1
        )
        grads |= {BIAS: self._sum(d), DENSE: self._product(d.T, embeddings.reshape(-1, WIDTH))}
        if self.faults.lost_gradient:
            grads[GAIN] = grads[GAIN] * 0.5
        return self._product(d, p[DENSE]).reshape(up.shape), grads

    def _pull_embeddings(self, batch: Arrays, up: np.ndarray) -> Arrays:
        grads = {name: np.zeros_like(self.arrays[name]) for name in (WORDS, POSITIONS, SEGMENTS)}
        scaled = up * self.scale
        np.add.at(grads[WORDS], batch["input_ids"], scaled)
        grads[POSITIONS][: up.shape[1]] = scaled.sum(0)
        segments = batch["token_type_ids"] if self.rules.segment_ids else np.zeros_like(batch["token_type_ids"])
        np.add.at(grads[SEGMENTS], segments, scaled)
        return grads

    def gradients(self, batch: Arrays, scale: np.ndarray | float = 1.0) -> tuple[np.ndarray, Arrays]:
        self.scale = scale
        values = self.prepare(batch)
        for name in self.operations():
            values[name] = self.run(name, values)
        upstream, found = {"loss": np.ones_like(values["loss"])}, {}
        for name in reversed(self.operations()):
            inner, own = self.pull(name, values, upstream.pop(name))
            for given, gradient in inner.items():
                upstream[given] = upstream.get(given, 0) + gradient
            found |= own
        self.scale = 1.0
        return values["loss"], {name: found[name].astype(self.dtype) for name in self.arrays}

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
