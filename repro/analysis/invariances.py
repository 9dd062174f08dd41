"""Raw and reduced differences side by side, and each declared invariance measured where the dumps allow it."""

import numpy as np

from repro.config.profile import BACKEND_NAMES
from repro.numerics.arrays import Arrays
from repro.numerics.difference import measure
from repro.numerics.invariance import WHY, centred, declared, reduced, softmax
from repro.results import Cell, Table

PROBABILITIES = ("model_output", "logits")
MASK = -10000.0  # what the model adds to the logits of masked positions


def invariance_table(a: Arrays, b: Arrays, attended: np.ndarray) -> Table:
    """One row per tensor with a declared invariance, PyTorch (a) against Paddle (b); ``attended`` (B, T)."""
    rows: list[list[Cell]] = []
    for name in filter(declared, a):
        raw = measure(a[name], b[name])
        rest = measure(*(reduced(name, dump[name], attended) for dump in (a, b)))
        checks = [_check(name, dump, attended) for dump in (a, b)]
        checked = "; ".join(
            f"{side}: {text}" for side, text in zip(BACKEND_NAMES.values(), checks, strict=True) if text
        )
        kinds = ", ".join(declared(name))
        rows.append([name, kinds, raw.mean_abs, raw.relative_l2, rest.mean_abs, rest.relative_l2, checked or "step 8"])
        if name in PROBABILITIES:
            chances = measure(*(softmax(_masked(dump[name], attended))[:, attended == 1] for dump in (a, b)))
            numbers = [raw.mean_abs, raw.relative_l2, chances.mean_abs, chances.relative_l2]
            rows.append([f"softmax({name})", "what is left of the logits", *numbers, None])
    columns = ["tensor", "does not matter", "mean |diff|, raw", "relative L2, raw"]
    columns += ["mean |diff|, reduced", "relative L2, reduced", "measured"]
    title = "Invariances: differences as they are, and without what does not matter"
    return Table(title=title, columns=columns, rows=rows)


def reasons() -> str:
    """Every declared invariance with its reason."""
    return "Declared invariances: " + "; ".join(f"{name} ({why})" for name, why in WHY.items()) + "."


def _masked(logits: np.ndarray, attended: np.ndarray) -> np.ndarray:
    """(n, B, T) float64 logits with the mask, whether or not they carry it already."""
    rows = logits.astype(np.float64).reshape(-1, *attended.shape)
    return np.where(attended == 1, rows, np.minimum(rows, MASK))


def _check(name: str, dump: Arrays, attended: np.ndarray) -> str:
    """What one framework's numbers say about the invariances of a tensor; empty where they say nothing."""
    kinds, array, which = declared(name), dump[name], name.partition("_")[0]
    if "softmax shift" in kinds:
        logits = _masked(array, attended)
        chances = softmax(logits)
        weight = float(chances[:, attended == 0].max(initial=0.0))
        moved = float(np.abs(softmax(centred(logits, attended)) - chances).max())
        return f"probability of a masked position at most {weight:.2g}, the shift moves none by more than {moved:.2g}"
    if "layout" in kinds:
        same = np.array_equal(array, dump[f"{which}_reps"].transpose(0, 2, 1))
        return f"{'bit-equal to' if same else 'not'} the transpose of {which}_reps"
    if name == f"{which}_reps" and f"{which}_temp" in dump:
        temp, kept = dump[f"{which}_temp"].astype(np.float64), array * attended[:, :, None]
        sums = [np.matmul(temp, rows.astype(np.float64).transpose(0, 2, 1))[:, 0] for rows in (array, kept)]
        moved = float(np.abs(sums[0] - sums[1])[attended == 1].max(initial=0.0))
        return f"zeros at these positions move no other logit by more than {moved:.2g}"
    return ""
