"""What a step is handed: to capture, one framework with its models and data; to compare, both frameworks' dumps."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from repro.backends import Arrays, Backend, Model
from repro.data.batches import epoch_orders, eval_batches, total_steps
from repro.data.features import Features
from repro.data.mrqa import Example, read_examples
from repro.errors import InputError
from repro.paths import RunPaths, read_json
from repro.profile import Profile
from repro.progress import track
from repro.protocol import Rules, rules
from repro.steps.rows import take

Dumps = Iterator[tuple[str, Arrays]]  # precision and what was found in it; each is written before the next is made


def read_vocabulary(path: Path) -> list[str]:
    """Tokens by id, one a line.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    except OSError as error:
        raise InputError(f"cannot read vocabulary: {error.strerror}", where=path) from error


@dataclass
class Inputs:
    """Data of a run as one backend's own tokeniser made it."""

    run: RunPaths
    profile: Profile
    backend: str
    _features: dict[str, Features] = field(default_factory=dict)

    @property
    def rules(self) -> Rules:
        """Training rules of this backend under the profile's protocol."""
        return rules(self.profile.protocol, self.backend)

    @property
    def train_split(self) -> str:
        """The training file of steps 1 to 10."""
        return f"train-{self.profile.alignment.size}-{self.profile.alignment.seed}"

    @cached_property
    def _found(self) -> Any:
        if not self.run.inputs.is_file():
            raise InputError("the run has no inputs yet", where=self.run.root, next_step="repro inputs --run DIR")
        return read_json(self.run.inputs)

    def split_file(self, split: str) -> Path:
        """The MRQA file of a split."""
        try:
            return Path(self._found["data"]["files"][split]["path"])
        except KeyError as error:
            raise InputError(f"inputs.json names no file for {split}", where=self.run.inputs) from error

    @property
    def vocabulary_file(self) -> Path:
        return Path(self._found["vocab"]["path"])

    def vocabulary(self) -> list[str]:
        """Tokens by id."""
        return read_vocabulary(self.vocabulary_file)

    def examples(self, split: str, *, training: bool) -> list[Example]:
        return read_examples(self.split_file(split), training=training)

    def features(self, split: str) -> Features:
        """Features of a split, read once a process."""
        if split not in self._features:
            self._features[split] = Features.load(self.run.features(self.backend, split))
        return self._features[split]

    def has_features(self, split: str) -> bool:
        """Whether this run made features of a split."""
        return self.run.features(self.backend, split).is_file()

    def first_batch(self) -> Arrays:
        """The first batch of the alignment's training file, in file order."""
        return take(self.features(self.train_split).arrays(), slice(self.profile.alignment.batch_size))

    def batch_order(self) -> list[list[list[int]]]:
        """Row numbers of every batch of every epoch of the alignment's training file, by the protocol's rules."""
        settings, alignment = self.profile.training, self.profile.alignment
        rows = len(self.features(self.train_split))
        _, epochs = total_steps(rows, alignment.batch_size, settings.epochs, settings.min_steps)
        orders = epoch_orders(
            rows,
            epochs=epochs,
            batch_size=alignment.batch_size,
            shuffle=self.rules.shuffle,
            seed=alignment.seed,
            skip_batches_of_one=self.rules.skip_batches_of_one,
        )
        return list(orders)

    def first_batches(self, steps: int) -> tuple[list[list[int]], int]:
        """(row numbers of the first training batches in file order, schedule's end), as many epochs as it takes."""
        alignment, rows = self.profile.alignment, len(self.features(self.train_split))
        settings = self.profile.training
        end, _ = total_steps(rows, alignment.batch_size, settings.epochs, settings.min_steps)
        orders = epoch_orders(
            rows,
            epochs=steps,
            batch_size=alignment.batch_size,
            shuffle=False,
            seed=alignment.seed,
            skip_batches_of_one=self.rules.skip_batches_of_one,
        )
        return list(islice(chain.from_iterable(orders), steps)), end

    def schedule_steps(self) -> dict[int, int]:
        """Training size -> step at which its schedule ends.

        Where the run has no features of a size, as many windows as examples are reckoned with.
        """
        settings = self.profile.training
        seed = self.profile.alignment.seed
        found = {}
        for size in settings.sizes:
            split = f"train-{size}-{seed}"
            rows = len(self.features(split)) if self.has_features(split) else size
            found[size] = total_steps(rows, settings.batch_size, settings.epochs, settings.min_steps)[0]
        return found


@dataclass
class CaptureContext(Inputs):
    """Everything a step needs to capture inside one framework's process."""

    framework: Backend = None  # type: ignore[assignment]
    _models: dict[str, Model] = field(default_factory=dict)

    def model(self, dtype: str = "float32") -> Model:
        """The start weights under the protocol's rules, dropout 0, loaded once a dtype. Not to be trained."""
        if dtype not in self._models:
            self._models[dtype] = self.fresh_model(dtype)
        return self._models[dtype]

    def fresh_model(self, dtype: str = "float32", chosen: Rules | None = None) -> Model:
        """A model of its own, for steps that change the weights. All before it are let go of."""
        self.release()
        checkpoint = self.run.checkpoint(self.backend)
        return self.framework.load_model(checkpoint, rules=chosen or self.rules, dtype=dtype, dropout=0.0)

    def config(self) -> dict[str, Any]:
        """BERT configuration of the start weights."""
        content: dict[str, Any] = read_json(self.run.checkpoint(self.backend) / "config.json")
        return content

    def release(self) -> None:
        """Let go of cached models, and of models and optimizers in cycles, which only the collector finds."""
        self._models.clear()
        gc.collect()

    def logits(self, dtype: str, rows: np.ndarray, features: Features) -> tuple[np.ndarray, np.ndarray]:
        """Start and end logits (rows, T) through the framework's own loader, evaluation batch size."""
        size = self.profile.alignment.eval_batch_size
        return predict(self.framework, self.model(dtype), features.take(rows), size)


def predict(
    framework: Backend, model: Model, features: Features, batch_size: int, title: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Start and end logits (N, T) of every window, in order; progress under ``title`` if there is one."""
    order = eval_batches(len(features), batch_size)
    starts, ends = [], []
    loaded = framework.batches(features.arrays(), order)
    for batch in track(loaded, total=len(order), title=title) if title else loaded:
        found = model.forward(batch)
        starts.append(found["start_logits"])
        ends.append(found["end_logits"])
    return np.concatenate(starts), np.concatenate(ends)
