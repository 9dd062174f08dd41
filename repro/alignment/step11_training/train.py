"""Step 11, training: one fine-tuning with one framework, from start weights to the metric on the dev set.

The loop belongs to no framework: order of rows and dropout masks come from outside, the same for both.
"""

import hashlib
import io
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from repro.backends import Backend, Model, load
from repro.config.paths import RunPaths, atomic_bytes
from repro.config.profile import Profile
from repro.context.capture import OPTIMIZER_FIELDS, predict
from repro.context.data import RunData
from repro.data.batches import epoch_orders, total_steps
from repro.data.candidates import best_answers
from repro.data.dropout import DropoutMasks, dropout_seed
from repro.data.metric import squad_metric
from repro.errors import InputError
from repro.numerics.arrays import Arrays
from repro.progress import track
from repro.results import TrainingResult

FIELDS: tuple[str, ...] = (
    *("features", "protocol", *OPTIMIZER_FIELDS),
    *(f"training.{name}" for name in ("eval_batch_size", "dropout", "dropout_masks", "precision")),
    *(f"training.{name}" for name in ("n_best", "max_answer_length")),
)


def train_one(run: RunPaths, profile: Profile, backend: str, init: str, size: int, seed: int) -> None:
    """Train and evaluate once.

    Writes ``training/{backend}/{init}-{size}-{seed}/``: ``losses.npy``, ``learning_rates.npy``, ``grad_norms.npy``,
    float64 (steps,); ``predictions.json``, ``nbest.json``; ``result.json`` last.

    Raises:
        InputError: a file is missing, or the loss is not finite.
        EnvironmentFault: the device is not there.
    """
    folder = run.training(backend, init, size, seed)
    (folder / "result.json").unlink(missing_ok=True)  # from here until the last line this training is not finished
    data = RunData(run, profile, backend)
    framework = load(backend)
    start, schedule = time.monotonic(), plan(data, size, seed)
    # native dropout draws from the framework's own generator: seeded anew for every training
    device = framework.setup(
        device=profile.device_of(backend),
        threads=profile.threads,
        seed=schedule.seed,
        precision=profile.training.precision,
    )
    checkpoint = run.checkpoint(backend, init)
    model = framework.load_model(checkpoint, rules=data.rules, dtype="float32", dropout=profile.training.dropout)
    curves = _steps(framework, model, data, size, seed, schedule)
    trained = time.monotonic()
    scores, predictions, nbest = _evaluate(framework, model, data)
    contents = {f"{name}.npy": _npy_bytes(array) for name, array in curves.items()}
    contents |= {"predictions.json": _json_bytes(predictions), "nbest.json": _json_bytes(nbest)}
    for name, content in contents.items():
        atomic_bytes(folder / name, content)
    result = {
        "backend": backend,
        "init": init,
        "size": size,
        "seed": seed,
        "order_seed": schedule.seed,
        "exact": scores["exact"],
        "f1": scores["f1"],
        "metrics": scores,
        "steps": schedule.steps,
        "schedule_steps": schedule.schedule_steps,
        "batches_of_one": schedule.batches_of_one,
        "epochs": len(schedule.orders),
        "features": len(data.features(f"train-{size}-{seed}")),
        "dev_features": len(data.features("dev")),
        "final_loss": float(curves["losses"][-1]),
        "device": device,
        "precision": profile.training.precision,
        "threads": profile.threads,
        "versions": framework.versions(),
        "seconds": round(time.monotonic() - start, 2),
        "durations": {"training": round(trained - start, 2), "evaluation": round(time.monotonic() - trained, 2)},
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
    }
    TrainingResult.model_validate(result).write(folder / "result.json")
    print(f"{backend} {init}-{size}-{seed}: exact {scores['exact']:.2f}, F1 {scores['f1']:.2f}", flush=True)


@dataclass(frozen=True)
class Plan:
    """What a training does.

    Attributes:
        orders: row numbers of every batch of every epoch.
        schedule_steps: step at which the learning rate reaches 0.
        seed: of order and dropout.
    """

    orders: list[list[list[int]]]
    schedule_steps: int
    seed: int

    @property
    def steps(self) -> int:
        """Steps that happen: all batches of all epochs, so up to an epoch more than the schedule has."""
        return sum(map(len, self.orders))

    @property
    def batches_of_one(self) -> int:
        """Training steps on a single window."""
        return sum(len(batch) == 1 for batch in chain.from_iterable(self.orders))


def plan(data: RunData, size: int, seed: int) -> Plan:
    """Plan of one training from the number of its windows."""
    settings = data.profile.training
    count = len(data.features(f"train-{size}-{seed}"))
    steps, epochs = total_steps(count, settings.batch_size, settings.epochs, settings.min_steps)
    order_seed = seed if settings.order_seed is None else settings.order_seed
    orders = epoch_orders(
        count,
        epochs=epochs,
        batch_size=settings.batch_size,
        shuffle=data.rules.shuffle,
        seed=order_seed,
        skip_batches_of_one=data.rules.skip_batches_of_one,
    )
    return Plan(list(orders), steps, order_seed)


def _steps(framework: Backend, model: Model, data: RunData, size: int, seed: int, schedule: Plan) -> Arrays:
    """Run every batch: ``losses``, ``learning_rates``, ``grad_norms``, float64 (steps,)."""
    settings, arrays = data.profile.training, data.features(f"train-{size}-{seed}").arrays()
    trainer = framework.make_trainer(model, rules=data.rules, settings=settings, total_steps=schedule.schedule_steps)
    shared = settings.dropout_masks == "shared" and settings.dropout > 0
    masks = DropoutMasks(dropout_seed(schedule.seed, size)) if shared else None

    def batches() -> Iterator[Arrays]:
        for order in schedule.orders:
            yield from framework.batches(arrays, order)

    rows = []
    title = f"train {data.backend} {size}-{seed}"
    for number, batch in enumerate(track(batches(), total=schedule.steps, title=title)):
        report = trainer.step(batch, masks)
        if not math.isfinite(report.loss):
            raise InputError(
                f"the loss of step {number} is {report.loss}: training cannot go on",
                where=f"{data.backend}, {size} examples, seed {seed}",
                next_step="try a smaller training.learning_rate",
            )
        rows.append(report)
    columns = np.array(rows, dtype=np.float64).T
    return dict(zip(("losses", "learning_rates", "grad_norms"), columns, strict=True))


def _evaluate(framework: Backend, model: Model, data: RunData) -> tuple[dict[str, float], dict[str, str], Any]:
    """(scores, predictions, n-best lists) on the dev set."""
    batch_size, features = data.profile.training.eval_batch_size, data.features("dev")
    examples = data.examples("dev", training=False)
    start, end = predict(framework, model, features, batch_size, f"evaluate {data.backend}")
    predictions, nbest = best_answers(examples, features, start, end, data.vocabulary(), **data.answer_limits)
    return squad_metric(examples, predictions), predictions, nbest


def _npy_bytes(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _json_bytes(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False) + "\n").encode()
