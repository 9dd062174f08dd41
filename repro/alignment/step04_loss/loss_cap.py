"""Whether a framework's cross entropy stops growing where the formula does not.

Paddle's softmax on the CPU counts no logit as more than 64 below the largest of its row (``ValueClip`` in its
``softmax_impl.h``), and its cross entropy uses that softmax: the loss of a position cannot exceed 64 by much. The
gradient, softmax minus one-hot, is the same to 1.6e-28, so trainings do not part; the losses that they report do.
"""

import numpy as np

from repro.config.profile import BACKEND_NAMES, BACKENDS
from repro.context.compare import CompareContext
from repro.context.data import RunData

CAP = 64.0
NEAR = 1e-9  # relative; float64 losses of one formula agree much better, and a cap that shows moves them much more


def cap_note(context: CompareContext) -> str:
    """Which framework's float64 loss of the first batch is that of the formula, and which stops at ``CAP``."""
    matches, largest, above = [], 0.0, 0
    for side in BACKENDS:
        dump = context.side(side, "float64")
        loss, positions = _losses(context.data[side], dump["model_logits"])
        capped, _ = _losses(context.data[side], dump["model_logits"], CAP)
        measured = float(dump["model_output"])
        largest = max(largest, float(positions.max(initial=0.0)))
        above = max(above, int((positions > CAP).sum()))
        formulas = {"the formula": loss, f"the formula with no logit more than {CAP:.0f} below": capped}
        near = [name for name, value in formulas.items() if abs(measured - value) <= NEAR * abs(value)]
        matches.append(f"{BACKEND_NAMES[side]}'s {measured:.9g} is that of {near[0] if near else 'neither'}")
    known = f"Paddle's cross entropy on the CPU stops at about {CAP:.0f} per position, its gradient does not change"
    if not above:
        return f"{known}. The largest loss of a position here is {largest:.3g}, so it cannot show."
    return f"{known}. {above} positions of the first batch lose more, up to {largest:.3g}: {', '.join(matches)}."


def position_losses(logits: np.ndarray, positions: np.ndarray, cap: float = np.inf) -> np.ndarray:
    """Cross entropy of each row whose position lies inside the window, float64 (rows,).

    Args:
        logits: (B, T).
        positions: (B,) int64.
        cap: how far below the largest of its row a logit counts at most.
    """
    rows = np.flatnonzero((positions >= 0) & (positions < logits.shape[1]))
    f64 = logits[rows].astype(np.float64)
    shifted = np.maximum(f64 - f64.max(1, keepdims=True), -cap)
    losses: np.ndarray = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(rows.size), positions[rows]]
    return losses


def _losses(data: RunData, logits: np.ndarray, cap: float = np.inf) -> tuple[float, np.ndarray]:
    """(loss of the first batch, losses of all its positions, starts before ends)."""
    batch = data.first_batch()
    parts = [position_losses(x, batch[f"{w}_positions"], cap) for x, w in zip(logits, ("start", "end"), strict=True)]
    return float(np.mean([values.mean() for values in parts])), np.concatenate(parts)
