"""What tells dropout masks from independent draws: statistics that are standard normal if they are independent."""

import math
from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from repro.data import dropout
from repro.data.dropout import DropoutMasks, scale

PROBABILITY = 0.1
LAGS = (1, 2, 3, 4, 8, 16, 32, 64)
BITS = 16
Draw = Callable[[int, int, int, tuple[int, ...]], np.ndarray]  # (seed, step, call, shape) -> uint16, small: dropped


class Statistic(NamedTuple):
    """The largest of some deviates, each standard normal if all draws are independent."""

    name: str
    among: int
    largest: float

    @property
    def chance(self) -> float:
        """Of one as large among as many, if they are independent of each other."""
        each = math.erfc(self.largest / math.sqrt(2))
        return -math.expm1(self.among * math.log1p(-each)) if each < 1 else 1.0

    def __str__(self) -> str:
        return f"{self.name:<44} {self.among:>9,} {self.largest:9.2f} {self.chance:10.2g}"


def counter_draws(seed: int, step: int, call: int, shape: tuple[int, ...]) -> np.ndarray:
    """The draws that the masks of ``repro.data.dropout`` stand on."""
    keys = dropout.vector_keys(DropoutMasks(seed).key(step, call), tuple(range(shape[0])), shape[1:-1])
    return upper_bits(keys * dropout.factors(shape[-1]))


def upper_bits(hashes: np.ndarray) -> np.ndarray:
    """uint16 from int32, the least from the least."""
    draws: np.ndarray = ((hashes.view(np.uint32) ^ np.uint32(1 << 31)) >> np.uint32(BITS)).astype(np.uint16)
    return draws


def statistics(
    draw: Draw, shape: tuple[int, ...], *, seeds: int, steps: int, calls: int, detailed: int = 8
) -> Iterator[Statistic]:
    """Statistics of the masks of every call of every step under every seed, 0 to ``seeds`` - 1 and so on.

    Only ``detailed`` masks enter what looks at single bits or at pairs of vectors.
    """
    places = list(product(range(seeds), range(steps), range(calls)))
    sums = Sums(shape)
    recent: dict[tuple[int, int, int], np.ndarray] = {}
    for number, place in enumerate(places):
        draws = draw(*place, shape)
        dropped = deviates(draws)
        sums.add(place, dropped)
        if number < detailed:
            sums.add_bits(draws)
            sums.add_vectors(dropped)
            sums.add_neighbour(draws, draw(place[0], place[1], place[2] + 1, shape))
        for name, axis in (("seed", 0), ("step", 1), ("call", 2)):
            for lag in LAGS:
                other = tuple(value - lag * (index == axis) for index, value in enumerate(place))
                if other in recent:
                    sums.products(f"between {name}s, lag {lag}", dropped, recent[other])
        recent[place] = dropped
        window = max(steps * calls, 1)
        if number >= window:
            del recent[places[number - window]]
    yield from sums.results()


def deviates(draws: np.ndarray) -> np.ndarray:
    """+3 where an element is dropped and -1/3 where it is kept, or so: mean 0 and variance 1, float32."""
    share = 1 / scale(PROBABILITY)
    values = np.where(
        draws < round(PROBABILITY * 65536), math.sqrt(share / (1 - share)), -math.sqrt((1 - share) / share)
    )
    return values.astype(np.float32)


class Sums:
    """What all masks add up to."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.axes = ("row", *(f"middle axis {axis}" for axis in range(1, len(shape) - 1)), "last axis")
        self.masks: dict[tuple[int, int, int], float] = {}
        self.by_coordinate = [np.zeros(size) for size in shape]
        self.totals: dict[str, np.ndarray] = {}
        self.counts: dict[str, int] = {}
        self.columns = np.zeros((shape[-1], shape[-1]))
        self.vectors: list[float] = []
        self.gaps = np.zeros(64)
        self.cells = np.zeros(65536)

    def _accumulate(self, name: str, total: np.ndarray | float, count: int) -> None:
        self.totals[name] = self.totals.get(name, np.zeros(1)) + total
        self.counts[name] = self.counts.get(name, 0) + count

    def products(self, name: str, first: np.ndarray, second: np.ndarray) -> None:
        """The sum of products of independent deviates has their number as its variance."""
        self._accumulate(name, float(np.vdot(first, second)), first.size)

    def add(self, place: tuple[int, int, int], values: np.ndarray) -> None:
        self.masks[place] = float(values.sum(dtype=np.float64)) / math.sqrt(values.size)
        for axis, total in enumerate(self.by_coordinate):
            total += values.sum(axis=tuple(a for a in range(values.ndim) if a != axis), dtype=np.float64)
        for axis, name in enumerate(self.axes):
            rows = np.ascontiguousarray(np.moveaxis(values, axis, 0))
            for lag in [lag for lag in LAGS if lag < len(rows)]:
                here, there = rows[:-lag], rows[lag:]
                self.products(f"along {name}, lag {lag}", here, there)
                if axis < values.ndim - 1 and lag <= 4:
                    squares = (vectors[..., :-1] * vectors[..., 1:] for vectors in (here, there))
                    self.products(f"squares {name} x last axis, lag {lag}", *squares)
            if len(rows) > 2:
                self.products(f"three in a row along {name}", rows[:-2], rows[1:-1] * rows[2:])
        flat = values.reshape(-1, values.shape[-1])
        self.columns += flat.T @ flat
        length = np.diff(np.flatnonzero(values.ravel() > 0))
        self.gaps += np.bincount(np.minimum(length, 64), minlength=65)[1:]

    def add_vectors(self, values: np.ndarray) -> None:
        """Squared correlations of all pairs of vectors, against the 1 / (length - 1) that chance makes of them."""
        flat = values.reshape(-1, values.shape[-1])[:2048]
        flat = flat[flat.min(axis=1) < flat.max(axis=1)]  # a short vector may drop nothing
        correlations = np.corrcoef(flat)[np.triu_indices(len(flat), 1)]
        squares = correlations**2 * (flat.shape[1] - 1)
        self.vectors.append((squares.mean() - 1) / math.sqrt(2 / squares.size))

    def add_bits(self, draws: np.ndarray) -> None:
        self.cells += np.bincount(draws.ravel(), minlength=65536)
        self._bits("bits of one draw", draws, draws)
        self._bits("bits of neighbours along the last axis", draws[..., :-1], draws[..., 1:])
        self._bits("bits of neighbouring vectors", draws[..., :-1, :], draws[..., 1:, :])

    def add_neighbour(self, draws: np.ndarray, following: np.ndarray) -> None:
        self._bits("bits of following calls", draws, following)

    def _bits(self, name: str, first: np.ndarray, second: np.ndarray) -> None:
        shifts, count = np.arange(BITS, dtype=np.uint16)[:, None], min(first.size, 1 << 20)
        a, b = (
            (array.ravel()[:count] >> shifts & np.uint16(1)).astype(np.float32) * 2 - 1 for array in (first, second)
        )
        total = (a @ b.T).astype(np.float64)
        if first is second:
            np.fill_diagonal(total, a.sum(axis=1))  # balance of each bit
        self._accumulate(name, total, count)

    def results(self) -> Iterator[Statistic]:
        size, masks = math.prod(self.shape), len(self.masks)
        yield largest("rate", [sum(self.masks.values()) / math.sqrt(masks)])
        yield from groups("rate by mask", np.array(list(self.masks.values())))
        for axis, name in enumerate(("seed", "step", "call")):
            values = sorted({place[axis] for place in self.masks})
            means = [[total for place, total in self.masks.items() if place[axis] == value] for value in values]
            yield from groups(f"rate by {name}", np.array([sum(row) / math.sqrt(len(row)) for row in means]))
        for name, total in zip(self.axes, self.by_coordinate, strict=True):
            yield from groups(f"rate by {name}", total / math.sqrt(size * masks / len(total)))
        for name, total in self.totals.items():
            yield largest(name, total / math.sqrt(self.counts[name]))
        pairs = self.columns[np.triu_indices(len(self.columns), 1)] / math.sqrt(size * masks / self.shape[-1])
        yield from groups("all pairs along the last axis", pairs)
        yield largest("all pairs of 2048 vectors, squared", self.vectors)
        share = 1 - 1 / scale(PROBABILITY)
        shares = share * (1 - share) ** np.arange(64)
        shares[-1] = 1 - shares[:-1].sum()
        yield chi_squared("gaps between dropped elements", self.gaps, shares)
        yield chi_squared("draws in 65536 cells", self.cells, np.full(65536, 1 / 65536))


def largest(name: str, values: np.ndarray | list[float]) -> Statistic:
    return Statistic(name, np.size(values), float(np.max(np.abs(values))))


def groups(name: str, values: np.ndarray) -> Iterator[Statistic]:
    """The largest, and the sum of all squares, which is no larger or smaller than chance makes it."""
    yield largest(name, values)
    if values.size >= 30:  # of fewer the sum is far from normal
        yield largest(f"{name}, squared", [(np.square(values).sum() - values.size) / math.sqrt(2 * values.size)])


def chi_squared(name: str, counts: np.ndarray, shares: np.ndarray) -> Statistic:
    expected = shares * counts.sum()
    freedom = len(counts) - 1
    return largest(name, [(np.sum((counts - expected) ** 2 / expected) - freedom) / math.sqrt(2 * freedom)])
