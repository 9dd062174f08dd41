"""Measures of two arrays, a chunk at a time: however large a dump is, a few float64 chunks of it are in memory."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from repro.numerics.chunks import release
from repro.numerics.difference import Difference, max_ulp

CHUNK = 1 << 16  # entries
MIN_ROW = 8  # a mean over fewer entries says little about a row
MASKED_BELOW = -1e3  # logits of masked positions get -1e4, -1e9, or the smallest float added
LARGEST = float(np.finfo(np.float32).max)  # larger numbers would overflow in the measures below, too
DECIMALS = 10  # more than anyone prints or types
HALF_BITS = 8  # entries that must fit before a half-precision format is believed to be more than luck

Chunks = Iterator[tuple[np.ndarray, np.ndarray]]


def chunks(a: np.ndarray, b: np.ndarray) -> Chunks:
    """Two arrays of one shape in pieces (rows, columns): whole rows, or parts of a row that is longer than a chunk."""
    columns = a.shape[-1] if a.ndim > 1 else a.size
    x, y = (side.reshape(-1, columns) if side.size else side.reshape(0, 1) for side in (a, b))
    step = max(1, CHUNK // max(1, columns))
    for first in range(0, len(x), step):
        for left in range(0, columns, CHUNK):
            yield tuple(side[first : first + step, left : left + CHUNK] for side in (x, y))  # type: ignore[misc]
            release(a)
            release(b)


def mixed(f64: np.ndarray) -> np.ndarray:
    """The bits of each number, mixed: the plain bits of two rounded arrays often have the same sum."""
    bits = f64.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (bits ^ (bits >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)


@dataclass
class Numbers:
    """What is known of the numbers of one side.

    Attributes:
        float32: entries that float32 holds; ``whole``: entries without a fraction.
        half: largest unit roundoff of a half-precision format that holds every entry; 0 where none does.
        full: entries that need more than 40 bits, as no mean of a few float32 numbers does.
        decimals: digits after the point that give every entry back; None where more than ``DECIMALS`` are needed.
        checksum: of the bits of all entries, in any order.
    """

    size: int = 0
    float32: int = 0
    whole: int = 0
    half: float = 2.0**-8
    full: int = 0
    decimals: int | None = 0
    low: float = math.inf
    high: float = -math.inf
    checksum: int = 0

    @property
    def is_float32(self) -> bool:
        """All numbers fit into float32, and not all are whole: they came out of float32 arithmetic, or shorter."""
        return self.float32 == self.size > self.whole

    def add(self, values: np.ndarray) -> None:
        f64 = values.astype(np.float64)
        with np.errstate(over="ignore"):
            f32 = f64.astype(np.float32)
        fits = f32 == f64
        self.size += values.size
        self.float32 += int(fits.sum())
        self.whole += int((f64 == np.rint(f64)).sum())
        self.low, self.high = min(self.low, float(f64.min())), max(self.high, float(f64.max()))
        self.checksum = (self.checksum + int(mixed(f64).sum())) % 2**64
        if not fits.all():
            self.half = 0.0
            mantissa, _ = np.frexp(f64)
            self.full += int((mantissa * 2**40 != np.rint(mantissa * 2**40)).sum())
        elif self.half:
            self.half = _half(f32, self.half)
        self._shorten(f64, f32 if fits.all() else None)

    def _shorten(self, f64: np.ndarray, f32: np.ndarray | None) -> None:
        """Raise ``decimals`` until it holds these numbers, too. A few numbers settle most candidates."""
        while self.decimals is not None:
            for part in (np.s_[:1, :64], np.s_[:]):
                rounded = f64[part].round(self.decimals)
                same = rounded == f64[part] if f32 is None else rounded.astype(np.float32) == f32[part]
                if not same.all():
                    self.decimals = self.decimals + 1 if self.decimals < DECIMALS else None
                    break
            else:
                return


def _half(f32: np.ndarray, so_far: float) -> float:
    """Unit roundoff of bfloat16 or float16 where it holds these numbers and all before, else 0."""
    if so_far == 2.0**-8 and not (f32.view(np.uint32) & 0xFFFF).any():
        return so_far
    with np.errstate(over="ignore"):
        return 2.0**-11 if bool((f32.astype(np.float16) == f32).all()) else 0.0


@dataclass
class Sums:
    """Sums over entries of a reference a and the gap b - a, from which every measure of the difference follows.

    Attributes:
        along, down: of the products of neighbouring gaps in a row, and in a column.
        worst: a and b where they are farthest apart.
    """

    size: int = 0
    gap: float = 0.0
    gap_size: float = 0.0
    gap_squared: float = 0.0
    gap_low: float = 0.0
    gap_high: float = 0.0
    along: float = 0.0
    down: float = 0.0
    reference: float = 0.0
    reference_size: float = 0.0
    reference_squared: float = 0.0
    port_squared: float = 0.0
    product: float = 0.0
    ulp: float | None = 0.0
    worst: tuple[float, float] = (0.0, 0.0)

    def add(self, a: np.ndarray, b: np.ndarray, dtype: np.dtype) -> None:
        """Add float64 chunks; ulp are counted in ``dtype``."""
        if not a.size:
            return
        gap = b - a
        low, high = float(gap.min()), float(gap.max())
        if max(-low, high) > max(-self.gap_low, self.gap_high):
            place = np.unravel_index(int(np.abs(gap).argmax()), gap.shape)
            self.worst = (float(a[place]), float(b[place]))
        self.size += a.size
        self.gap += float(gap.sum())
        self.gap_size += float(np.abs(gap).sum())
        self.gap_squared += float((gap**2).sum())
        self.gap_low, self.gap_high = min(self.gap_low, low), max(self.gap_high, high)
        self.along += float((gap[..., 1:] * gap[..., :-1]).sum())
        self.down += float((gap[1:] * gap[:-1]).sum()) if gap.ndim > 1 else 0.0
        self.reference += float(a.sum())
        self.reference_size += float(np.abs(a).sum())
        self.reference_squared += float((a**2).sum())
        self.port_squared += float((b**2).sum())
        self.product += float((a * gap).sum())
        ulp = max_ulp(a.astype(dtype), b.astype(dtype)) if dtype.kind == "f" else None
        self.ulp = None if ulp is None or self.ulp is None else max(self.ulp, ulp)

    def difference(self) -> Difference:
        relative = math.sqrt(self.gap_squared / self.reference_squared) if self.reference_squared else math.inf
        return Difference(
            mean_abs=self.gap_size / self.size,
            max_abs=max(-self.gap_low, self.gap_high),
            relative_l2=relative if self.gap_squared else 0.0,
            max_ulp=self.ulp,
            scale=math.sqrt(self.reference_squared / self.size),
        )

    @property
    def scaling(self) -> tuple[float, float]:
        """The factor f of the best fit b = (1 + f) a, and the share of the squared gap that it explains."""
        if not self.gap_squared or not self.reference_squared:
            return 0.0, 0.0
        return self.product / self.reference_squared, self.product**2 / self.reference_squared / self.gap_squared

    @property
    def offset(self) -> tuple[float, float]:
        """The mean gap, and the share of the squared gap that it explains."""
        return (self.gap / self.size, self.gap**2 / self.size / self.gap_squared) if self.gap_squared else (0.0, 0.0)


@dataclass
class Survey:
    """First pass: equality, the numbers of each side, and where a mask separates entries from the rest."""

    size: int = 0
    equal: int = 0
    opposite: int = 0
    finite: bool = True
    counting: bool = True
    first: Numbers = field(default_factory=Numbers)
    second: Numbers = field(default_factory=Numbers)
    masked_top: float = -math.inf
    rest: float = math.inf

    @property
    def masks(self) -> bool:
        """Whether a gap separates the entries below ``MASKED_BELOW`` on both sides from all others."""
        return math.isfinite(self.rest - self.masked_top) and self.rest - self.masked_top >= abs(self.masked_top) / 2

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        self.equal += int((x == y).sum())
        a, b = x.astype(np.float64), y.astype(np.float64)
        self.counting = self.counting and bool((a.ravel() == np.arange(self.size, self.size + a.size)).all())
        self.size += a.size
        self.finite = self.finite and bool((np.abs(a) <= LARGEST).all() and (np.abs(b) <= LARGEST).all())
        if not self.finite:
            return
        self.opposite += int((a == -b).sum())
        self.first.add(a)
        self.second.add(b)
        low = masked(a, b)
        self.masked_top = max(self.masked_top, a[low].max(initial=-math.inf))
        self.rest = min(self.rest, a[~low].min(initial=math.inf))


def masked(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Entries that a mask may have moved far below all others."""
    return (a < MASKED_BELOW) & (b < MASKED_BELOW)


def survey(a: np.ndarray, b: np.ndarray) -> Survey:
    """First pass over two arrays of numbers of one shape."""
    seen = Survey()
    for x, y in chunks(a, b):
        seen.add(x, y)
    return seen


@dataclass
class Rows:
    """Mean |gap - mean gap of its row| over kept entries; unknown where a row keeps too few."""

    total: float = 0.0
    known: bool = True

    def add(self, gap: np.ndarray, keep: np.ndarray) -> None:
        counts = keep.sum(axis=1, keepdims=True)
        self.known = self.known and bool((counts >= MIN_ROW).all())
        if self.known:
            shift = np.where(keep, gap, 0).sum(axis=1, keepdims=True) / counts
            self.total += float(np.abs(gap - shift)[keep].sum())
