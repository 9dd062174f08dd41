"""The parts of the work: what is measured in each, and what of its result the other program must agree with.

``part(program, material, argument)`` prepares, runs what must not be counted (the first step of a training pays for the
optimizer's state), and returns what is measured.
"""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.programs.material import Material
from benchmarks.programs.protocol import SETTINGS, Program
from repro.data.batches import epoch_orders

SMALL_STEP_ROWS = 1  # of the uncounted first step where a whole batch would take a minute


class Outcome(NamedTuple):
    """What both programs of a pair must agree on: texts one by one, numbers to a tolerance."""

    items: list[str]
    numbers: dict[str, float]


class Work(NamedTuple):
    """What is measured, and the outcome of its result."""

    run: Callable[[], Any]
    outcome: Callable[[Any], Outcome]


def features(program: Program, material: Material, size: str) -> Work:
    """Questions of a training file to windows."""
    examples = material.training_examples(int(size))

    def windows(result: Any) -> Outcome:
        ids, answers = (array.astype(np.int64) for array in program.windows(result))
        return Outcome([hashlib.sha256(bytes(a) + bytes(b)).hexdigest() for a, b in zip(ids, answers, strict=True)], {})

    return Work(lambda: program.features(examples, training=True), windows)


def candidates(program: Program, material: Material, _: str) -> Work:
    """Random logits of all windows to answers, and their score."""
    examples = material.dev_examples()
    windows = program.features(examples, training=False)
    shape = program.windows(windows)[0].shape
    start, end = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)

    def answer() -> tuple[dict[str, str], dict[str, float]]:
        texts = program.answers(examples, windows, start, end)
        return texts, program.score(examples, texts)

    return Work(answer, lambda result: _scored(*result))


def step(program: Program, material: Material, geometry: str) -> Work:
    """One training step: forward, backward, clipping, update; dropout 0.1, first 12 windows of the 16 examples."""
    windows, model = program.features(material.training_examples(16), training=True), program.model(geometry)
    rows = list(range(SETTINGS.batch_size))
    first, batch = program.batches(windows, [rows[: SMALL_STEP_ROWS if geometry == "base" else None], rows])
    loss, trainer = program.loss(model, first), program.trainer(model, SETTINGS.min_steps)
    trainer(first)
    return Work(lambda: trainer(batch), lambda _: Outcome([], {"loss": loss}))


def evaluation(program: Program, material: Material, geometry: str) -> Work:
    """Logits of all windows of the questions."""
    windows, model = program.features(material.dev_examples(), training=False), program.model(geometry)

    def best(logits: tuple[np.ndarray, np.ndarray]) -> Outcome:
        start, end = (side.argmax(axis=1).tolist() for side in logits)
        return Outcome([f"{first}-{last}" for first, last in zip(start, end, strict=True)], {})

    return Work(lambda: program.predict(model, windows), best)


def fine_tuning(program: Program, material: Material, geometry: str) -> Work:
    """From the files to the score: 16 examples, ``material.steps`` steps, then the questions."""

    def run() -> tuple[list[float], dict[str, float]]:
        windows, model = program.features(material.training_examples(16), training=True), program.model(geometry)
        count, size = len(program.windows(windows)[0]), SETTINGS.batch_size
        orders = epoch_orders(count, epochs=material.steps, batch_size=size, shuffle=True, seed=SETTINGS.seeds[0])
        order = [batch for epoch in orders for batch in epoch][: material.steps]
        trainer = program.trainer(model, material.steps)
        losses = [trainer(batch) for batch in program.batches(windows, order)]
        examples = material.dev_examples()
        windows = program.features(examples, training=False)
        texts = program.answers(examples, windows, *program.predict(model, windows))
        return losses, program.score(examples, texts)

    def outcome(result: tuple[list[float], dict[str, float]]) -> Outcome:
        losses, _ = result  # the score is not judged: a short training of random weights moves it by chance
        return Outcome([], {"mean loss": float(np.mean(losses))})

    return Work(run, outcome)


def _scored(texts: dict[str, str], score: dict[str, float]) -> Outcome:
    return Outcome(list(texts.values()), {"F1": score["f1"]})


PARTS: dict[str, Callable[[Program, Material, str], Work]] = {
    "features": features,
    "candidates": candidates,
    "step": step,
    "evaluation": evaluation,
    "fine-tuning": fine_tuning,
}
WHOLE = ("fine-tuning",)  # counted from the start of the process, imports included
