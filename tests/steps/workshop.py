"""A whole small run with two fake frameworks, and ways to spoil it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_framework import FakeFramework
from fake_model import LENGTH, VOCABULARY, Faults, start_arrays
from safetensors.numpy import save_file

import repro.steps.capture
import repro.steps.train
from repro.data.features import make_features
from repro.data.mrqa import read_examples
from repro.dumps import read_dump, write_dump
from repro.numerics.record import StepResult
from repro.paths import RunPaths, atomic_json, read_json, sha256_file
from repro.profile import Profile, load_profile, save_profile
from repro.steps.capture import capture_step
from repro.steps.compare import compare_step

SPECIAL = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 104: "[QUESTION]", 105: "."}
NAMES = [SPECIAL.get(i, f"w{i}") for i in range(VOCABULARY)]
OVERRIDES = {
    "features.max_seq_length": LENGTH,
    "features.doc_stride": 6,
    "features.max_query_length": 6,
    "alignment.batch_size": 4,
    "alignment.eval_batch_size": 4,
    "alignment.batches": 3,
    "alignment.metric_questions": 8,
    "alignment.optimizer_steps": 3,
    "alignment.training_steps": 6,
    "alignment.float64_training_steps": 6,
    "training.batch_size": 4,
    "training.epochs": 1,
    "training.min_steps": 10,
    "training.learning_rate": 0.01,
    "training.sizes": [16],
    "training.seeds": [42, 43, 44],
    "training.baseline": {"sizes": [16], "seeds": [42]},
}


def write_mrqa(path: Path, count: int, seed: int) -> None:
    """Questions about one context each, of words of the vocabulary."""
    generator = np.random.Generator(np.random.PCG64(seed))
    lines = ['{"header": {"dataset": "fake"}}']
    for number in range(count):
        words = [NAMES[i] for i in generator.integers(106, VOCABULARY, generator.integers(8, 20))]
        starts = np.cumsum([0, *(len(word) + 1 for word in words[:-1])]).tolist()
        first = int(generator.integers(0, len(words) - 1))
        place = [starts[first], starts[first + 1] + len(words[first + 1]) - 1]
        answer = {
            "text": " ".join(words[first : first + 2]),
            "char_spans": [place],
            "token_spans": [[first, first + 1]],
        }
        question = " ".join(words[first + 2 : first + 4] or ["w110"])
        qa = {
            "qid": f"{seed}-{number}",
            "question": question,
            "answers": [answer["text"]],
            "detected_answers": [answer],
        }
        tokens = [[word, start] for word, start in zip(words, starts, strict=True)]
        lines.append(json.dumps({"context": " ".join(words), "context_tokens": tokens, "qas": [qa]}))
    path.write_text("\n".join(lines) + "\n")


def prepare(root: Path, **more: object) -> RunPaths:
    """A run directory with data, features and start weights, ready to be captured."""
    run = RunPaths(root)
    profile = load_profile("mini", {**OVERRIDES, **more})
    save_profile(run, profile)
    run.data.mkdir(parents=True)
    vocabulary = run.data / "vocab.txt"
    vocabulary.write_text("\n".join(NAMES) + "\n")
    files = {"dev": 14, **{f"train-16-{seed}": 16 for seed in (42, 43, 44)}}
    for number, (split, count) in enumerate(files.items()):
        write_mrqa(run.data / f"{split}.jsonl", count, number)
    entries = {name: run.data / f"{name}.jsonl" for name in files}
    found = {name: {"path": str(path), "sha256": sha256_file(path)} for name, path in entries.items()}
    vocab = {"path": str(vocabulary), "sha256": sha256_file(vocabulary)}
    atomic_json(run.inputs, {"data": {"files": found}, "vocab": vocab, "weights": {"path": None, "files": {}}})
    for backend in ("pytorch", "paddle"):
        for init, seed in (("pretrained", 0), ("random", 1)):
            folder = run.checkpoint(backend, init)
            folder.mkdir(parents=True)
            save_file(start_arrays(seed), folder / "model.safetensors")
            (folder / "config.json").write_text('{"hidden_size": 8, "num_hidden_layers": 1}')
        tokenize(run, profile, backend)
    return run


def tokenize(run: RunPaths, profile: Profile, backend: str, faults: Faults | None = None) -> None:
    """Features of every split by the fake tokeniser."""
    tokenizer = FakeFramework(backend, faults=faults or Faults()).load_tokenizer(run.data / "vocab.txt")
    for split in profile.splits():
        training = split != "dev"
        examples = read_examples(run.data / f"{split}.jsonl", training=training)
        made = make_features(examples, tokenizer, **profile.features.model_dump(), training=training)
        made.save(run.features(backend, split))


class Workshop:
    """A run that may be spoilt: capture again with a fault, change a dump, compare."""

    def __init__(self, run: RunPaths, profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
        self.run, self.profile, self._patch = run, profile, monkeypatch
        self.frameworks: dict[str, FakeFramework] = {}
        self.use()

    def use(self, **faults: object) -> None:
        """Give Paddle's stand-in these faults."""
        self.frameworks = {
            "pytorch": FakeFramework("pytorch"),
            "paddle": FakeFramework("paddle", -1, Faults(**faults)),  # type: ignore[arg-type]
        }
        for module in (repro.steps.capture, repro.steps.train):
            self._patch.setattr(module, "load", self.frameworks.__getitem__)
        repro.steps.capture.opened.cache_clear()

    def capture(self, step: int, backends: tuple[str, ...] = ("pytorch", "paddle")) -> list[bool]:
        return [capture_step(self.run, self.profile, backend, step) for backend in backends]

    def compare(self, step: int) -> StepResult:
        return compare_step(self.run, self.profile, step)

    def faulty(self, step: int, **faults: object) -> StepResult:
        """Result of a step that Paddle's stand-in captured with faults."""
        self.use(**faults)
        self.capture(step)
        return self.compare(step)

    def change(
        self,
        step: int,
        change: Callable[[dict[str, np.ndarray]], object],
        dtype: str = "float32",
        backend: str = "paddle",
    ) -> StepResult:
        """Result of a step after a change to a dump, with provenance that fits the changed file."""
        path = self.run.dump(backend, step, dtype)
        arrays = read_dump(path)
        change(arrays)
        write_dump(path, arrays)
        content = read_json(self.run.capture(backend, step))
        content["dumps"][dtype]["sha256"] = sha256_file(path)
        atomic_json(self.run.capture(backend, step), content)
        return self.compare(step)
