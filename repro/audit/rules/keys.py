"""Rules on one key of a pair: what its comparison could have detected, and what the difference consists of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from repro.audit.discovery import words
from repro.audit.facts import Facts
from repro.audit.findings import finding
from repro.audit.trend import growth_probability
from repro.markdown import number
from repro.results.audit import AuditFinding

WEAK = 1e-2  # a threshold that passes an error of one percent is no check of an alignment
GROWTH_ERROR = 1e-2  # chance that differences without a trend are called growing
GROWTH = 10.0
MANY_EXACT = 8  # were every second float32 result equal by luck, eight in a row would be one case in 256
SHIFTED = 2.0
# Inputs that are naturally all 0, all 1 or 0, 1, 2, …
INPUT = re.compile(r"(?:position|token_type|segment)_ids|(?:attention|input)_mask")
# Series without a float32 sum: schedules that both programs compute as Python does, and ratios of counts.
UNSUMMED = frozenset("lr rate rates schedule schedules scheduler exact f1 em acc accuracy score scores".split())

Objections = Iterator[tuple[str, str]]  # kind of finding, sentence


@dataclass(frozen=True)
class ComparedKey:
    """A key and the comparison that was made of it.

    Attributes:
        where: pair and key, for the reader.
        threshold: of that comparison; None where no log and no script shows one.
        below: end of the range of whole numbers that the name of the key promises, if known.
    """

    where: str
    facts: Facts
    threshold: float | None
    below: int | None = None


def _shapes(key: ComparedKey) -> Objections:
    facts = key.facts
    shapes = f"{facts.shape_a} against {facts.shape_b}"
    equal = facts.equal == facts.size
    if facts.fit == "none":
        text = f"shapes {shapes} do not fit, not even by broadcasting: no mean difference of these arrays exists."
        yield "shapes differ", text
    elif facts.fit == "broadcast":
        yield (
            "shapes differ",
            f"shapes {shapes}: numpy broadcasts them, so every entry meets entries of other positions.",
        )
    elif facts.fit == "squeezed" and facts.size == 1:
        yield "scalar shapes", f"a single number as {shapes}."
    elif facts.fit == "transposed" and equal and key.threshold is None:
        return  # Paddle's linear weights are the transpose of torch's
    elif facts.fit != "same":
        entries = f"all {facts.size} entries are equal"
        if not equal:
            entries = f"{facts.size - facts.equal} of {facts.size} entries differ"
        yield "shapes differ", f"shapes {shapes}: only {facts.fit} do they fit; then {entries}."


def _values(key: ComparedKey) -> Objections:
    facts = key.facts
    if facts.dtype_a != facts.dtype_b:
        yield "dtypes differ", f"{facts.dtype_a} against {facts.dtype_b}."
    if not facts.finite:
        yield (
            "not finite",
            "NaN, infinity or numbers beyond float32 among the values: `mean > threshold` is False for NaN, so"
            " reprod_log passes it.",
        )


def _information(key: ComparedKey) -> Objections:
    facts, gap, inner = key.facts, key.facts.difference, key.facts.informative
    kind = "constant input" if INPUT.search(facts.name) else "no information"
    if facts.constant and (facts.size > 1 or facts.low == 0):  # any other single number may be equal by right
        many = f"all {facts.size} entries are" if facts.size > 1 else "the value is"
        yield kind, f"{many} {number(facts.low)} on both sides: any two programs agree on it."
    elif facts.counting:
        yield kind, f"the entries count 0, 1, … {facts.size - 1}: row numbers, on which any two programs agree."
    elif facts.masked and gap and inner:
        yield (
            "no information",
            f"{facts.masked:.1%} of the entries are masked. The mean difference is {number(gap.mean_abs)} with them,"
            f" {number(inner.mean_abs)} without, {number(facts.masked_mean)} among them; relative L2"
            f" {number(gap.relative_l2)} with, {number(inner.relative_l2)} without.",
        )


def _range(key: ComparedKey) -> Objections:
    facts = key.facts
    if key.below is not None and facts.difference and not (facts.low >= 0 and facts.high < key.below):
        text = f"values from {number(facts.low)} to {number(facts.high)}, where only 0 to {key.below - 1} is possible."
        yield "out of range", text


def _threshold(key: ComparedKey) -> Objections:
    facts, threshold, inner = key.facts, key.threshold, key.facts.informative
    if threshold is None or not facts.mean_size or inner is None:
        return
    if threshold >= facts.mean_size:
        yield (
            "threshold passes anything",
            f"the threshold {threshold:g} exceeds the mean size of the values, {number(facts.mean_size)}: zeros, or"
            " these values with the opposite sign, would pass or nearly pass.",
        )
    if facts.constant:
        return
    kind, share = "threshold of another scale", threshold / facts.mean_size
    asked = f"What {threshold:g} asks of values of size 1 is {number(threshold * facts.mean_size)} here."
    if facts.float32 and facts.unit > threshold and inner.mean_abs > threshold:
        yield (
            kind,
            f"values of mean size {number(facts.mean_size)} lie {number(facts.unit)} apart in float32, so the absolute"
            f" threshold {threshold:g} asks for {number(threshold / facts.unit)} of one unit, which no two float32"
            f" programs reach; the mean difference {number(inner.mean_abs)} is {number(inner.mean_abs / facts.unit)}"
            f" units, {number(inner.mean_abs / facts.mean_size)} of the size (relative L2 {number(inner.relative_l2)},"
            f" at most {number(inner.max_ulp)} ULP). {asked}",
        )
    elif facts.dtype_a[0] in "iu" and threshold * facts.size >= 1:
        yield (
            kind,
            f"one wrong entry among {facts.size} whole numbers moves the mean by {number(1 / facts.size)} at least,"
            f" less than the threshold {threshold:g} if it is off by 1: it would pass.",
        )
    elif facts.dtype_a[0] == "f" and WEAK <= share < 1:
        yield (
            kind,
            f"values of mean size {number(facts.mean_size)} against an absolute threshold of {threshold:g}: an error"
            f" of {share:.1%} in every value would pass. {asked}",
        )


def _shift(key: ComparedKey) -> Objections:
    residual, inner = key.facts.residual, key.facts.informative
    if residual is not None and inner and inner.mean_abs and inner.mean_abs >= SHIFTED * residual:
        yield (
            "shift cancels",
            f"of the mean difference {number(inner.mean_abs)}, {1 - residual / inner.mean_abs:.0%} is a shift common"
            f" to a row, which a softmax over the row cancels; {number(residual)} is left,"
            f" {number(residual / key.facts.mean_size)} of the size.",
        )


def _growth(key: ComparedKey) -> Objections:
    steps = key.facts.steps
    chance = growth_probability(steps)
    if chance <= GROWTH_ERROR and steps[-1] and steps[-1] >= GROWTH * steps[0]:
        shown = ", ".join(number(step, 3) for step in steps[:6]) + (", …" if len(steps) > 6 else "")
        times = f", {number(steps[-1] / steps[0], 3)} times over {len(steps)} steps" if steps[0] else ""
        yield (
            "growing difference",
            f"the difference grows step by step: {shown}{times} (chance {chance:.1g} without a trend). A mean over"
            " the steps hides that; whether training amplifies rounding or the optimizers differ, only a float64 run"
            " can settle.",
        )


def _exactness(key: ComparedKey) -> Objections:
    facts = key.facts
    if not facts.float32 or facts.constant or facts.size < MANY_EXACT or facts.equal < facts.size:
        return
    if facts.steps and UNSUMMED.isdisjoint(words(key.where)):  # a series of sums
        yield (
            "too exact",
            f"all {facts.size} float32 results of the series are bit-equal. Two programs that sum in different orders"
            " differ in the last bits, and training propagates that; even if every second result were equal by luck,"
            f" this many would be one case in 2^{facts.size}. One program computed both sides.",
        )
    else:
        text = f"all {facts.size} float32 numbers are bit-equal: converted or copied, or no sum was involved."
        yield "bit-equal", text


RULES = (_shapes, _values, _information, _range, _threshold, _shift, _growth, _exactness)


def key_findings(key: ComparedKey) -> list[AuditFinding]:
    """Every finding on one key."""
    return [finding(kind, key.where, text) for rule in RULES for kind, text in rule(key)]
