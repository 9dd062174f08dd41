"""Whether two float32 trainings part as rounding makes them part, or because they compute something else.

Derivation. Rounding in one step of a program acts like a relative perturbation of its weights by C * u (backward error
analysis). Training amplifies every perturbation, whoever makes it, by the same factor. So run each program once more
from weights that are one unit in the last place off (``repro.numerics.perturb``): how far the two runs of *one* program
part shows the factor, and the gap *between* the programs must stay within C times that at every step. The roundings of
the second run fall differently as well, so it also shows what the program's own rounding adds on the way.

* C: errors that point in random directions are in both. Errors with a common direction, as an order of summation or a
  vector function may make them, add up like n, not like sqrt(n): they exceed random ones by up to sqrt(n), n the
  longest sum. That is ``ORDERS_LIKELY`` (2^7 = 1.9 sqrt(4608)), and ``ORDERS_WORST`` (2^10) as in
  ``repro.numerics.verdict``: within the first the gap is what rounding makes, beyond the second it is not, between the
  two it stays open.
* Envelope: at a single step the two runs of a program may meet by luck, which says nothing about the factor. What
  counts is the largest relative effect so far: a perturbation that was amplified is not taken back, except by luck or
  by a step that makes everything smaller, the loss included. One unit of float32 counts as the least effect.
* The gap is taken from both pairs of runs, unperturbed and perturbed, for the same reason: the larger of the two.

A difference below C times the envelope is not seen; ``Growth.limit`` tells how large that is at every step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from repro.numerics.record import NumberVerdict, Record
from repro.numerics.verdict import EPS32, ORDERS_LIKELY, ORDERS_WORST


@dataclass(frozen=True)
class Growth:
    """Step by step, float64 (steps,), all relative to the value at that step.

    Attributes:
        gap: between the programs, the larger of the unperturbed and the perturbed pair.
        moved_a, moved_b: effect of the perturbation within each program.
        envelope: largest effect up to this step, not below the least that is reckoned with.
    """

    gap: np.ndarray
    moved_a: np.ndarray
    moved_b: np.ndarray
    envelope: np.ndarray

    @property
    def ratio(self) -> np.ndarray:
        """Gap in units of the envelope: the C of the derivation."""
        found: np.ndarray = self.gap / self.envelope
        return found

    @property
    def limit(self) -> np.ndarray:
        """Relative difference from which on the verdict is no longer "rounding only"."""
        found: np.ndarray = ORDERS_LIKELY * self.envelope
        return found


def _relative(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a - b| over the larger of the two, element for element; 0 where both are 0."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    scale = np.maximum(np.abs(a), np.abs(b))
    found: np.ndarray = np.abs(a - b) / np.where(scale > 0.0, scale, 1.0)
    return found


def growth(a: np.ndarray, b: np.ndarray, a_moved: np.ndarray, b_moved: np.ndarray, *, floor: float = EPS32) -> Growth:
    """Growth of one quantity over a training.

    Args:
        a, b: what the two programs give, float32 (steps,).
        a_moved, b_moved: the same from perturbed weights, the same perturbation in both.
        floor: relative error that the quantity has whatever the weights (a sum over all parameters): no gap below it
            counts.

    Raises:
        ValueError: shapes differ, no step, or a value is not finite.
    """
    if not a.shape == b.shape == a_moved.shape == b_moved.shape or a.ndim != 1 or not a.size:
        raise ValueError(f"lists of {a.shape}, {b.shape}, {a_moved.shape} and {b_moved.shape} do not fit each other")
    if not all(np.isfinite(values).all() for values in (a, b, a_moved, b_moved)):
        raise ValueError("a value is not finite")
    moved_a, moved_b = _relative(a, a_moved), _relative(b, b_moved)
    least = max(EPS32, floor / ORDERS_LIKELY)
    envelope = np.maximum.accumulate(np.maximum(np.maximum(moved_a, moved_b), least))
    return Growth(np.maximum(_relative(a, b), _relative(a_moved, b_moved)), moved_a, moved_b, envelope)


def judge_growth(record: Record, found: Growth) -> Record:
    """The record of a float32 list without float64 results, decided by its growth."""
    worst = int(np.argmax(found.ratio))
    ratio, limit = float(found.ratio[worst]), found.limit
    derivation = (
        f"a gap is rounding if it stays within 2^7 = 1.9 sqrt(4608) times the largest effect so far of one unit in the"
        f" last place of every start weight: {ORDERS_LIKELY:.0f} * {float(found.envelope[0]):.3g} at the first step,"
        f" * {float(found.envelope[-1]):.3g} at the last"
    )
    seen = (
        f"a relative difference of {float(limit.min()):.3g} at the first step and {float(limit[-1]):.3g} at the last is"
        " the smallest that would have been seen"
    )
    measured = f"the largest gap is {ratio:.3g} times the effect of one unit in every start weight (step {worst})"
    verdict: NumberVerdict
    if not (found.moved_a.any() and found.moved_b.any()):
        verdict = "undecidable at this precision"
        reason = "a training from perturbed weights gives the same numbers: nothing shows how training amplifies"
    elif ratio > ORDERS_WORST:
        verdict, reason = "different semantics", f"{measured}; no rounding grows like that"
    elif ratio > ORDERS_LIKELY:
        verdict = "undecidable at this precision"
        reason = f"{measured}; only rounding errors of one direction throughout would explain that"
    else:
        verdict, reason = "same semantics, rounding only", f"{measured}, within {ORDERS_LIKELY:.0f}; {seen}"
    return replace(record, tolerance=float(limit.min()), derivation=derivation, verdict=verdict, reason=reason)
