"""What may differ between two results without changing anything that is computed from them: declared per tensor.

A declaration is a claim about the model, so it is checked by measurement where a dump allows it
(``repro.analysis.invariances``).
"""

import re
from typing import Literal

import numpy as np

Invariance = Literal["masked positions", "softmax shift", "layout"]

WHY: dict[Invariance, str] = {
    "masked positions": "no token attends to padding or `[SEP]`, and the mask removes the logits of these positions",
    "softmax shift": "a number common to all logits of a row cancels in the softmax",
    "layout": "the transposed tensor holds the same numbers in another order",
}
# Names of tensors (whole names) -> what does not matter in them. Everything else is compared as it is.
DECLARED: tuple[tuple[str, tuple[Invariance, ...]], ...] = (
    (r"embeddings|encoder\.layer\.\d+|sequence_output|(start|end)_(dense|gelu|reps)", ("masked positions",)),
    (r"(start|end)_reps_transposed", ("layout", "masked positions")),
    (r"(start|end)_logits_unmasked|model_output|logits", ("masked positions", "softmax shift")),
)
# Parameters that add one number to all logits of a softmax: their gradient is exactly 0. A key bias adds q . b to every
# logit of a row of attention, the bias of the last LayerNorm before the span logits q . A . b to every position.
ZERO_GRADIENT = re.compile(r"attention\.self\.key\.bias|splinter_qass\.(start|end)_transform\.LayerNorm\.bias")


def zero_by_shift(name: str) -> bool:
    """Whether the gradient of this parameter is zero in exact arithmetic because softmax ignores a shift."""
    return ZERO_GRADIENT.search(name) is not None


def declared(name: str) -> tuple[Invariance, ...]:
    """Invariances of a tensor, in the order in which ``reduced`` applies them."""
    return next((kinds for pattern, kinds in DECLARED if re.fullmatch(pattern, name)), ())


def reduced(name: str, array: np.ndarray, attended: np.ndarray) -> np.ndarray:
    """What is left of a tensor without everything that does not matter.

    Args:
        array: hidden states (B, T, D), transposed (B, D, T), or logits (B, T), (B, 1, T) or (2, B, T).
        attended: (B, T), 1 where there is a token other than ``[SEP]``.

    Returns:
        float64: (rows, D) of the positions that count, or the logits of these positions less the mean of their row.
    """
    kinds, f64 = declared(name), array.astype(np.float64)
    if "layout" in kinds:
        f64 = f64.transpose(0, 2, 1)
    if "softmax shift" in kinds:
        f64 = centred(f64.reshape(-1, *attended.shape), attended)
        return np.ascontiguousarray(f64[:, attended == 1])
    return np.ascontiguousarray(f64[attended == 1]) if "masked positions" in kinds else f64


def centred(logits: np.ndarray, attended: np.ndarray) -> np.ndarray:
    """(..., B, T) logits less the mean of their row over the attended positions; a row without any stays."""
    count = np.maximum(attended.sum(-1, keepdims=True), 1)
    shifted: np.ndarray = logits - (logits * attended).sum(-1, keepdims=True) / count
    return shifted


def softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis, in float64."""
    logits = logits.astype(np.float64)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    probabilities: np.ndarray = weights / weights.sum(-1, keepdims=True)
    return probabilities
