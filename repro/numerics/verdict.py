"""From two float32 results and two float64 results to a verdict: does the same program stand behind both?

Derivation. To first order the relative error of a floating-point computation is C * u: u the unit of rounding, C
a number that depends on the problem and on the order of operations, not on u. A framework's float32 result against
its own float64 result measures C * u32, so its float64 result is off by about C * u64 = error32 * 2^-29, and the two
float64 results of one program lie about (error_a + error_b) * 2^-29 apart. ``SCATTER`` covers that single roundings
point elsewhere in the second precision. Differences of meaning do not shrink with u: they stay in float64 and stick
out. Three more rules close the gaps of this test:

* Floor: an error can vanish by luck or because every value is exact, so none counts as less than one float32 unit
  (``EPS32``), or as less than the caller derives (single numbers, sums over all parameters).
* ``ORDERS_…``: two float32 results of one program differ in their order of summation only. The longest sums of the
  model run over n = B * T = 4608 rows. Added one after the other they are off by at most l * sqrt(n) units, but for a
  probability of 2 exp(-l^2 / 2) (Higham and Mary, 2019); pairwise by about one. One error more than 2^7 = 1.9 sqrt(n)
  times the other is improbable; more than 2^10 = 15 sqrt(n) times cannot be a matter of order: it is another arithmetic
  (TF32 loses 13 bits) or a wrong element. Compared in the L2 and in the maximum norm, so that one element counts.
* Noise floor: how far one program's own float32 result moves when every weight is moved by 1 ulp
  (``repro.analysis.noise_floor`` measures it). It takes the place of ``EPS32`` where it is known, since no error is
  known better than that.
* Sensitivity: what the same change of the weights does in float64, where no rounding hides it. A stable float32
  computation is the exact one on weights that are off by up to sqrt(n) ulp, so its error is at most about sqrt(n)
  sensitivities; beyond ``ORDERS_WORST`` of them the arithmetic was not float32, even if both sides did the same.
* ``UNCLEAR``: vector functions may lose up to 10 bits in float64 that they do not lose in float32. A gap between the
  tolerance and 2^10 times the tolerance is therefore called undecidable.
"""

from typing import Any, NamedTuple

import numpy as np

from repro.numerics.difference import Difference, measure, obstacle, relative_l2
from repro.results import NumberVerdict, Outcome, Record

EPS32 = 2.0**-23
RATIO = 2.0**-29  # eps64 / eps32
SCATTER = 16.0
UNCLEAR = 2.0**10
ORDERS_LIKELY = 2.0**7
ORDERS_WORST = 2.0**10


class Noise(NamedTuple):
    """Relative L2 by which a tensor moves when every weight moves by 1 ulp of float32; None where not measured.

    Attributes:
        floor: of the float32 result; with other threads or rows instead, if those move it more.
        sensitivity: of the float64 result.
    """

    floor: float | None = None
    sensitivity: float | None = None


NOT_MEASURED = Noise()


def tolerance64(error_a: float, error_b: float, floor: float = EPS32) -> float:
    """Bound on the relative L2 gap of two float64 results that rounding explains."""
    return SCATTER * RATIO * (max(error_a, floor) + max(error_b, floor))


def summation_error(count: int) -> float:
    """Relative error that a float32 sum of ``count`` numbers may make, depending on its order: sqrt(count) half ulp.

    Use it as a floor for everything that depends on such a sum: two frameworks choose different orders.
    """
    return float(np.sqrt(count)) * EPS32 / 2


def finite(value: float) -> float | None:
    """The value; None where it is infinite or NaN, which JSON cannot express."""
    return value if np.isfinite(value) else None


def _record(name: str, a: np.ndarray, **fields: Any) -> Record:
    return Record(name=name, shape=a.shape, dtype=str(a.dtype), **fields)


def _blocked(
    name: str, a: np.ndarray, why: tuple[Outcome, str], verdict: NumberVerdict = "different semantics"
) -> Record:
    """Record of two arrays that cannot be compared."""
    return _record(name, a, outcome=why[0], reason=why[1], verdict=verdict)


def _compared(name: str, a: np.ndarray, difference: Difference, **fields: Any) -> Record:
    """Record of two arrays with their differences; ``fields`` are further ones of it."""
    return _record(
        name,
        a,
        outcome="compared",
        mean_abs=difference.mean_abs,
        max_abs=difference.max_abs,
        relative_l2=finite(difference.relative_l2),
        max_ulp=difference.max_ulp,
        scale=difference.scale,
        **fields,
    )


def judge_exact(name: str, a: np.ndarray, b: np.ndarray, why: str = "only equality counts") -> Record:
    """Record of data or numbers that must be equal, element for element.

    Args:
        a, b: any shape; numbers, truth values or text.
        why: derivation of the tolerance 0.
    """
    if blocked := obstacle(a, b):
        # Data may be constant by nature, as the mask of windows that are all full: that shows nothing, but no fault.
        natural = blocked[0] == "constant" and a.size > 0 and a.dtype.kind in "iub" and np.array_equal(a, b)
        return _blocked(name, a, blocked, "undecidable at this precision" if natural else "different semantics")
    unequal = int((a != b).sum())
    verdict: NumberVerdict = "different semantics" if unequal else "equal"
    if a.dtype.kind in "SU":
        reason = f"{unequal} of {a.size} texts differ"
        return _record(name, a, outcome="compared", tolerance=0.0, verdict=verdict, reason=reason)
    difference = measure(a, b)
    equal = "all elements are equal" if a.size > 1 else "the value is equal"
    reason = f"{unequal} of {a.size} elements differ" if unequal else equal
    if unequal and difference.max_ulp is not None:
        reason += f", by up to {difference.max_ulp:.0f} ulp"
    return _compared(name, a, difference, tolerance=0.0, derivation=why, verdict=verdict, reason=reason)


def error_ratio(
    a: np.ndarray, b: np.ndarray, a64: np.ndarray, b64: np.ndarray, floor: float = EPS32
) -> tuple[float, bool]:
    """(how many times one float32 error exceeds the other, whether it is the first's), in the worse of two norms."""
    ratios = []
    for norm in (np.linalg.norm, _largest):
        least = floor * max(float(norm(exact.ravel())) for exact in (a64, b64))
        first, second = (max(float(norm((exact - x).ravel())), least) for x, exact in ((a, a64), (b, b64)))
        low, high = min(first, second), max(first, second)
        ratios.append((high / low if low > 0.0 else np.inf if high > 0.0 else 1.0, first > second))
    return max(ratios)


def _largest(values: np.ndarray) -> float:
    return float(np.abs(values).max())


def _rounding(error_a: float, error_b: float, floor: float) -> tuple[float, str]:
    """(``tolerance64``, its derivation)."""
    tolerance = tolerance64(error_a, error_b, floor)
    return tolerance, (
        f"float64 rounding is float32 rounding times 2^-29: {SCATTER:.0f} * 2^-29 * (max({error_a:.3g}, {floor:.3g})"
        f" + max({error_b:.3g}, {floor:.3g})) = {tolerance:.3g}"
    )


def _decide(
    error_a: float, error_b: float, gap: float, tolerance: float, ratio: float, worse: str, sensitivity: float = 0.0
) -> tuple[NumberVerdict, str]:
    """(verdict, reason) for two float32 results with float64 results.

    Args:
        ratio: of the larger to the smaller float32 error.
        worse: the framework whose error is larger.
        sensitivity: 0 where it was not measured.
    """
    larger = f"{worse}'s float32 error is {ratio:.3g} times the other's"
    times = max(error_a, error_b) / sensitivity if sensitivity else 0.0
    moved = f"a float32 error is {times:.3g} times the effect of one ulp in every weight ({sensitivity:.3g})"
    if not np.isfinite(error_a + error_b + gap):
        return "undecidable at this precision", "a float64 result is exactly zero where the float32 result is not"
    if gap > UNCLEAR * tolerance:
        differ = f"the float64 results differ by {gap:.3g} relative L2"
        return "different semantics", f"{differ}, {gap / tolerance:.3g} times what rounding explains"
    if ratio > ORDERS_WORST:
        return "different semantics", f"{larger}; no order of summation explains that"
    if times > ORDERS_WORST:
        return "different semantics", f"{moved}: that is not float32 arithmetic"
    if gap > tolerance:
        exceeds = f"the float64 gap {gap:.3g} exceeds {tolerance:.3g}"
        return "undecidable at this precision", f"{exceeds}, but by less than vector functions may lose"
    if ratio > ORDERS_LIKELY:
        return "undecidable at this precision", f"{larger}; only the worst order of sums explains that"
    if times > ORDERS_LIKELY:
        return "undecidable at this precision", f"{moved}; only the worst order of sums explains that"
    if (left := min(error_a, error_b)) > 1.0:
        vanishes = f"zero up to rounding on both sides: float32 leaves {left:.3g} times what float64 leaves"
        return "same semantics, rounding only", vanishes
    agree = f"the float64 results agree to {gap:.3g} relative L2"
    return "same semantics, rounding only", f"{agree}, within the {tolerance:.3g} that rounding explains"


def judge_floats(
    name: str,
    a: np.ndarray,
    b: np.ndarray,
    a64: np.ndarray | None,
    b64: np.ndarray | None,
    *,
    floor: float = EPS32,
    noise: Noise = NOT_MEASURED,
) -> Record:
    """Record of two float32 results, judged by the float64 results of the same two programs.

    Without float64 results only bit-equality can be shown.

    Args:
        a, b: float32, any shape.
        a64, b64: float64 results of the same programs, of the same shape; both None where there are none.
        floor: smallest relative float32 error to assume.
        noise: as far as it was measured.
    """
    if blocked := obstacle(a, b):
        return _blocked(name, a, blocked)
    difference = measure(a, b)
    floor = max(floor, noise.floor or 0.0)
    if a64 is None or b64 is None:
        same = bool((a == b).all())
        verdict: NumberVerdict = "equal" if same else "undecidable at this precision"
        reason = "bit-equal" if same else "no float64 run separates a difference of meaning from rounding"
        return _compared(name, a, difference, noise_floor=noise.floor, verdict=verdict, reason=reason)
    if blocked := _float64_obstacle(a, a64, b64):
        record = _compared(name, a, difference, noise_floor=noise.floor, reason=blocked[1])
        return record.replace(outcome=blocked[0], verdict="different semantics")
    error_a, error_b, gap = relative_l2(a64, a), relative_l2(b64, b), relative_l2(a64, b64)
    if not np.isfinite(gap):  # nothing on one side: relative to the other
        gap = relative_l2(b64, a64)
    ratio, first = error_ratio(a, b, a64, b64, floor)
    # A single number may stand still by luck.
    sensitivity = max(noise.sensitivity, EPS32) if noise.sensitivity is not None and a.size > 1 else 0.0
    tolerance, derivation = _rounding(error_a, error_b, floor)
    worse = "PyTorch" if first else "Paddle"
    verdict, reason = _decide(error_a, error_b, gap, tolerance, ratio, worse, sensitivity)
    if floor == noise.floor:
        derivation += f"; {floor:.3g} is the measured noise floor"
    if verdict == "same semantics, rounding only" and (a == b).all():
        verdict, reason = "equal", f"bit-equal in float32; {reason}"
    return _compared(
        name,
        a,
        difference,
        noise_floor=noise.floor,
        error_a=finite(error_a),
        error_b=finite(error_b),
        gap64=finite(gap),
        tolerance=finite(tolerance),
        derivation=derivation,
        verdict=verdict,
        reason=reason,
    )


def _float64_obstacle(a: np.ndarray, a64: np.ndarray, b64: np.ndarray) -> tuple[Outcome, str] | None:
    """Why the float64 results cannot be compared, or None."""
    if blocked := obstacle(a64, b64):
        return blocked[0], f"float64 results: {blocked[1]}"
    if a64.shape != a.shape:
        return "shape differs", f"float64 result {a64.shape} against float32 result {a.shape}"
    if a64.dtype != np.float64:
        return "dtype differs", f"the float64 result is {a64.dtype}"
    return None


def judge_oracle(
    name: str, a: np.ndarray, a64: np.ndarray, oracle: np.ndarray, who: str, floor: float = EPS32
) -> Record:
    """Record of one framework against a float64 formula: its float64 result must equal the formula's to rounding.

    The formula stands for a second program that rounds as much; ``b`` of the record is the formula.

    Args:
        a, a64, oracle: float32 and float64 result and the formula's float64 result, all of one shape.
        who: the framework, for the reason.
        floor: smallest relative float32 error to assume.
    """
    if blocked := obstacle(a64, oracle) or obstacle(a, oracle.astype(a.dtype)):
        return _blocked(name, a64, blocked)
    error, gap = relative_l2(a64, a), relative_l2(oracle, a64)
    tolerance, derivation = _rounding(error, error, floor)
    verdict, reason = _decide(error, error, gap, tolerance, 1.0, who)
    return _compared(
        name,
        a64,
        measure(a64, oracle),
        error_a=finite(error),
        gap64=finite(gap),
        tolerance=finite(tolerance),
        derivation=derivation,
        verdict=verdict,
        reason=reason.replace("the float64 results", f"{who}'s float64 result and the formula"),
    )
