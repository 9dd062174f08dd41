"""What is measured on the two sides of one key: differences, what carries information, what a softmax ignores."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import dropwhile
from typing import Literal

import numpy as np

from repro.audit.discovery import words
from repro.audit.key_words import STEP
from repro.audit.measures import CHUNK, HALF_BITS, MIN_ROW, Numbers, Rows, Sums, Survey, chunks, masked, survey
from repro.audit.tolerance import Tolerance
from repro.numerics.difference import Difference
from repro.results.audit import Fit

MAX_STEPS = 2000
NUMBERS = "biuf"
UNIT = 2.0**-24  # unit roundoff of float32
# Words in the name of a one-dimensional array that make it a series over steps rather than a vector.
SERIES = frozenset(
    "loss losses err error errors cost costs nll objective perplexity ppl lr rate rates step steps epoch epochs"
    " iteration iterations iter norm norms score f1".split()
)
Relation = Literal["", "negative", "reordered", "transpose"]


@dataclass(frozen=True)
class Facts:
    """One key of a pair, reference (a) against port (b).

    Attributes:
        fit: how the shapes fit: ``same``, ``squeezed`` (axes of length 1), ``transposed``, ``broadcast`` or ``none``.
        difference: of all entries, after squeezing or transposing; None where nothing can be subtracted.
        finite: no NaN, no infinity and no number above ``LARGEST`` on either side.
        equal: entries that are bit-equal.
        unit: distance of neighbouring float32 numbers at the mean size of the informative entries.
        masked: share of the entries that are masked (on both sides); ``informative`` is the difference without them,
            and ``gap`` holds the sums that it follows from.
        constant: all entries of both sides are one number; ``counting``: they are 0, 1, 2, … on both sides.
        float32: both sides came out of float32 arithmetic.
        residual: mean |difference| of informative entries without the mean difference of each row; None where there
            are no rows.
        values: numbers of both sides, where there is one, a series of them, or numbers of steps.
        last: the last numbers of both sides, where they are one after the other.
        steps: |difference| in order, where the array is a series over steps by its name, or has no name.
        first, second: the numbers of each side.
        relation: what the port is of the reference, where that explains a difference.
        exceeding: entries beyond a tolerance that holds for each of them.
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
    gap: Sums = field(default_factory=Sums)
    masked_mean: float = 0.0
    residual: float | None = None
    values: tuple[float, ...] = ()
    last: tuple[float, float] | None = None
    steps: tuple[float, ...] = ()
    first: Numbers = field(default_factory=Numbers)
    second: Numbers = field(default_factory=Numbers)
    relation: Relation = ""
    exceeding: int | None = None

    @property
    def entries_meet(self) -> bool:
        """Whether numpy subtracts entries of one place: shapes that differ, if at all, in leading axes of length 1."""
        first, second = (tuple(dropwhile(lambda axis: axis == 1, shape)) for shape in (self.shape_a, self.shape_b))
        return first == second

    @property
    def printed_to(self) -> float:
        """How far a difference may be off if both sides were printed: half a last digit on each."""
        return sum(10.0**-side.decimals / 2 for side in (self.first, self.second) if side.decimals is not None)

    @property
    def roundoff(self) -> float:
        """Unit roundoff of the coarser side's arithmetic, as far as its numbers show it: float32's, or a half's."""
        sides = [side.half for side in (self.first, self.second) if side.size - side.whole >= HALF_BITS]
        return max([UNIT, *sides])


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


def is_unnamed(key: str) -> bool:
    """Whether a key says nothing: a bare array, a number, or what numpy and others call an array without a name."""
    return key.strip("_0123456789#*").lower() in ("", "arr", "array", "data", "value", "values")


def _is_series(name: str, values: np.ndarray) -> bool:
    named = is_unnamed(name) or not SERIES.isdisjoint(words(name))
    return named and values.squeeze().ndim == 1 and values.dtype.kind == "f" and 1 < values.size <= MAX_STEPS


def _counts(name: str, values: np.ndarray) -> bool:
    """Whether an array numbers the rows of a log."""
    return (
        values.dtype.kind in "iu" and values.ndim == 1 and values.size <= MAX_STEPS and STEP & {*words(name)} != set()
    )


def _relation(x: np.ndarray, y: np.ndarray, seen: Survey) -> Relation:
    if seen.equal == seen.size or seen.first.low == seen.first.high:
        return ""
    if seen.opposite == seen.size:
        return "negative"
    if x.ndim == 2 and x.shape[0] == x.shape[1] and all((a == b).all() for a, b in zip(x.T, y, strict=True)):
        return "transpose"
    return "reordered" if seen.size > 2 and seen.first.checksum == seen.second.checksum else ""


def _sums(x: np.ndarray, y: np.ndarray, seen: Survey, dtype: np.dtype) -> tuple[Sums, Sums, float | None]:
    """Sums over all entries, over those that no mask covers, and the mean residual of the latter's rows."""
    whole, kept, rows = Sums(), Sums(), Rows()
    for chunk in chunks(x, y):
        a, b = (side.astype(np.float64) for side in chunk)
        whole.add(a, b, dtype)
        keep = ~masked(a, b) if seen.masks else np.ones(a.shape, dtype=bool)
        if seen.masks:
            kept.add(a[keep], b[keep], dtype)
        rows.add(a - b, keep)
    kept = kept if seen.masks else whole
    has_rows = rows.known and x.ndim > 1 and MIN_ROW <= x.shape[-1] <= CHUNK and x.dtype.kind == "f"
    return whole, kept, rows.total / kept.size if has_rows else None


def _exceeding(x: np.ndarray, y: np.ndarray, tolerance: Tolerance) -> int:
    """Entries that ``allclose`` would refuse; it takes the second side for the size."""
    count = 0
    for chunk in chunks(x, y):
        a, b = (side.astype(np.float64) for side in chunk)
        count += int((np.abs(a - b) > tolerance.absolute + tolerance.relative * np.abs(b)).sum())
    return count


def key_facts(name: str, a: np.ndarray, b: np.ndarray, tolerance: Tolerance | None = None) -> Facts:
    """Facts of one key. Arrays are read a chunk at a time, so they may be memory-mapped.

    Args:
        a, b: arrays of any shape and dtype, numbers beyond float32 included; texts are only tested for equality.
        tolerance: of the comparison, where one is known.
    """
    common = (name, a.shape, b.shape, str(a.dtype), str(b.dtype))
    fit, x, y = _aligned(a, b)
    if fit in ("broadcast", "none"):
        return Facts(*common, fit)
    if x.dtype.kind == y.dtype.kind == "c":
        x, y = (np.stack([side.real, side.imag], axis=-1) for side in (x, y))
    if x.dtype.kind not in NUMBERS or y.dtype.kind not in NUMBERS or not x.size:
        return Facts(*common, fit, size=x.size, equal=int((x == y).sum()))
    seen = survey(x, y)
    series = _is_series(name, x)
    listed = series or x.size == 1 or _counts(name, x)
    values = (*map(float, x.ravel()), *map(float, y.ravel())) if listed else ()
    if not seen.finite:
        return Facts(*common, fit, finite=False, size=x.size, equal=seen.equal, values=values)
    # A unit in the last place is one of the arithmetic that computed the numbers, not of the container.
    float32 = x.dtype.kind == y.dtype.kind == "f" and seen.first.is_float32 and seen.second.is_float32
    float32 = float32 and min(x.dtype.itemsize, y.dtype.itemsize) >= 4
    dtype = np.dtype(np.float32) if float32 else x.dtype if x.dtype == y.dtype else np.dtype(np.float64)
    whole, kept, residual = _sums(x, y, seen, dtype)
    low, one = seen.first.low, seen.second.low
    mean_size = kept.reference_size / kept.size
    return Facts(
        *common,
        fit,
        size=x.size,
        equal=seen.equal,
        difference=whole.difference(),
        mean_size=mean_size,
        low=seen.rest if seen.masks else low,
        high=seen.first.high,
        unit=float(np.spacing(np.float32(mean_size))),
        constant=low == seen.first.high == one == seen.second.high,
        counting=x.size > 2 and x.dtype.kind in "iu" and seen.counting and seen.equal == x.size,
        float32=float32,
        masked=1 - kept.size / x.size,
        informative=kept.difference(),
        gap=kept,
        masked_mean=(whole.gap_size - kept.gap_size) / (x.size - kept.size) if seen.masks else 0.0,
        residual=residual,
        values=values,
        last=(float(x[-1]), float(y[-1])) if x.ndim == 1 else None,
        steps=step_gaps(values) if series else (),
        first=seen.first,
        second=seen.second,
        relation=_relation(x, y, seen),
        exceeding=_exceeding(x, y, tolerance) if tolerance and tolerance.measure == "each" else None,
    )


def step_gaps(values: Sequence[float]) -> tuple[float, ...]:
    """|difference| of the two halves of a list, in order."""
    half = len(values) // 2
    return tuple(abs(a - b) for a, b in zip(values[:half], values[half:], strict=True))
