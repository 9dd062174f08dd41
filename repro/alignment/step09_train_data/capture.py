"""Step 9, capture: the training file as the framework tokenises and loads it.

Evidence: all windows, the first batch, row numbers and contents of every batch of three epochs as the data loader
yields them, and the first shared dropout mask.
"""

import numpy as np

from repro.backends import Backend
from repro.context.capture import CaptureContext, Dumps
from repro.data.dropout import DropoutMasks, dropout_seed
from repro.data.features import MODEL_ARRAYS

FIELDS: tuple[str, ...] = ("training.batch_size", "training.epochs", "training.min_steps", "training.order_seed")

EPOCHS = 3
DROPOUT = 0.1  # of the mask that is shown; a profile's own probability changes no seed


def capture(framework: Backend, context: CaptureContext) -> Dumps:
    """Windows, batches, order and mask.

    Yields:
        ``float32`` and int64 arrays: the first batch under the published names (B, T), positions (B,); ``all.{name}``
        (N, T), positions (N,); for each epoch ``order.{epoch}``, row numbers (N + 1,), ``sizes.{epoch}``, rows per
        batch (batches + 1,), ``content.{epoch}``, sum of each row's ids (N + 1,), all padded; ``dropout`` (B, T), 1
        where the mask keeps an element.
    """
    arrays = context.features(context.train_split).arrays()
    count = len(arrays["input_ids"])
    size = context.profile.alignment.batch_size
    (first,) = framework.batches(arrays, [list(range(min(size, count)))])
    dump = {name: first[name] for name in MODEL_ARRAYS}
    dump |= {f"all.{name}": array for name, array in arrays.items()}
    numbered = {"row": np.arange(count, dtype=np.int64), "input_ids": arrays["input_ids"]}
    for epoch, order in enumerate(context.batch_order()[:EPOCHS]):
        loaded = list(framework.batches(numbered, order))
        rows = np.concatenate([batch["row"] for batch in loaded])
        content = np.concatenate([batch["input_ids"] for batch in loaded])
        dump[f"order.{epoch}"] = padded(rows, count + 1, -1)
        dump[f"sizes.{epoch}"] = padded(np.array([len(batch["row"]) for batch in loaded]), -(-count // size) + 1, 0)
        dump[f"content.{epoch}"] = padded(content.sum(axis=1), count + 1, 0)
    masks = DropoutMasks(dropout_seed(context.profile.alignment.seed, context.profile.alignment.size))
    ids = first["input_ids"]
    dump["dropout"] = framework.shared_mask(masks, np.arange(len(ids)), ids.shape, DROPOUT).astype(np.int64)
    yield "float32", dump


def padded(values: np.ndarray, length: int, filler: int) -> np.ndarray:
    """(length,) int64: a loader that leaves rows out still yields an array that can be compared."""
    array = np.full(length, filler, dtype=np.int64)
    array[: len(values)] = values
    return array
