"""What is measured on the two sides of one key: differences, what carries information, what a softmax ignores."""

from dataclasses import dataclass

import numpy as np

from repro.audit.discovery import words
from repro.numerics.difference import Difference, measure
from repro.results.audit import Fit

MASKED_BELOW = -1e3  # logits of masked positions get -1e4, -1e9, or the smallest float added
LARGEST = float(np.finfo(np.float32).max)  # larger numbers would overflow in the measures below, too
MIN_ROW = 8  # a mean over fewer entries says little about a row
MAX_STEPS = 2000
NUMBERS = "biuf"
# Words in the name of a one-dimensional array that make it a series over steps rather than a vector.
SERIES = frozenset("loss losses lr rate rates step steps epoch epochs iteration iterations norm norms score f1".split())


@dataclass(frozen=True)
class Facts:
    """One key of a pair, reference (a) against port (b).

    Attributes:
        fit: how the shapes fit: ``same``, ``squeezed`` (axes of length 1), ``transposed``, ``broadcast`` or ``none``.
        difference: of all entries, after squeezing or transposing; None where nothing can be subtracted.
        finite: no NaN, no infinity and no number above ``LARGEST`` on either side.
        equal: entries that are bit-equal.
        unit: distance of neighbouring float32 numbers at the mean size of the informative entries.
        masked: share of the entries that are masked (on both sides); ``informative`` is the difference without them.
        constant: all entries of both sides are one number; ``counting``: they are 0, 1, 2, … on both sides.
        float32: both sides came out of float32 arithmetic.
        residual: mean |difference| of informative entries without the mean difference of each row; None where there
            are no rows.
        values: numbers of both sides, where there is one or a series of them.
        steps: |difference| in order, where the array is a series over steps by its name, or has no name.
    """

    name: str
    shape_a: tuple[int, ...]
    shape_b: tuple[int, ...]
    dtype_a: str
    dtype_b: str
    fit: Fit
    finite: bool = True
    size: int = 0
    equal: int = 0
    difference: Difference | None = None
    mean_size: float = 0.0
    low: float = 0.0
    high: float = 0.0
    unit: float = 0.0
    constant: bool = False
    counting: bool = False
    float32: bool = False
    masked: float = 0.0
    informative: Difference | None = None
    masked_mean: float = 0.0
    residual: float | None = None
    values: tuple[float, ...] = ()
    steps: tuple[float, ...] = ()


def _aligned(a: np.ndarray, b: np.ndarray) -> tuple[Fit, np.ndarray, np.ndarray]:
    if a.shape == b.shape:
        return "same", a, b
    if a.squeeze().shape == b.squeeze().shape:
        return "squeezed", a.squeeze(), b.squeeze()
    if a.T.shape == b.shape:
        return "transposed", a.T, b
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        return "none", a, b
    return "broadcast", a, b


def masked_entries(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Boolean array of the shape of ``a``: entries far below all others on both sides, as a mask leaves them.

    All False where no gap separates them from the rest.
    """
    low = (a < MASKED_BELOW) & (b < MASKED_BELOW)
    if low.any() and not low.all():
        top, rest = float(a[low].max()), float(a[~low].min())
        if rest - top >= abs(top) / 2:
            return low
    return np.zeros(a.shape, dtype=bool)


def _residual(gap: np.ndarray, keep: np.ndarray) -> float | None:
    """Mean |gap - mean gap of its row| over the kept entries of the rows with enough of them."""
    if gap.ndim < 2 or gap.shape[-1] < MIN_ROW:
        return None
    rows, kept = gap.reshape(-1, gap.shape[-1]), keep.reshape(-1, gap.shape[-1])
    counts = kept.sum(axis=1, keepdims=True)
    if (counts < MIN_ROW).any():
        return None
    shift = np.where(kept, rows, 0).sum(axis=1, keepdims=True) / counts
    return float(np.abs(rows - shift)[kept].mean())


def is_float32(values: np.ndarray) -> bool:
    """Whether numbers came out of float32 arithmetic: all of them fit into float32, and not all are whole."""
    if values.dtype.kind != "f" or values.dtype.itemsize < 4:
        return False
    f64 = values.astype(np.float64)
    with np.errstate(over="ignore"):
        fits = bool((f64.astype(np.float32) == f64).all())
    return fits and not bool((f64 == np.rint(f64)).all())


def _is_series(name: str, values: np.ndarray) -> bool:
    named = not name or not SERIES.isdisjoint(words(name))
    return named and values.ndim == 1 and values.dtype.kind == "f" and 1 < values.size <= MAX_STEPS


def key_facts(name: str, a: np.ndarray, b: np.ndarray) -> Facts:
    """Facts of one key.

    Args:
        a, b: arrays of any shape and dtype, numbers beyond float32 included; texts are only tested for equality.
    """
    common = (name, a.shape, b.shape, str(a.dtype), str(b.dtype))
    fit, x, y = _aligned(a, b)
    if fit in ("broadcast", "none"):
        return Facts(*common, fit)
    equal = int((x == y).sum())
    if x.dtype.kind not in NUMBERS or y.dtype.kind not in NUMBERS or not x.size:
        return Facts(*common, fit, size=x.size, equal=equal)
    x64, y64 = x.astype(np.float64), y.astype(np.float64)
    series = _is_series(name, x)
    values = (*x64.ravel().tolist(), *y64.ravel().tolist()) if series or x.size == 1 else ()
    if not ((np.abs(x64) <= LARGEST).all() and (np.abs(y64) <= LARGEST).all()):
        return Facts(*common, fit, finite=False, size=x.size, equal=equal, values=values)
    keep = ~masked_entries(x64, y64)
    inner = np.abs(x64[keep])
    mean_size = float(inner.mean())
    # A unit in the last place is one of the arithmetic that computed the numbers, not of the container.
    float32 = is_float32(x) and is_float32(y)
    dtype = np.float32 if float32 else x.dtype if x.dtype == y.dtype else np.float64
    reference, port = x.astype(dtype), y.astype(dtype)
    flat = x64.ravel()
    return Facts(
        *common,
        fit,
        size=x.size,
        equal=equal,
        difference=measure(reference, port),
        mean_size=mean_size,
        low=float(x64[keep].min()),
        high=float(x64[keep].max()),
        unit=float(np.spacing(np.float32(mean_size))),
        constant=bool((x64 == flat[0]).all() and (y64 == flat[0]).all()),
        counting=x.size > 2 and x.dtype.kind in "iu" and bool((flat == np.arange(x.size)).all() and equal == x.size),
        float32=float32,
        masked=float(1 - keep.mean()),
        informative=measure(reference[keep], port[keep]),
        masked_mean=float(np.abs(x64 - y64)[~keep].mean()) if not keep.all() else 0.0,
        residual=_residual(x64 - y64, keep) if x.dtype.kind == "f" else None,
        values=values,
        steps=tuple(np.abs(x64 - y64).tolist()) if series else (),
    )
