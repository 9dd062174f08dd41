"""Step 9: features of the training file from both tokenisers, the first batch, the order of all batches, and the first
dropout mask."""

from __future__ import annotations

from typing import Any

import numpy as np

from repro.data.dropout import DropoutStream, dropout_seed
from repro.data.features import MODEL_ARRAYS
from repro.numerics.record import ClaimResult
from repro.steps import answers
from repro.steps.context import CaptureContext, Dumps
from repro.steps.outcome import Outcome
from repro.steps.pair import CompareContext, find

TITLE = "Training data"
CLAIMS = ("9.train_data",)
EPOCHS = 3
DROPOUT = 0.1  # of the mask that is shown; a profile's own probability changes no seed


def padded(values: np.ndarray, length: int, filler: int) -> np.ndarray:
    """(length,) int64: a loader that leaves rows out still yields an array that can be compared."""
    found = np.full(length, filler, dtype=np.int64)
    found[: len(values)] = values
    return found


def capture(framework: Any, context: CaptureContext) -> Dumps:
    """The first batch under the published names, all rows as ``all.*``, what the loader made of the order, and
    ``dropout`` (B, T): 1 where the first mask of the shared stream keeps an element."""
    arrays = context.features(context.train_split).arrays()
    count = len(arrays["input_ids"])
    size = context.profile.alignment.batch_size
    (first,) = framework.batches(arrays, [list(range(min(size, count)))])
    found = {name: first[name] for name in MODEL_ARRAYS}
    found |= {f"all.{name}": array for name, array in arrays.items()}
    orders = context.batch_order()
    numbered = {"row": np.arange(count, dtype=np.int64), "input_ids": arrays["input_ids"]}
    for epoch, order in enumerate(orders[:EPOCHS]):
        loaded = list(framework.batches(numbered, order))
        rows = np.concatenate([batch["row"] for batch in loaded])
        content = np.concatenate([batch["input_ids"] for batch in loaded])
        found[f"order.{epoch}"] = padded(rows, count + 1, -1)
        found[f"sizes.{epoch}"] = padded(np.array([len(batch["row"]) for batch in loaded]), -(-count // size) + 1, 0)
        found[f"content.{epoch}"] = padded(content.sum(axis=1), count + 1, 0)
    stream = DropoutStream(dropout_seed(context.profile.alignment.seed, context.profile.alignment.size))
    found["dropout"] = (stream.mask(first["input_ids"].shape, DROPOUT) > 0).astype(np.int64)
    yield "float32", found


def compare(context: CompareContext) -> Outcome:
    """Equality of features, first batch and order; the claim needs all five arrays of the first batch."""
    records = context.records()
    five = [answers.zero(context, CLAIMS[0], find(records, name)) for name in MODEL_ARRAYS]
    bad = [answer for answer in five if answer.verdict != "reproduced"]
    claim: ClaimResult = bad[0] if bad else five[0]
    if not bad:
        shape = context.side("pytorch")["input_ids"].shape
        reason = f"All five arrays of the first batch are equal, ids {shape}, shapes and dtypes included."
        claim = ClaimResult(CLAIMS[0], 0.0, "reproduced", reason, 0.0, context.evidence())
    rows = len(context.side("pytorch")["all.input_ids"])
    equal = sum(record.verdict == "equal" for record in records)
    summary = (
        f"{equal} of {len(records)} arrays are equal: the first batch, all {rows} windows of the training file and the"
        f" batches of {EPOCHS} epochs as each framework's data loader handed them out."
    )
    notes = (
        "The order of rows and the dropout masks are drawn outside the frameworks, so they are equal by construction"
        " unless their seeds differ; what is compared besides is what each framework's own loader did with the order"
        " (row numbers, batch sizes, contents).",
    )
    return Outcome(tuple(records), (claim,), summary, notes=notes)
