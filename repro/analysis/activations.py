"""Activations of step 1 as they stand in its dumps, and the positions that can be an answer."""

import numpy as np

from repro.numerics.arrays import Arrays

UNMASKED = "model_output[unmasked]"
CLASSIFIERS = tuple(f"splinter_qass.{side}_classifier.weight" for side in ("start", "end"))
SCALED = ("start_temp", "start_logits_unmasked", "end_temp", "end_logits_unmasked")  # computed from the classifiers
LARGER = "scaled."  # prefix of these activations with scaled classifiers
FACTOR = "scaled.factor"
PUBLISHED_SIZE = 800.0  # root mean square of the logits in the published dumps


def attended(batch: Arrays) -> np.ndarray:
    """(B, T) int64: 1 where a token can be an answer; 0 for padding and ``[SEP]``, as the model masks them."""
    ids, mask = batch["input_ids"], batch["attention_mask"]
    last = mask.sum(axis=1, keepdims=True) - 1
    allowed: np.ndarray = mask * (ids != np.take_along_axis(ids, last, axis=1))  # every window ends in [SEP]
    return allowed


def as_dumped(activations: Arrays, mask: np.ndarray) -> Arrays:
    """Activations with both logits stacked as ``model_output`` (2, B, T), and those of unmasked positions (2, N)."""
    logits = np.stack([activations["start_logits"], activations["end_logits"]])
    others = {name: array for name, array in activations.items() if name not in ("start_logits", "end_logits")}
    return {**others, "model_output": logits, UNMASKED: logits[:, mask == 1]}


def scaled_weights(classifiers: Arrays, factor: float) -> Arrays:
    """Both classifiers times a factor, rounded to float32, so that either precision works with the same weights."""
    return {name: (array.astype(np.float64) * factor).astype(np.float32) for name, array in classifiers.items()}
