"""Faults of data, order and masks: planted for either framework in what feeds it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np

from repro.backends import Tokenizer, load
from repro.context import data as context_data
from repro.data.batches import Batches, epoch_orders
from repro.data.dropout import DropoutMasks
from repro.data.features import Features
from repro.numerics.arrays import Arrays
from repro.selftest.case import Case
from repro.selftest.paths import VOCABULARY
from repro.selftest.prepare import write_features


class _LowerCase:
    """A tokeniser that lower-cases every text but special tokens such as ``[MASK]``."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def tokenize(self, text: str) -> list[str]:
        return self._tokenizer.tokenize(text if "[" in text else text.lower())

    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]:
        return self._tokenizer.convert_tokens_to_ids(tokens)


@contextmanager
def _lower_case(case: Case) -> Iterator[None]:
    tokenizer = _LowerCase(load(case.backend).load_tokenizer(VOCABULARY))
    write_features(case.run, case.profile, case.backend, tokenizer)
    yield


@contextmanager
def _labels_shifted(case: Case) -> Iterator[None]:
    path = case.run.features(case.backend, f"train-{case.profile.alignment.size}-{case.profile.alignment.seed}")
    features = Features.load(path)
    shifted = replace(features, start_positions=features.start_positions + 1, end_positions=features.end_positions + 1)
    shifted.save(path)
    yield


def _shuffled_rows(case: Case) -> AbstractContextManager[object]:
    framework = load(case.backend)
    original, generator = framework.batches, np.random.Generator(np.random.PCG64(case.profile.alignment.seed))

    def batches(arrays: Arrays, order: Batches) -> Iterator[Arrays]:
        return original(arrays, [generator.permutation(batch).tolist() for batch in order])

    return patch.object(framework, "batches", batches)


def _last_batch_dropped(case: Case) -> AbstractContextManager[object]:
    def full_batches(count: int, *, batch_size: int, **named: Any) -> Iterator[Batches]:
        for order in epoch_orders(count, batch_size=batch_size, **named):
            yield [batch for batch in order if len(batch) == batch_size]

    return patch.object(context_data, "epoch_orders", full_batches)


def _order_seeds_unequal(case: Case) -> AbstractContextManager[object]:
    def other_orders(count: int, *, seed: int, **named: Any) -> Iterator[Batches]:
        return epoch_orders(count, seed=seed + 1, **named)

    return patch.object(context_data, "epoch_orders", other_orders)


def _dropout_seeds_unequal(case: Case) -> AbstractContextManager[object]:
    original = DropoutMasks.__init__
    return patch.object(DropoutMasks, "__init__", lambda masks, seed: original(masks, seed + 1))


DATA_FAULTS: dict[str, Callable[[Case], AbstractContextManager[object]]] = {
    "lower-case": _lower_case,
    "labels-shifted": _labels_shifted,
    "shuffled-rows": _shuffled_rows,
    "last-batch-dropped": _last_batch_dropped,
    "order-seeds-unequal": _order_seeds_unequal,
    "dropout-seeds-unequal": _dropout_seeds_unequal,
}
