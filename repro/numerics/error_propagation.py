"""Where a difference of the final output comes from, operation by operation.

A forward pass is a list of operations on named values. ``run(name, values)`` evaluates one of them in float64; ``f32``
holds what a float32 pass gave. Two questions are answered, both without a linearisation:

* How does an operation pass on the error of its inputs, and what does it add? Its float64 result on the float32 values
  of its inputs lies between its float64 and its float32 result: the first distance is the propagated error, the second
  the local one (``propagate_errors``).
* What is its share in the final difference? The float32 values are patched into the float64 pass one after the other,
  in the order of computation, and everything that depends on them is computed again. Every patch moves the final output
  a little; the moves add up to the whole way from the float64 to the float32 output, whatever their size
  (``patch_activations``).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from repro.results.precision import OperationError, Shares

Values = dict[str, Any]
Operations = Mapping[str, tuple[str, ...]]  # name -> names of its inputs, in the order of computation
Run = Callable[[str, Values], np.ndarray]
Moves = Iterator[tuple[str, np.ndarray]]


def _square(array: np.ndarray) -> float:
    flat = array.astype(np.float64).ravel()
    return float(np.dot(flat, flat))


def propagate_errors(
    operations: Operations, run: Run, start: Values, f32: Mapping[str, np.ndarray], errors: dict[str, OperationError]
) -> Values:
    """The float64 pass beside a float32 pass.

    Args:
        start: what the operations start from, as ``run`` takes it.
        f32: float32 value of every operation.
        errors: the errors of these rows are added to it.

    Returns:
        ``start`` and the float64 value of every operation.
    """
    f64 = dict(start)
    for name, inputs in operations.items():
        f64[name] = run(name, f64)
        between = run(name, {key: f32.get(key, f64[key]) for key in inputs})
        error = errors.setdefault(name, OperationError())
        error.size += _square(f64[name])
        error.total += _square(f64[name] - f32[name])
        error.local += _square(between - f32[name])
        error.propagated += _square(f64[name] - between)
    return f64


def input_error(name: str, operations: Operations, errors: Mapping[str, OperationError]) -> float:
    """Largest relative error among the inputs of an operation; 0 for one that starts from exact values."""
    return max((errors[key].relative("total") for key in operations[name] if key in errors), default=0.0)


def patch_activations(
    operations: Operations,
    run: Run,
    f64: Values,
    f32: Mapping[str, np.ndarray],
    final: Callable[[Values], np.ndarray],
) -> Moves:
    """Move of the final output when one more operation's float32 value replaces the float64 one, in order.

    Args:
        f64: the float64 pass, as ``propagate_errors`` returns it.
        final: the output of interest, computed from all values.

    Yields:
        (operation, move); the moves sum to ``final(f32) - final(f64)``.
    """
    values, order = dict(f64), list(operations)
    before = final(values)
    for number, name in enumerate(order):
        values[name] = f32[name].astype(np.float64)
        changed = {name}
        for later in order[number + 1 :]:
            if changed.intersection(operations[later]):
                values[later] = run(later, values)
                changed.add(later)
        after = final(values)
        yield name, after - before
        before = after


def add_moves(shares: Shares, moves_a: Moves, moves_b: Moves, final_a: np.ndarray, final_b: np.ndarray) -> None:
    """Add more rows to ``shares``: the moves of both float32 passes and their final outputs."""
    gap = final_b.astype(np.float64) - final_a
    shares.difference += _square(gap)
    shares.size += _square(final_a)
    for (name, a), (_, b) in zip(moves_a, moves_b, strict=True):
        before = shares.moves.get(name, (0.0, 0.0))
        shares.dot[name] = shares.dot.get(name, 0.0) + float(np.dot((b - a).ravel(), gap.ravel()))
        shares.moves[name] = (before[0] + _square(a), before[1] + _square(b))
