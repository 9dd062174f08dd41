"""Rules on what a comparison could show: entries on which any two programs agree, and shifts that cancel."""

import re
from collections.abc import Iterator

from repro.audit.key_words import COUNTER, INDEX, INPUT
from repro.audit.rules.key import ComparedKey, Objection
from repro.markdown import number

# Inputs that are naturally all 0, all 1 or 0, 1, 2, …
_CONSTANT_INPUT = re.compile(r"(?:position|token_type|segment)_ids|(?:attention|input)_mask")
DILUTED = 0.25  # share of masked entries from which a mean says little about the others
SHIFTED = 2.0
GRAIN = 4.0  # float32 units; smaller differences take a few values only, and are often alike


def _constant(key: ComparedKey) -> Iterator[Objection]:
    facts = key.facts
    if facts.size == 1 and (facts.low or key.is_schedule):
        return  # any other single number may be equal by right, and so may the first rate of a warm-up
    many = f"all {facts.size} entries are" if facts.size > 1 else "the value is"
    text = f"{many} {number(facts.low)} on both sides: any two programs agree on it."
    initial = facts.dtype_a[0] == "f" and facts.low in (0, 1)
    learned = key.is_metric and key.is_curve and key.tolerance is None
    if learned or _CONSTANT_INPUT.search(facts.name) or facts.size == 1 or (key.is_schedule and key.tolerance is None):
        yield Objection("constant input", text)
    elif initial and (key.tolerance is None or key.is_parameter):
        yield Objection("initial value", text, facts.size)  # zeros of biases, ones of normalisations
    else:
        yield Objection("no information", text)


def information(key: ComparedKey) -> Iterator[Objection]:
    """Entries on which any two programs agree."""
    facts, gap, inner = key.facts, key.facts.difference, key.facts.informative
    if facts.constant:
        yield from _constant(key)
    elif facts.counting:
        natural = _CONSTANT_INPUT.search(facts.name) or key.named(INDEX, COUNTER, INPUT - {"label", "labels"})
        text = f"the entries count 0, 1, … {facts.size - 1}: row numbers, on which any two programs agree."
        yield Objection("constant input" if natural else "no information", text)
    elif facts.masked >= DILUTED and gap and inner:
        yield Objection(
            "no information",
            f"{facts.masked:.1%} of the entries are masked. The mean difference is {number(gap.mean_abs)} with them,"
            f" {number(inner.mean_abs)} without, {number(facts.masked_mean)} among them; relative L2"
            f" {number(gap.relative_l2)} with, {number(inner.relative_l2)} without.",
        )


def shift(key: ComparedKey) -> Iterator[Objection]:
    """A difference that is mostly common to each row."""
    residual, inner = key.facts.residual, key.facts.informative
    if residual is None or not inner or key.is_parameter:
        return
    if inner.mean_abs > GRAIN * key.facts.unit and inner.mean_abs >= SHIFTED * residual:
        yield Objection(
            "shift cancels",
            f"of the mean difference {number(inner.mean_abs)}, {1 - residual / inner.mean_abs:.0%} is a shift common"
            f" to a row, which a softmax over the row cancels; {number(residual)} is left,"
            f" {number(residual / key.facts.mean_size)} of the size.",
        )
