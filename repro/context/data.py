"""The data of a run, tokenised by one backend."""

from collections.abc import Iterator
from functools import cached_property
from itertools import chain, islice
from typing import Any

import numpy as np

from repro.config.paths import RunPaths
from repro.config.profile import Profile
from repro.config.protocol import Rules, rules
from repro.data.batches import epoch_orders, take, total_steps
from repro.data.features import Features
from repro.data.mrqa import Example, read_examples
from repro.data.vocabulary import read_vocabulary
from repro.numerics.arrays import Arrays
from repro.results.inputs import RunInputs, read_inputs


class RunData:
    """Files, windows and batches of a run, tokenised by one backend."""

    def __init__(self, run: RunPaths, profile: Profile, backend: str, followed: Rules | None = None) -> None:
        """What follows these rules; by default those of the backend under the profile's protocol."""
        self.run, self.profile, self.backend = run, profile, backend
        self.rules = followed or rules(profile.protocol, backend)
        self._features: dict[str, Features] = {}

    @property
    def train_split(self) -> str:
        """The training file of steps 1 to 10."""
        return f"train-{self.profile.alignment.size}-{self.profile.alignment.seed}"

    @cached_property
    def inputs(self) -> RunInputs:
        """The files that this run works on."""
        return read_inputs(self.run)

    @property
    def answer_limits(self) -> dict[str, Any]:
        """``n_best``, ``max_answer_length`` and ``lower_case``, as the search for answers takes them."""
        limits = self.profile.training.model_dump(include={"n_best", "max_answer_length"})
        return limits | {"lower_case": self.inputs.tokenizer.lower_case}

    def vocabulary(self) -> list[str]:
        """Tokens by id. Raises InputError if the file cannot be read."""
        return read_vocabulary(self.inputs.vocab.path).tokens

    def examples(self, split: str, *, training: bool) -> list[Example]:
        return read_examples(self.inputs.split(split), training=training)

    def features(self, split: str) -> Features:
        """Features of a split, read once per process."""
        if split not in self._features:
            self._features[split] = Features.load(self.run.features(self.backend, split))
        return self._features[split]

    def has_features(self, split: str) -> bool:
        """Whether this run has features of a split."""
        return self.run.features(self.backend, split).is_file()

    def first_batch(self) -> Arrays:
        """The first batch of the alignment's training file, in file order."""
        return take(self.features(self.train_split).arrays(), slice(self.profile.alignment.batch_size))

    def batch_order(self) -> list[list[list[int]]]:
        """Row numbers of every batch of every epoch of the alignment's training file, by the protocol's rules."""
        _, epochs = self._length()
        return list(self._orders(epochs, shuffle=self.rules.shuffle))

    def first_batches(self, steps: int) -> tuple[list[list[int]], int]:
        """(row numbers of the first training batches in file order, schedule's end), as many epochs as it takes."""
        end, _ = self._length()
        batches = chain.from_iterable(self._orders(steps, shuffle=False))
        return list(islice(batches, steps)), end

    def _length(self) -> tuple[int, int]:
        """(steps of the schedule, epochs) of a training on the alignment's file."""
        rows, settings = len(self.features(self.train_split)), self.profile.training
        return total_steps(rows, self.profile.alignment.batch_size, settings.epochs, settings.min_steps)

    def _orders(self, epochs: int, *, shuffle: bool) -> Iterator[list[list[int]]]:
        return epoch_orders(
            len(self.features(self.train_split)),
            epochs=epochs,
            batch_size=self.profile.alignment.batch_size,
            shuffle=shuffle,
            seed=self.profile.alignment.seed,
            skip_batches_of_one=self.rules.skip_batches_of_one,
        )

    def schedule_steps(self) -> dict[int, int]:
        """Training size -> step at which its schedule ends.

        Where the run has no features of a size, it assumes one window per example.
        """
        settings, seed = self.profile.training, self.profile.alignment.seed
        ends = {}
        for size in settings.sizes:
            split = f"train-{size}-{seed}"
            rows = len(self.features(split)) if self.has_features(split) else size
            ends[size] = total_steps(rows, settings.batch_size, settings.epochs, settings.min_steps)[0]
        return ends


def questions(data: RunData) -> tuple[list[Example], Features]:
    """The first dev questions (``alignment.metric_questions``) and their windows."""
    features = data.features("dev")
    examples = data.examples("dev", training=False)[: data.profile.alignment.metric_questions]
    return examples, features.take(np.flatnonzero(features.example_index < len(examples)))
