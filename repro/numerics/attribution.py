"""Where a difference of the final output comes from, operation by operation.

A forward pass is a list of operations on named values. ``run(name, values)`` evaluates one of them in float64;
``narrow`` holds what a float32 pass gave. Two questions are answered, both without a linearisation:

* What does an operation do with the error that it is handed, and what does it add? Its float64 result on the float32
  values of its inputs stands between its float64 and its float32 result: the first distance is the error handed on,
  the second its own (``walk``).
* What is its share in the final difference? The float32 values are put into the float64 pass one after the other, in
  the order of computation, all that depends on them being computed again. Every replacement moves the final output a
  little; the moves add up to the whole way from the float64 to the float32 output, whatever their size (``graft``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]
Values = dict[str, Any]
Operations = Mapping[str, tuple[str, ...]]  # name -> names of its inputs, in the order of computation
Run = Callable[[str, Values], np.ndarray]
HALF_UNIT = 2.0**-53


def _square(array: np.ndarray) -> float:
    flat = array.astype(np.float64).ravel()
    return float(np.dot(flat, flat))


@dataclass
class Error:
    """Squared L2 norms of one operation's errors, summed over all rows; ratios of their roots are relative errors."""

    size: float = 0.0
    total: float = 0.0
    added: float = 0.0
    handed_on: float = 0.0

    def relative(self, name: str) -> float:
        """``total``, ``added`` or ``handed_on`` relative to the float64 result."""
        return float(np.sqrt(getattr(self, name) / self.size)) if self.size else 0.0


def walk(operations: Operations, run: Run, start: Values, narrow: Arrays, found: dict[str, Error]) -> Values:
    """The float64 pass beside a float32 pass; errors are added to ``found``.

    Args:
        start: what the operations start from, as ``run`` takes it.
        narrow: float32 value of every operation.

    Returns:
        ``start`` and the float64 value of every operation.
    """
    wide = dict(start)
    for name, inputs in operations.items():
        wide[name] = run(name, wide)
        between = run(name, {given: narrow.get(given, wide[given]) for given in inputs})
        error = found.setdefault(name, Error())
        error.size += _square(wide[name])
        error.total += _square(wide[name] - narrow[name])
        error.added += _square(between - narrow[name])
        error.handed_on += _square(wide[name] - between)
    return wide


def handed(name: str, operations: Operations, errors: Mapping[str, Error]) -> float:
    """Largest relative error among the inputs of an operation; 0 for one that starts from exact values."""
    return max((errors[given].relative("total") for given in operations[name] if given in errors), default=0.0)


def graft(
    operations: Operations,
    run: Run,
    wide: Values,
    narrow: Arrays,
    final: Callable[[Values], np.ndarray],
) -> Iterator[tuple[str, np.ndarray]]:
    """Move of the final output when one more operation's float32 value replaces the float64 one, in order.

    Args:
        wide: the float64 pass, as ``walk`` returns it.
        final: the output of interest, taken from all values.

    Yields:
        (operation, move); the moves sum to ``final(narrow) - final(wide)``.
    """
    values, order = dict(wide), list(operations)
    before = final(values)
    for number, name in enumerate(order):
        values[name] = narrow[name].astype(np.float64)
        changed = {name}
        for later in order[number + 1 :]:
            if changed.intersection(operations[later]):
                values[later] = run(later, values)
                changed.add(later)
        after = final(values)
        yield name, after - before
        before = after


@dataclass
class Shares:
    """Moves of two float32 passes put into one float64 pass, on the way to the difference of their final outputs.

    ``dot[name]`` is the sum of (move of b - move of a) * (final b - final a): what the operation contributes to the
    squared difference. ``moves`` are the squared norms of both sides' moves.
    """

    dot: dict[str, float] = field(default_factory=dict)
    moves: dict[str, tuple[float, float]] = field(default_factory=dict)
    difference: float = 0.0
    size: float = 0.0

    def add(
        self,
        moves_a: Iterator[tuple[str, np.ndarray]],
        moves_b: Iterator[tuple[str, np.ndarray]],
        final_a: np.ndarray,
        final_b: np.ndarray,
    ) -> None:
        """More rows: the moves of both passes and their final outputs."""
        gap = final_b.astype(np.float64) - final_a
        self.difference += _square(gap)
        self.size += _square(final_a)
        for (name, a), (_, b) in zip(moves_a, moves_b, strict=True):
            before = self.moves.get(name, (0.0, 0.0))
            self.dot[name] = self.dot.get(name, 0.0) + float(np.dot((b - a).ravel(), gap.ravel()))
            self.moves[name] = (before[0] + _square(a), before[1] + _square(b))

    def share(self, name: str) -> float:
        """Part of the final difference that an operation makes; the parts sum to 1. Negative: it takes some away."""
        return self.dot[name] / self.difference if self.difference else 0.0

    def total(self) -> float:
        """Sum of all shares."""
        return sum(self.share(name) for name in self.dot)

    def total_error(self) -> float:
        """How far rounding may bring the sum from 1.

        Each of two passes' n moves is a difference of outputs rounded to float64: 2 n roundings of half a unit of the
        output's size, against the size of the difference; four times that for products and sums on the way.
        """
        if not self.difference:
            return 0.0
        return 8.0 * len(self.dot) * HALF_UNIT * float(np.sqrt(self.size / self.difference))
