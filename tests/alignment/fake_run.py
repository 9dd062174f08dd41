"""A whole small run with two fake frameworks, and ways to damage it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import repro.alignment.step11_training.train
import repro.context.capture
from repro.alignment.capture import capture_step
from repro.alignment.compare import compare_step
from repro.analysis.measure import measure
from repro.config.paths import RunPaths, atomic_json, read_json, sha256_file
from repro.config.profile import Profile
from repro.config.profile_file import load_profile, save_profile
from repro.data.features import make_features
from repro.data.mrqa import read_examples
from repro.dumps import read_dump, write_dump
from repro.numerics.arrays import Arrays
from repro.results import Record, StepResult, Table
from tests.alignment.fake_framework import FakeFramework
from tests.alignment.fake_model import LENGTH, VOCABULARY, WIDTH, Faults, start_arrays
from tests.report.sentences import english_in

SPECIAL = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 104: "[QUESTION]", 105: "."}
NAMES = [SPECIAL.get(i, f"w{i}") for i in range(VOCABULARY)]
CONFIG = {
    **{"vocab_size": VOCABULARY, "hidden_size": WIDTH, "intermediate_size": WIDTH, "max_position_embeddings": LENGTH},
    **{"type_vocab_size": 2, "num_hidden_layers": 1, "num_attention_heads": 1},
}
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
    """Questions about one context each, of words of the vocabulary; two words are the answer, the next two ask."""
    generator = np.random.Generator(np.random.PCG64(seed))
    lines = ['{"header": {"dataset": "fake"}}']
    for number in range(count):
        words = [NAMES[i] for i in generator.integers(106, VOCABULARY, generator.integers(8, 20))]
        starts = np.cumsum([0, *(len(word) + 1 for word in words[:-1])]).tolist()
        first = int(generator.integers(0, len(words) - 1))
        text = " ".join(words[first : first + 2])
        place = [starts[first], starts[first] + len(text) - 1]
        answer = {"text": text, "char_spans": [place], "token_spans": [[first, first + 1]]}
        question: dict[str, Any] = {
            "qid": f"{seed}-{number}",
            "question": " ".join(words[first + 2 : first + 4] or ["w110"]),
        }
        question |= {"answers": [text], "detected_answers": [answer]}
        tokens = list(zip(words, starts, strict=True))
        lines.append(json.dumps({"context": " ".join(words), "context_tokens": tokens, "qas": [question]}))
    path.write_text("\n".join(lines) + "\n")


def prepare(root: Path) -> RunPaths:
    """A run directory with data, features and start weights, ready to be captured."""
    run = RunPaths(root)
    profile = load_profile("mini", OVERRIDES)
    save_profile(run, profile)
    run.data.mkdir(parents=True)
    vocabulary = run.data / "vocab.txt"
    vocabulary.write_text("\n".join(NAMES) + "\n")
    files = {"dev": 14, **{f"train-16-{seed}": 16 for seed in (42, 43, 44)}}
    for number, (split, count) in enumerate(files.items()):
        write_mrqa(run.data / f"{split}.jsonl", count, number)
    entries = {name: entry(run.data / f"{name}.jsonl") for name in files}
    weights: dict[str, object] = {"path": None, "files": {}}
    atomic_json(run.inputs, {"data": {"files": entries}, "vocab": entry(vocabulary), "weights": weights})
    for backend in ("pytorch", "paddle"):
        for init, seed in (("pretrained", 0), ("random", 1)):
            folder = run.checkpoint(backend, init)
            folder.mkdir(parents=True)
            save_file(start_arrays(seed), folder / "model.safetensors")
            atomic_json(folder / "config.json", CONFIG)
        tokenize(run, profile, backend)
    return run


def entry(path: Path) -> dict[str, str]:
    """A file as ``inputs.json`` names it."""
    return {"path": str(path), "sha256": sha256_file(path)}


def tokenize(run: RunPaths, profile: Profile, backend: str, faults: Faults | None = None) -> None:
    """Features of every split by the fake tokeniser."""
    tokenizer = FakeFramework(backend, faults=faults or Faults()).load_tokenizer(run.data / "vocab.txt")
    for split in profile.splits():
        training = split != "dev"
        examples = read_examples(run.data / f"{split}.jsonl", training=training)
        features = make_features(examples, tokenizer, **profile.features.model_dump(), training=training)
        features.save(run.features(backend, split))


class FakeRun:
    """A run that a test may damage: capture again with a fault, change a dump, compare."""

    def __init__(self, run: RunPaths, profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
        self.run, self.profile, self._patch = run, profile, monkeypatch
        self.frameworks: dict[str, FakeFramework] = {}
        self.use()

    def use(self, **faults: Any) -> None:
        """Give Paddle's stand-in these faults."""
        self.frameworks = {"pytorch": FakeFramework("pytorch"), "paddle": FakeFramework("paddle", -1, Faults(**faults))}
        for module in (repro.context.capture, repro.alignment.step11_training.train):
            self._patch.setattr(module, "load", self.frameworks.__getitem__)
        repro.context.capture.opened.cache_clear()

    def set(self, section: str, **changes: object) -> None:
        """Change fields of a section of the profile."""
        fields = getattr(self.profile, section).model_copy(update=changes)
        self.profile = self.profile.model_copy(update={section: fields})

    def capture(self, step: int, backends: tuple[str, ...] = ("pytorch", "paddle")) -> None:
        for backend in backends:
            capture_step(self.run, self.profile, backend, step)

    def measure(self) -> None:
        for backend in ("pytorch", "paddle"):
            measure(self.run, self.profile, backend)

    def compare(self, step: int) -> StepResult:
        result = compare_step(self.run, self.profile, step)
        left = english_in(result)
        assert not left, left  # a report in Chinese is Chinese, whatever the verdict
        return result

    def faulty(self, step: int, **faults: Any) -> StepResult:
        """Result of a step that Paddle's stand-in captured with faults."""
        self.use(**faults)
        self.capture(step)
        return self.compare(step)

    def change(
        self, step: int, change: Callable[[Arrays], object], dtype: str = "float32", backend: str = "paddle"
    ) -> StepResult:
        """Result of a step after a change to a dump, with provenance that fits the changed file."""
        path = self.run.dump(backend, step, dtype)
        arrays = read_dump(path)
        change(arrays)
        write_dump(path, arrays)
        self.trust(step, dtype, backend)
        return self.compare(step)

    def trust(self, step: int, dtype: str = "float32", backend: str = "paddle") -> None:
        """Make the provenance fit a dump that was changed."""
        content = read_json(self.run.capture(backend, step))
        content["dumps"][dtype]["sha256"] = sha256_file(self.run.dump(backend, step, dtype))
        atomic_json(self.run.capture(backend, step), content)


def by_name(result: StepResult) -> dict[str, Record]:
    """The records of a step."""
    return {record.name: record for record in result.records}


def table(result: StepResult, title: str) -> Table:
    """The table of a step whose title starts like this."""
    return next(table for table in result.tables if table.title.startswith(title))


def rows(result: StepResult, title: str) -> dict[Any, Any]:
    """Its rows, by their first cell."""
    return {row[0]: row for row in table(result, title).rows}
