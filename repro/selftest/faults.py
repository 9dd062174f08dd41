"""The table of planted faults, and those that need no framework.

A row says what a fault mimics and which steps have to see it; others may see it as well. The faults of model, optimizer
and initialiser are planted by ``repro.backends.{pytorch,paddle}.faults`` under the same names, in the running code of
that framework; those of data and files are planted here, for either framework.
"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from repro.alignment import capture
from repro.backends import Tokenizer, load
from repro.config.paths import RunPaths
from repro.config.profile import Profile, save_profile
from repro.context import data as context_data
from repro.data.batches import Batches, epoch_orders
from repro.data.dropout import DropoutStream
from repro.data.features import Features
from repro.dumps import write_dump
from repro.numerics.arrays import Arrays
from repro.selftest.paths import VOCABULARY
from repro.selftest.prepare import write_features


@dataclass(frozen=True)
class Fault:
    """One way to be wrong.

    Attributes:
        mimics: what goes wrong, in one sentence.
        steps: those that have to see it.
    """

    name: str
    mimics: str
    steps: tuple[int, ...]


TABLE = (
    Fault("layer-norm-epsilon", "The encoder's LayerNorms add 1e-5, the framework's default, not 1e-12.", (1, 8)),
    Fault("gelu-tanh", "gelu is approximated by tanh.", (1, 8)),
    Fault("transposed-weight", "One square matrix was not transposed on conversion.", (1, 8, 10)),
    Fault("weight-one-ulp", "One element of one start weight is off by 1 ulp.", (10,)),
    Fault("dropped-bias", "One linear layer leaves its bias out.", (1, 8)),
    Fault("swapped-start-end", "Start and end logits change places.", (1, 3, 4)),
    Fault("swapped-attention-heads", "The values of two attention heads change places.", (1, 8)),
    Fault("mask-off-by-one", "The attention mask ends one token late.", (1, 8)),
    Fault("segment-ids", "The encoder gets the segment ids that the original leaves out.", (1, 8)),
    Fault("sep-left-in", "[SEP] is attended to, and can be an answer.", (1, 8)),
    Fault("question-not-marked", "[MASK] is not replaced by [QUESTION].", (1, 8)),
    Fault("positions-shifted", "Positions count from 1.", (1, 8)),
    Fault("question-off-by-one", "The head asks the token after [QUESTION].", (1, 8)),
    Fault("attention-unscaled", "Attention scores are not divided by the root of the head size.", (1, 8)),
    Fault("layer-skipped", "One encoder layer is left out.", (1, 8)),
    Fault("layer-twice", "One encoder layer is run twice.", (1, 8)),
    Fault("dropout-on", "Dropout of 0.1 stays on in evaluation.", (1, 8)),
    Fault("float16", "The output of one layer goes through float16.", (1, 8)),
    Fault("tf32", "float32 products round their factors to the 11 bits of TF32; float64 is untouched.", (1, 8)),
    Fault("loss-summed", "The loss is summed over the batch, not averaged.", (4, 8)),
    Fault("outside-counted", "An answer beyond the window is not ignored in the loss.", (4,)),
    Fault("decayed-layer-norms", "Weight decay reaches the LayerNorms.", (7,)),
    Fault("l2-decay", "Weight decay is added to the gradients (Adam with L2), not to the update (AdamW).", (7,)),
    Fault("no-bias-correction", "AdamW leaves its bias correction out.", (5, 8)),
    Fault("eps-after-correction", "AdamW adds eps after the bias correction, not before.", (5,)),
    Fault("beta2", "AdamW's beta2 is 0.98, not 0.999.", (5, 8)),
    Fault("clipped-by-value", "Gradients are clipped element by element, not by their global norm.", (5, 7)),
    Fault("clipped-exactly", "The clipping factor is limit / norm, without the 1e-6 that the original adds.", (5, 7)),
    Fault("schedule-ahead", "The schedule is one step ahead of the optimizer.", (5, 8)),
    Fault("gradients-left", "Gradients are not set to zero between steps.", (8,)),
    Fault("warmup-off-by-one", "The warm-up takes one step more.", (6,)),
    Fault("wide-initialiser", "The initialiser draws matrices 10 % wider than declared.", (10,)),
    Fault("lower-case", "The tokeniser lower-cases texts.", (2, 9)),
    Fault("labels-shifted", "Answer positions are one token too far right.", (9,)),
    Fault("shuffled-rows", "The data loader shuffles rows within a batch.", (2, 9)),
    Fault("last-batch-dropped", "Training leaves a shorter last batch of an epoch out.", (9,)),
    Fault("order-seeds-unequal", "The order of the training rows is drawn from another seed.", (9,)),
    Fault("dropout-seeds-unequal", "Dropout masks are drawn from another seed.", (9,)),
    Fault("nan", "One element of one tensor is NaN.", (1, 4, 5, 6, 7, 8, 10)),
    Fault("stale-settings", "The dumps were captured under other settings.", tuple(range(1, 11))),
    Fault("stale-file", "A dump is not the file that its capture wrote.", tuple(range(1, 11))),
)
FAULTS = {fault.name: fault for fault in TABLE}
FAULT_NAMES = tuple(FAULTS)


@dataclass(frozen=True)
class Case:
    """One capture that is to go wrong: its run directory and the backend that captures in it."""

    run: RunPaths
    profile: Profile
    backend: str


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
    original = DropoutStream.__init__
    return patch.object(DropoutStream, "__init__", lambda stream, seed: original(stream, seed + 1))


def _nan(case: Case) -> AbstractContextManager[object]:
    def spoiled(path: Path, arrays: Arrays) -> None:
        floats = [name for name, array in arrays.items() if array.dtype.kind == "f"]
        if floats:
            name = max(floats, key=lambda name: arrays[name].size)
            array = arrays[name].copy()
            array.flat[array.size // 2] = np.nan
            arrays = {**arrays, name: array}
        write_dump(path, arrays)

    return patch.object(capture, "write_dump", spoiled)


@contextmanager
def _stale_settings(case: Case) -> Iterator[None]:
    alignment = case.profile.alignment
    other = alignment.model_copy(update={"metric_questions": alignment.metric_questions + 1})
    save_profile(case.run, case.profile.model_copy(update={"alignment": other}))
    yield
    save_profile(case.run, case.profile)


@contextmanager
def _stale_file(case: Case) -> Iterator[None]:
    """Every dump is that of the step before."""
    yield
    dumps = [case.run.dump(case.backend, step) for step in case.profile.steps]
    contents = [path.read_bytes() for path in dumps]
    for path, content in zip(dumps, contents[-1:] + contents[:-1], strict=True):
        path.write_bytes(content)


WITHOUT_FRAMEWORK: dict[str, Callable[[Case], AbstractContextManager[object]]] = {
    "lower-case": _lower_case,
    "labels-shifted": _labels_shifted,
    "shuffled-rows": _shuffled_rows,
    "last-batch-dropped": _last_batch_dropped,
    "order-seeds-unequal": _order_seeds_unequal,
    "dropout-seeds-unequal": _dropout_seeds_unequal,
    "nan": _nan,
    "stale-settings": _stale_settings,
    "stale-file": _stale_file,
}


def planted(fault: Fault, case: Case) -> AbstractContextManager[object]:
    """Within the context the capture of ``case`` goes wrong; afterwards framework and steps are as before."""
    if plant := WITHOUT_FRAMEWORK.get(fault.name):
        return plant(case)
    module = importlib.import_module(f"repro.backends.{case.backend}.faults")
    context: AbstractContextManager[object] = module.FAULTS[fault.name]()
    return context
