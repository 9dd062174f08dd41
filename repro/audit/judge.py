"""From the facts of one key to findings about the check: what it would have seen, and what the difference is"
" made of."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from repro.audit.discover import words
from repro.audit.facts import Facts
from repro.audit.findings import Finding
from repro.audit.trend import growth_probability
from repro.markdown import number

WEAK = 1e-2  # a threshold that lets an error of one percent pass is no check of an alignment
GROWTH_ERROR = 1e-2  # chance that differences without a trend are called growing
GROWTH = 10.0
MANY_EXACT = 8  # were every second float32 result equal by luck, eight in a row would be one case in 256
SHIFTED = 2.0
# Inputs that are naturally all 0, all 1 or 0, 1, 2, …
INPUT = re.compile(r"(?:position|token_type|segment)_ids|(?:attention|input)_mask")
# Series that no float32 sum makes: schedules that both programs compute as Python does, and ratios of counts.
UNSUMMED = frozenset("lr rate rates schedule schedules scheduler exact f1 em acc accuracy score scores".split())


@dataclass(frozen=True)
class Compared:
    """A key as it was compared.

    Attributes:
        where: pair and key, for the reader.
        threshold: of the comparison that was made; None where no log and no script shows one.
        below: end of the range of whole numbers that the key's name promises, if it is known.
    """

    where: str
    facts: Facts
    threshold: float | None
    below: int | None = None


def _shapes(key: Compared) -> str | None:
    facts = key.facts
    converted = facts.fit == "transposed" and facts.equal == facts.size and key.threshold is None
    if facts.fit == "same" or _scalar(facts) or converted:  # Paddle's linear weights are the transpose of torch's
        return None
    shapes = f"{facts.shape_a} against {facts.shape_b}"
    if facts.fit == "none":
        return f"shapes {shapes} do not fit, not even by broadcasting: no mean difference of these arrays exists."
    if facts.fit == "broadcast":
        return f"shapes {shapes}: numpy broadcasts them, so that every entry meets entries of other positions."
    unequal = facts.size - facts.equal
    same = f"{unequal} of {facts.size} entries differ" if unequal else f"all {facts.size} entries are equal"
    return f"shapes {shapes}: only {facts.fit} do they fit; then {same}."


def _scalar(facts: Facts) -> bool:
    return facts.fit == "squeezed" and facts.size == 1


def _scalar_shapes(key: Compared) -> str | None:
    facts = key.facts
    return f"a single number as {facts.shape_a} against {facts.shape_b}." if _scalar(facts) else None


def _dtypes(key: Compared) -> str | None:
    facts = key.facts
    return f"{facts.dtype_a} against {facts.dtype_b}." if facts.dtype_a != facts.dtype_b else None


def _not_finite(key: Compared) -> str | None:
    if key.facts.finite:
        return None
    return (
        "NaN, infinity or numbers beyond float32 among the values: `mean > threshold` is False for NaN, so reprod_log"
        " passes it."
    )


def _same_anywhere(key: Compared) -> str | None:
    facts = key.facts
    if facts.constant and facts.size:
        many = f"all {facts.size} entries are" if facts.size > 1 else "the value is"
        return f"{many} {number(facts.low)} on both sides: any two programs agree on it." if _telling(facts) else None
    if facts.counting:
        return f"the entries count 0, 1, … {facts.size - 1}: row numbers, on which any two programs agree."
    return None


def _constant_input(key: Compared) -> str | None:
    return _same_anywhere(key) if INPUT.search(key.facts.name) else None


def _no_information(key: Compared) -> str | None:
    facts = key.facts
    if not INPUT.search(facts.name) and (text := _same_anywhere(key)):
        return text
    if facts.masked and facts.difference and facts.informative:
        inner = facts.informative
        return (
            f"{facts.masked:.1%} of the entries are masked. The mean difference is"
            f" {number(facts.difference.mean_abs)} with"
            f" them, {number(inner.mean_abs)} without, {number(facts.masked_mean)} among them; relative L2"
            f" {number(facts.difference.relative_l2)} with, {number(inner.relative_l2)} without."
        )
    return None


def _telling(facts: Facts) -> bool:
    """A single number that is the same on both sides says something unless it is 0, which nothing need have"
    " computed."""
    return facts.size > 1 or facts.low == 0.0


def _out_of_range(key: Compared) -> str | None:
    facts = key.facts
    if key.below is None or facts.difference is None or (facts.low >= 0 and facts.high < key.below):
        return None
    return f"values from {number(facts.low)} to {number(facts.high)}, where only 0 to {key.below - 1} is possible."


def _threshold_anything(key: Compared) -> str | None:
    facts = key.facts
    if key.threshold is None or facts.difference is None or not facts.mean_size or key.threshold < facts.mean_size:
        return None
    return (
        f"the threshold {key.threshold:g} exceeds the mean size of the values, {number(facts.mean_size)}: zeros,"
        " or these"
        " values with the sign turned, would pass or nearly pass."
    )


def _threshold_scale(key: Compared) -> str | None:
    facts = key.facts
    if key.threshold is None or facts.informative is None or not facts.mean_size or facts.constant:
        return None
    if facts.float32 and facts.unit > key.threshold and facts.informative.mean_abs > key.threshold:
        inner = facts.informative
        return (
            f"values of mean size {number(facts.mean_size)} lie {number(facts.unit)} apart in float32, so the absolute"
            f" threshold {key.threshold:g} asks for {number(key.threshold / facts.unit)} of one unit, which no"
            " two float32"
            f" programs reach; the mean difference {number(inner.mean_abs)} is"
            f" {number(inner.mean_abs / facts.unit)} units,"
            f" {number(inner.mean_abs / facts.mean_size)} of the size (relative L2 {number(inner.relative_l2)}, at most"
            f" {number(inner.max_ulp)} ULP). What {key.threshold:g} asks of values of size 1 is"
            f" {number(key.threshold * facts.mean_size)} here."
        )
    if facts.dtype_a[0] in "iu" and key.threshold * facts.size >= 1:
        return (
            f"one wrong entry among {facts.size} whole numbers moves the mean by {number(1 / facts.size)} at"
            " least, less than"
            f" the threshold {key.threshold:g} if it is off by 1: it would pass."
        )
    share = key.threshold / facts.mean_size
    if facts.dtype_a[0] == "f" and WEAK <= share < 1:
        return (
            f"values of mean size {number(facts.mean_size)} against an absolute threshold of {key.threshold:g}:"
            " an error of"
            f" {share:.1%} in every value would pass. What {key.threshold:g} asks of values of size 1 is"
            f" {number(key.threshold * facts.mean_size)} here."
        )
    return None


def _shift(key: Compared) -> str | None:
    facts = key.facts
    if facts.residual is None or facts.informative is None or not facts.informative.mean_abs:
        return None
    raw = facts.informative.mean_abs
    if raw < SHIFTED * facts.residual:
        return None
    return (
        f"of the mean difference {number(raw)}, {1 - facts.residual / raw:.0%} is a shift common to a row, which"
        " a softmax over"
        f" the row cancels; {number(facts.residual)} is left, {number(facts.residual / facts.mean_size)} of the size."
    )


def _growing(key: Compared) -> str | None:
    steps = key.facts.steps
    chance = growth_probability(steps)
    if chance > GROWTH_ERROR or not steps[-1] or steps[-1] < GROWTH * steps[0]:
        return None
    shown = ", ".join(number(step, 3) for step in steps[:6]) + (", …" if len(steps) > 6 else "")
    times = f", {number(steps[-1] / steps[0], 3)} times over {len(steps)} steps" if steps[0] else ""
    return (
        f"the difference grows step by step: {shown}{times} (chance {chance:.1g} without a trend). A mean over"
        " the steps"
        " hides that; whether training amplifies rounding or the optimizers differ, only a float64 run can settle."
    )


def _all_equal(facts: Facts) -> bool:
    return facts.float32 and not facts.constant and facts.size >= MANY_EXACT and facts.equal == facts.size


def _summed(key: Compared) -> bool:
    """Whether a key is a series of results of sums, which differ in their last bits."""
    return bool(key.facts.steps) and UNSUMMED.isdisjoint(words(key.where))


def _too_exact(key: Compared) -> str | None:
    facts = key.facts
    if not _summed(key) or not _all_equal(facts):
        return None
    return (
        f"all {facts.size} float32 results of the series are bit-equal. Two programs that sum in different orders"
        " differ"
        " in the last bits, and training carries that on; were one result in two equal by luck, so many would be"
        " one case"
        f" in 2^{facts.size}. One program made both sides."
    )


def _bit_equal(key: Compared) -> str | None:
    facts = key.facts
    if _summed(key) or not _all_equal(facts):
        return None
    return f"all {facts.size} float32 numbers are bit-equal: converted or copied, or they passed through no sum."


RULES: dict[str, Callable[[Compared], str | None]] = {
    "shapes differ": _shapes,
    "scalar shapes": _scalar_shapes,
    "dtypes differ": _dtypes,
    "not finite": _not_finite,
    "no information": _no_information,
    "constant input": _constant_input,
    "out of range": _out_of_range,
    "threshold passes anything": _threshold_anything,
    "threshold of another scale": _threshold_scale,
    "shift cancels": _shift,
    "growing difference": _growing,
    "too exact": _too_exact,
    "bit-equal": _bit_equal,
}


def judge(key: Compared) -> list[Finding]:
    """Every finding on one key."""
    return [Finding(kind, key.where, text) for kind, rule in RULES.items() if (text := rule(key)) is not None]
