"""Box ``train``: one fine-tuning with one framework, from start weights to metrics on the dev set.

The loop owns no framework: order of rows and dropout masks come from numpy, so that both frameworks get the same ones.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from repro.backends import Backend, Model, load
from repro.data.batches import epoch_orders, total_steps
from repro.data.candidates import best_answers
from repro.data.dropout import DropoutStream, dropout_seed
from repro.data.metric import squad_metric
from repro.errors import InputError
from repro.paths import RunPaths, atomic_bytes, atomic_json, read_json, sha256_file
from repro.profile import Profile, run_profile
from repro.progress import track
from repro.steps.context import Inputs, predict
from repro.steps.provenance import digest, source_fingerprint

SOURCES = ("backends", "checkpoint", "data", "steps/train.py", "steps/context.py", "profile.py", "protocol.py")
# Settings that no single training depends on.
IRRELEVANT = {"sizes", "seeds", "baseline"}


@dataclass(frozen=True)
class Plan:
    """What a training does: batches of every epoch, the schedule's end, seed of order and dropout."""

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


def plan(inputs: Inputs, size: int, seed: int) -> Plan:
    """Plan of one training from the number of its windows."""
    settings = inputs.profile.training
    count = len(inputs.features(f"train-{size}-{seed}"))
    steps, epochs = total_steps(count, settings.batch_size, settings.epochs, settings.min_steps)
    chosen = seed if settings.order_seed is None else settings.order_seed
    orders = epoch_orders(
        count,
        epochs=epochs,
        batch_size=settings.batch_size,
        shuffle=inputs.rules.shuffle,
        seed=chosen,
        skip_batches_of_one=inputs.rules.skip_batches_of_one,
    )
    return Plan(list(orders), steps, chosen)


def _fingerprint(inputs: Inputs, size: int, seed: int, init: str, framework: Backend, device: str) -> str:
    """Everything that the result depends on."""
    run, profile, backend = inputs.run, inputs.profile, inputs.backend
    files = [run.features(backend, split) for split in ("dev", f"train-{size}-{seed}")]
    files += [run.checkpoint(backend, init) / name for name in ("model.safetensors", "config.json")]
    for path in files:
        if not path.is_file():
            raise InputError("training needs a file that is not there yet", where=path, next_step="repro all --out DIR")
    content = [
        [backend, init, size, seed, device, profile.threads, profile.protocol],
        profile.training.model_dump(mode="json", exclude=IRRELEVANT),
        [sha256_file(path) for path in files],
        [sha256_file(inputs.split_file("dev")), sha256_file(inputs.vocabulary_file)],
        framework.versions(),
        source_fingerprint(SOURCES, without="paddle" if backend == "pytorch" else "pytorch"),
    ]
    return digest(content)


def _finished(folder: Path, fingerprint: str) -> bool:
    """Whether this training was finished under this fingerprint and its files are those that it wrote."""
    if not (folder / "result.json").is_file():
        return False
    result = read_json(folder / "result.json")
    if result.get("fingerprint") != fingerprint:
        return False
    return all(
        (folder / name).is_file() and sha256_file(folder / name) == expected
        for name, expected in result["files"].items()
    )


def _steps(framework: Backend, model: Model, inputs: Inputs, size: int, seed: int, made: Plan) -> dict[str, np.ndarray]:
    """Run every batch: ``losses``, ``learning_rates``, ``grad_norms``, float64 (steps,)."""
    settings = inputs.profile.training
    trainer = framework.make_trainer(model, rules=inputs.rules, settings=settings, total_steps=made.schedule_steps)
    shared = settings.dropout_masks == "shared" and settings.dropout > 0
    stream = DropoutStream(dropout_seed(made.seed, size)) if shared else None
    arrays = inputs.features(f"train-{size}-{seed}").arrays()

    def batches() -> Iterator[dict[str, np.ndarray]]:
        for order in made.orders:
            yield from framework.batches(arrays, order)

    rows = []
    for number, batch in enumerate(track(batches(), total=made.steps, title=f"train {inputs.backend} {size}-{seed}")):
        told = trainer.step(batch, stream)
        if not math.isfinite(told["loss"]):
            raise InputError(
                f"the loss of step {number} is {told['loss']}: training cannot go on",
                where=f"{inputs.backend}, {size} examples, seed {seed}",
                next_step="try a smaller training.learning_rate",
            )
        rows.append((told["loss"], told["learning_rate"], told["grad_norm"]))
    columns = np.array(rows, dtype=np.float64).T
    return dict(zip(("losses", "learning_rates", "grad_norms"), columns, strict=True))


def _plain_array(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _evaluate(framework: Backend, model: Model, inputs: Inputs) -> tuple[dict[str, float], dict[str, str], Any]:
    """(scores, predictions, n-best lists) on the dev set."""
    settings, features = inputs.profile.training, inputs.features("dev")
    examples = inputs.examples("dev", training=False)
    start, end = predict(framework, model, features, settings.eval_batch_size, f"evaluate {inputs.backend}")
    predictions, nbest = best_answers(
        examples,
        features,
        start,
        end,
        inputs.vocabulary(),
        n_best=settings.n_best,
        max_answer_length=settings.max_answer_length,
    )
    return squad_metric(examples, predictions), predictions, nbest


def _json_bytes(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False) + "\n").encode()


def train_one(run: RunPaths, profile: Profile, backend: str, init: str, size: int, seed: int) -> bool:
    """Train and evaluate once unless it is finished already; True if work was done.

    Writes ``training/{backend}/{init}-{size}-{seed}/``, ``result.json`` last.

    Raises:
        InputError: a file is missing, or the loss is not finite.
        EnvironmentFault: the device is not there.
    """
    inputs = Inputs(run, profile, backend)
    framework = load(backend)
    order_seed = seed if profile.training.order_seed is None else profile.training.order_seed
    # native dropout draws from the framework's own generator: seeded anew for every training
    device = framework.setup(device=profile.device, threads=profile.threads, seed=order_seed)
    fingerprint = _fingerprint(inputs, size, seed, init, framework, device)
    folder = run.training(backend, init, size, seed)
    if _finished(folder, fingerprint):
        return False
    (folder / "result.json").unlink(missing_ok=True)  # from here until the last line this training is not finished
    start, made = time.monotonic(), plan(inputs, size, seed)
    checkpoint = run.checkpoint(backend, init)
    model = framework.load_model(checkpoint, rules=inputs.rules, dtype="float32", dropout=profile.training.dropout)
    curves = _steps(framework, model, inputs, size, seed, made)
    trained = time.monotonic()
    scores, predictions, nbest = _evaluate(framework, model, inputs)
    contents = {f"{name}.npy": _plain_array(array) for name, array in curves.items()}
    contents |= {"predictions.json": _json_bytes(predictions), "nbest.json": _json_bytes(nbest)}
    for name, data in contents.items():
        atomic_bytes(folder / name, data)
    result = {
        "backend": backend,
        "init": init,
        "size": size,
        "seed": seed,
        "order_seed": made.seed,
        "exact": scores["exact"],
        "f1": scores["f1"],
        "metrics": scores,
        "steps": made.steps,
        "schedule_steps": made.schedule_steps,
        "batches_of_one": made.batches_of_one,
        "epochs": len(made.orders),
        "features": len(inputs.features(f"train-{size}-{seed}")),
        "dev_features": len(inputs.features("dev")),
        "final_loss": float(curves["losses"][-1]),
        "fingerprint": fingerprint,
        "device": device,
        "threads": profile.threads,
        "versions": framework.versions(),
        "seconds": round(time.monotonic() - start, 2),
        "durations": {"training": round(trained - start, 2), "evaluation": round(time.monotonic() - trained, 2)},
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()},
    }
    atomic_json(folder / "result.json", result)
    print(f"{backend} {init}-{size}-{seed}: exact {scores['exact']:.2f}, F1 {scores['f1']:.2f}", flush=True)
    return True


def train(run: RunPaths, backend: str, init: str, size: int, seed: int) -> None:
    """One training of a run, by its own profile."""
    train_one(run, run_profile(run), backend, init, size, seed)
