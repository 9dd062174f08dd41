"""Whether a framework's cross entropy stops growing where the formula does not.

Paddle's softmax on the CPU takes no logit as more than 64 below the largest of its row (``ValueClip`` in its
``softmax_impl.h``), and its cross entropy uses that softmax: no position can lose much more than 64. The gradient,
softmax minus one-hot, is the same to 1.6e-28, so trainings do not part; the losses that they report do.
"""

from __future__ import annotations

import numpy as np

from repro.steps.context import Inputs
from repro.steps.pair import NAMES, SIDES, CompareContext

CAP = 64.0
NEAR = 1e-9  # relative; float64 losses of one formula agree much better, a cap that shows is worth much more


def position_losses(logits: np.ndarray, positions: np.ndarray, cap: float = np.inf) -> np.ndarray:
    """Cross entropy of each row, float64, of rows whose position lies inside.

    Args:
        logits: (B, T).
        positions: (B,) int64.
        cap: how far below the largest of its row a logit counts at most.
    """
    rows = np.flatnonzero((positions >= 0) & (positions < logits.shape[1]))
    wide = logits[rows].astype(np.float64)
    shifted = np.maximum(wide - wide.max(1, keepdims=True), -cap)
    found: np.ndarray = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(rows.size), positions[rows]]
    return found


def _losses(inputs: Inputs, logits: np.ndarray, cap: float = np.inf) -> tuple[float, np.ndarray]:
    """(loss of the first batch, losses of all its positions)."""
    batch = inputs.first_batch()
    parts = [position_losses(x, batch[f"{w}_positions"], cap) for x, w in zip(logits, ("start", "end"), strict=True)]
    return float(np.mean([values.mean() for values in parts])), np.concatenate(parts)


def cap_note(context: CompareContext) -> str:
    """Which framework's loss of the first batch is that of the formula, and which stops at ``CAP``; float64."""
    told, largest, above = [], 0.0, 0
    for side in SIDES:
        dump = context.side(side, "float64")
        whole, values = _losses(context.inputs[side], dump["model_logits"])
        capped, _ = _losses(context.inputs[side], dump["model_logits"], CAP)
        measured = float(dump["model_output"])
        largest, above = max(largest, float(values.max(initial=0.0))), max(above, int((values > CAP).sum()))
        follows = {"the formula": whole, f"the formula with no logit more than {CAP:.0f} below": capped}
        near = [name for name, value in follows.items() if abs(measured - value) <= NEAR * abs(value)]
        told.append(f"{NAMES[side]}'s {measured:.9g} is that of {near[0] if near else 'neither'}")
    known = f"Paddle's cross entropy on the CPU stops at about {CAP:.0f} a position, its gradient does not change"
    if not above:
        return f"{known}. The largest loss of a position here is {largest:.3g}, so it cannot show."
    return f"{known}. {above} positions of the first batch lose more, up to {largest:.3g}: {', '.join(told)}."
