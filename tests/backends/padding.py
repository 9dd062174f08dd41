"""What the tests of padding examine: batches in parts and in full, activations kept and computed again.

Part of ``worker.py``, which runs one backend in a process of its own.
"""

import importlib
from functools import partial
from typing import Any

import numpy as np

from repro.config.profile import Training
from repro.config.protocol import PAPER
from repro.context.capture import predict
from repro.data.batches import Part, split, whole
from repro.data.dropout import DropoutMasks
from repro.data.features import Features

Arrays = dict[str, np.ndarray]
ROWS, WIDTH = 7, 48
LENGTHS = (48, 20, 21, 33, 14, 15, 47)
PART_TOKENS = 10
LABELS = {  # of the rows: inside; in the padding; at the width and beyond it, which counts for nothing; below 0
    "start_positions": np.array([5, 3, 40, 48, 400, 0, 30]),
    "end_positions": np.array([47, 19, 45, 9, 10, -3, 48]),
}


def batch(vocab_size: int) -> Arrays:
    """Rows of [CLS] question [MASK] . [SEP] context [SEP] padding, of very different lengths."""
    generator = np.random.default_rng(8)
    ids = generator.integers(110, vocab_size, (ROWS, WIDTH))
    mask = (np.arange(WIDTH) < np.array(LENGTHS)[:, None]).astype(np.int64)
    ids[:, 0], ids[:, 5], ids[:, 7] = 101, 103, 102
    ids[np.arange(ROWS), np.array(LENGTHS) - 1] = 102
    return {"input_ids": ids * mask, "attention_mask": mask, "token_type_ids": 0 * mask, **LABELS}


def compute(worker: Any, dtype: str) -> None:
    """Everything of this module for one dtype."""
    rows = batch(worker.config["vocab_size"])
    parts = split(rows, PART_TOKENS)
    worker.texts["parts"] = [list(part.batch["input_ids"].shape) for part in parts]
    optimizer = importlib.import_module(f"repro.backends.{worker.name}.optimizer")
    masks = partial(optimizer.shared_dropout, DropoutMasks(3), 2)
    for name, chosen in (("whole", whole(rows)), ("split", parts)):
        worker.put(f"{dtype}/{name}", differentiate(worker.model(dtype), rows, chosen))
        dropping = worker.model(dtype, dropout=0.1)
        dropping.module.train()
        worker.put(f"{dtype}/{name} dropout", differentiate(dropping, rows, chosen, dropout=masks))
        ignored = rows | {label: np.full(ROWS, WIDTH) for label in LABELS}
        worker.put(f"{dtype}/{name} ignored", {"loss": differentiate(worker.model(dtype), ignored, chosen)["loss"]})
    model = worker.model(dtype)
    counted = CountedLayer(worker.name, model)
    gradients = model.gradients(rows)[1]
    calls, model.module.budget = counted.calls, 0
    worker.put(f"{dtype}/kept", gradients)
    worker.put(f"{dtype}/recomputed", model.gradients(rows)[1])
    worker.texts["calls"] = [calls, counted.calls - calls]
    worker.put(f"{dtype}/steps", {name: steps(worker, dtype, rows, name) for name in ("padded", "parts")})
    worker.put(f"{dtype}/predicted", predictions(worker, dtype, rows))


def differentiate(model: Any, rows: Arrays, parts: list[Part], **options: Any) -> Arrays:
    """``loss`` and the gradient of every parameter."""
    loss = model.batch_loss(rows, parts, **options)
    loss.backward()
    return {"loss": np.array(float(loss)), **model._take_gradients()}


class CountedLayer:
    """Counts the calls of the first encoder layer."""

    def __init__(self, backend: str, model: Any) -> None:
        layer = model.module.splinter.encoder.layer[0] if backend == "pytorch" else model.module.bert.encoder.layers[0]
        self.calls, self._forward = 0, layer.forward
        layer.forward = self

    def __call__(self, *inputs: Any, **keywords: Any) -> Any:
        self.calls += 1
        return self._forward(*inputs, **keywords)


def steps(worker: Any, dtype: str, rows: Arrays, name: str) -> np.ndarray:
    """(5, 2) loss and gradient norm of training steps with shared masks, in parts or not."""
    device: Any = importlib.import_module(f"repro.backends.{worker.name}.device")
    limits = device._limits
    device._limits = limits._replace(part_tokens=PART_TOKENS if name == "parts" else 1 << 30)
    rows = {**rows, **{label: values.clip(0) for label, values in LABELS.items()}}
    model = worker.model(dtype, dropout=0.1)
    settings = Training(learning_rate=1e-3, warmup_ratio=0.2)
    trainer = worker.backend.make_trainer(model, rules=PAPER, settings=settings, total_steps=15)
    reports = [trainer.step(rows, DropoutMasks(4)) for _ in range(5)]
    device._limits = limits
    return np.array([(report.loss, report.grad_norm) for report in reports])


def predictions(worker: Any, dtype: str, rows: Arrays) -> Arrays:
    """Logits (2, N, T) by ``predict`` and by whole batches, and the widths in which ``predict`` asks for them."""
    model = worker.model(dtype)
    unlabelled = rows | {label: np.zeros(ROWS, np.int64) for label in LABELS}
    unused = dict.fromkeys(("example_index", "token_to_word", "max_context", "token_counts", "skipped"), np.zeros(ROWS))
    features = Features(**unlabelled, **unused)
    padded = model.forward(unlabelled)
    widths, forward = [], model.forward

    def recording(part: Arrays) -> Arrays:
        widths.append(part["input_ids"].shape[1])
        outputs: Arrays = forward(part)
        return outputs

    model.forward = recording
    return {
        "cut": np.stack(predict(worker.backend, model, features, 2)),
        "padded": np.stack([padded["start_logits"], padded["end_logits"]]),
        "widths": np.array(widths),
        "mask": rows["attention_mask"],
    }
