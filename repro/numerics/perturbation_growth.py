"""Whether two float32 trainings part as rounding makes them part, or because they compute something else.

Derivation. Rounding in one step of a program acts like a relative perturbation of its weights by C * u (backward error
analysis), and training amplifies every perturbation, whatever its source, by the same factor. So run each program a
second time from weights that are 1 ulp off (``repro.numerics.perturb``). The two runs of *one* program
show the factor; and since every rounding falls differently in the second, they also show what the program's own
rounding adds on the way. The gap *between* the programs must stay within C times that at every step:

* Rounding errors in random directions are in both, so C is about 1. ``SCATTER`` (16) covers that two programs round at
  different places: within it the gap is rounding.
* Errors with a common direction, as an order of summation or a vector function may make them, are in both runs of a
  program and cancel there. They add up like n, not like sqrt(n), n the longest sum: up to sqrt(n) times the random
  ones. ``ORDERS_WORST`` (2^10 = 15 sqrt(4608), ``repro.numerics.verdict``): beyond it no rounding explains the gap;
  between the two it stays open.
* Envelope: at a single step the two runs of a program may meet by luck, which says nothing about the factor, so the
  largest relative effect so far counts: an amplification is undone only by luck, or by a step that makes the loss and
  all its changes smaller. 1 ulp of float32 counts as the least effect.
* The gap, too, may vanish by luck at a step: the larger one of the two pairs of runs counts.

A difference below ``SCATTER`` times the envelope is not seen; ``Growth.limit`` is its size at every step.
"""

from dataclasses import dataclass

import numpy as np

from repro.numerics.verdict import EPS32, ORDERS_WORST, SCATTER
from repro.results import NumberVerdict, Record

# A sum of n numbers is off by more than l * sqrt(n) half units with probability 2 exp(-l^2 / 2) (Higham and Mary,
# 2019): 7e-4 for 4. Two sums are off twice as much, their square roots, which is what a norm is, half as much.
LIKELY = 4.0


@dataclass(frozen=True)
class Growth:
    """Step by step, float64 (steps,), all relative to the value at that step.

    Attributes:
        gap: between the programs, the larger of the unperturbed and the perturbed pair.
        moved_a, moved_b: effect of the perturbation within each program.
        envelope: largest effect up to this step, not below the least that counts.
    """

    gap: np.ndarray
    moved_a: np.ndarray
    moved_b: np.ndarray
    envelope: np.ndarray

    @property
    def ratio(self) -> np.ndarray:
        """Gap in units of the envelope: the C of the derivation."""
        ratio: np.ndarray = self.gap / self.envelope
        return ratio

    @property
    def limit(self) -> np.ndarray:
        """Relative difference from which on the verdict is no longer "rounding only"."""
        limit: np.ndarray = SCATTER * self.envelope
        return limit


def relative_gap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a - b| over the larger of the two, element for element; 0 where both are 0."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    scale = np.maximum(np.abs(a), np.abs(b))
    relative: np.ndarray = np.abs(a - b) / np.where(scale > 0.0, scale, 1.0)
    return relative


def largest_so_far(moved: np.ndarray, least: float = EPS32) -> np.ndarray:
    """The envelope: the largest of the relative effects up to each step, (steps,), at least ``least``."""
    envelope: np.ndarray = np.maximum.accumulate(np.maximum(moved, least))
    return envelope


def growth(a: np.ndarray, b: np.ndarray, a_moved: np.ndarray, b_moved: np.ndarray, *, floor: float = EPS32) -> Growth:
    """Growth of one quantity over a training.

    Args:
        a, b: what the two programs give, float32 (steps,).
        a_moved, b_moved: the same from perturbed weights, the same perturbation in both.
        floor: relative error that the quantity has whatever the weights, as ``summation_error`` has it for a sum over
            all parameters: no gap below ``LIKELY`` times that counts.

    Raises:
        ValueError: shapes differ, no step, or a value is not finite.
    """
    if not a.shape == b.shape == a_moved.shape == b_moved.shape or a.ndim != 1 or not a.size:
        raise ValueError(f"lists of {a.shape}, {b.shape}, {a_moved.shape} and {b_moved.shape} do not fit each other")
    if not all(np.isfinite(values).all() for values in (a, b, a_moved, b_moved)):
        raise ValueError("a value is not finite")
    moved_a, moved_b = relative_gap(a, a_moved), relative_gap(b, b_moved)
    least = max(EPS32, LIKELY * floor / SCATTER)
    gap = np.maximum(relative_gap(a, b), relative_gap(a_moved, b_moved))
    return Growth(gap, moved_a, moved_b, largest_so_far(np.maximum(moved_a, moved_b), least))


def judge_growth(record: Record, grown: Growth) -> Record:
    """The record of a float32 list without float64 results, decided by its growth."""
    worst = int(np.argmax(grown.ratio))
    ratio, limit = float(grown.ratio[worst]), grown.limit
    first, last = (float(grown.envelope[step]) for step in (0, -1))
    derivation = (
        f"a gap within {SCATTER:.0f} times the largest effect so far of one ulp in every start weight"
        f" is rounding: {SCATTER:.0f} * {first:.3g} at the first step, {SCATTER:.0f} * {last:.3g} at the last"
    )
    seen = (
        f"the smallest relative difference that would have been seen is {float(limit[0]):.3g} at the first step and"
        f" {float(limit[-1]):.3g} at the last"
    )
    measured = f"the largest gap is {ratio:.3g} times the effect of one ulp in every start weight (step {worst})"
    verdict: NumberVerdict
    if not (grown.moved_a.any() and grown.moved_b.any()):
        verdict = "undecidable at this precision"
        reason = "a training from perturbed weights gives the same numbers: nothing shows how training amplifies"
    elif ratio > ORDERS_WORST:
        verdict, reason = "different semantics", f"{measured}; no rounding grows like that"
    elif ratio > SCATTER:
        verdict = "undecidable at this precision"
        reason = f"{measured}: rounding errors with a common direction may explain that, and so may another program"
    else:
        verdict, reason = "same semantics, rounding only", f"{measured}, within {SCATTER:.0f}; {seen}"
    return record.replace(tolerance=float(limit[0]), derivation=derivation, verdict=verdict, reason=reason)
