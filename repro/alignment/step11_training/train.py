"""Step 11, training: one fine-tuning with one framework, from start weights to the metric on the dev set.

The loop belongs to no framework: order of rows and dropout masks come from outside, the same for both.
"""

import hashlib
import io
import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from repro.backends import Backend, Model, load
from repro.config.paths import RunPaths, atomic_bytes
from repro.config.profile import Profile
from repro.config.protocol import Rules
from repro.config.trainings import TrainingKey
from repro.context.attempts import attempt
from repro.context.capture import OPTIMIZER_FIELDS, predict
from repro.context.data import RunData
from repro.data.batches import epoch_orders, first_batches, total_steps
from repro.data.candidates import best_answers
from repro.data.dropout import DropoutMasks, dropout_seed
from repro.data.metric import squad_metric
from repro.errors import InputError
from repro.numerics.arrays import Arrays
from repro.progress import track
from repro.results import TrainingResult

FIELDS: tuple[str, ...] = (
    *("features", *OPTIMIZER_FIELDS),
    *(f"training.{name}" for name in ("eval_batch_size", "dropout", "dropout_masks", "precision")),
    *(f"training.{name}" for name in ("n_best", "max_answer_length")),
)


def train_one(run: RunPaths, profile: Profile, backend: str, key: TrainingKey, *, rules: Rules, folder: Path) -> None:
    """Train and evaluate once, by these rules whatever the profile's protocol is.

    Writes into ``folder``: ``losses.npy``, ``learning_rates.npy``, ``grad_norms.npy``, float64 (steps,);
    ``predictions.json``, ``nbest.json``; ``result.json`` last. Says in ``attempts/{backend}/`` that it started, and how
    it ended.

    Raises:
        InputError: a file is missing, or the loss is not finite.
        EnvironmentFault: the device is not there.
    """
    (folder / "result.json").unlink(missing_ok=True)  # until it is there again, this training is not finished
    with attempt(run.attempts(backend, folder.name)) as finish:
        result = _train(RunData(run, profile, backend, rules), key, folder)
        result.write(folder / "result.json")
        finish(result)
    print(f"{backend} {folder.name}: exact {result.exact:.2f}, F1 {result.f1:.2f}", flush=True)


def _train(data: RunData, key: TrainingKey, folder: Path) -> TrainingResult:
    """The result of a training whose other files are written."""
    profile, framework = data.profile, load(data.backend)
    start, schedule = time.monotonic(), plan(data, key)
    # native dropout draws from the framework's own generator: seeded anew for every training
    device = framework.setup(
        device=profile.device_of(data.backend),
        threads=profile.threads,
        seed=schedule.seed,
        precision=profile.training.precision,
    )
    checkpoint = data.run.checkpoint(data.backend, key.init)
    model = framework.load_model(checkpoint, rules=data.rules, dtype="float32", dropout=profile.training.dropout)
    curves = _steps(framework, model, data, key, schedule)
    trained = time.monotonic()
    scores, predictions, nbest = _evaluate(framework, model, data)
    contents = {f"{name}.npy": _npy_bytes(array) for name, array in curves.items()}
    contents |= {"predictions.json": _json_bytes(predictions), "nbest.json": _json_bytes(nbest)}
    for name, content in contents.items():
        atomic_bytes(folder / name, content)
    result = {
        "backend": data.backend,
        **key._asdict(),
        "order_seed": schedule.seed,
        "rules": asdict(data.rules),
        "exact": scores["exact"],
        "f1": scores["f1"],
        "metrics": scores,
        "steps": schedule.steps,
        "schedule_steps": schedule.schedule_steps,
        "batches_of_one": schedule.batches_of_one,
        "epochs": len(schedule.orders),
        "features": len(data.features(_split(key))),
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
    return TrainingResult.model_validate(result)


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


def _split(key: TrainingKey) -> str:
    return f"train-{key.size}-{key.seed}"


def order_seed(seed: int, repeat: int) -> int:
    """Seed of order and dropout of a repeat: ``seed`` itself at first, then 32 bits that no file's seed comes near."""
    if repeat == 0:
        return seed
    return int.from_bytes(hashlib.blake2b(f"{seed} {repeat}".encode(), digest_size=4).digest())


def plan(data: RunData, key: TrainingKey) -> Plan:
    """Plan of one training from the number of its windows."""
    settings = data.profile.training
    count = len(data.features(_split(key)))
    steps, epochs = total_steps(count, settings.batch_size, settings.epochs, settings.min_steps)
    seed = order_seed(key.seed if settings.order_seed is None else settings.order_seed, key.repeat)
    orders = epoch_orders(
        count,
        epochs=epochs,
        batch_size=settings.batch_size,
        shuffle=data.rules.shuffle,
        seed=seed,
        skip_batches_of_one=data.rules.skip_batches_of_one,
    )
    return Plan(list(first_batches(orders, steps) if data.rules.stop_with_schedule else orders), steps, seed)


def _steps(framework: Backend, model: Model, data: RunData, key: TrainingKey, schedule: Plan) -> Arrays:
    """Run every batch: ``losses``, ``learning_rates``, ``grad_norms``, float64 (steps,)."""
    settings, arrays = data.profile.training, data.features(_split(key)).arrays()
    trainer = framework.make_trainer(model, rules=data.rules, settings=settings, total_steps=schedule.schedule_steps)
    shared = settings.dropout_masks == "shared" and settings.dropout > 0
    masks = DropoutMasks(dropout_seed(schedule.seed, key.size)) if shared else None

    def batches() -> Iterator[Arrays]:
        for order in schedule.orders:
            yield from framework.batches(arrays, order)

    rows = []
    title = f"train {data.backend} {key.name.removeprefix('pretrained-')}"
    for number, batch in enumerate(track(batches(), total=schedule.steps, title=title)):
        report = trainer.step(batch, masks)
        if not math.isfinite(report.loss):
            raise InputError(
                f"the loss of step {number} is {report.loss}: training cannot go on",
                where=f"{data.backend}, {key.name}",
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
