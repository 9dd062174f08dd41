"""Rules on disagreement: what differs by more than rounding costs, and what differs in one direction."""

import math
from collections.abc import Iterator

import numpy as np

from repro.audit.arithmetic import (
    DIRECTED,
    ENOUGH,
    FLOOR,
    GROWTH_STEP,
    NOTICEABLE,
    UNIT,
    relative_cost,
)
from repro.audit.facts import NUMBERS
from repro.audit.key_words import ADVERSARIAL, EPOCH, LOSS, MOMENT, PREDICTION
from repro.audit.rules.key import ComparedKey, Objection
from repro.audit.rules.thresholds import is_loose, passes
from repro.markdown import number

METRIC_SCATTER = 1e-2  # trainings of one program from other seeds differ by this share of a metric, and often by more
CURVE_SCATTER = 5e-2  # the same of metrics after each epoch: those of half-trained models scatter more
LOSS_SCATTER = 1.5  # factor between the losses of two trainings, along all of them, that is no scatter
FEWEST_LOSSES, CERTAIN = 5, 5.0
LEARNED = 0.1  # share of the first loss below which a model knows its samples by heart, and the rest is chance
MOST_ULP = 1e6  # larger numbers of ulp say no more than the relative difference
MOST_STEPS = 16  # after which rounding has grown to anything
PERCENT = 100
_AS_PERCENT = ", where one side holds percent and the other fractions of 1"
TIES = 1e-2  # share of predicted classes that nearly equal scores may exchange
_RELATIONS = {
    "": "",
    "negative": " The port is the negative of the reference.",
    "reordered": " Both sides hold the same numbers in another order.",
    "transpose": " The port is the transpose of the reference.",
}


def _accepted(key: ComparedKey) -> bool:
    """Whether the pair's own comparison asks for something and gets it."""
    return passes(key) is True and not is_loose(key)


def _whole(key: ComparedKey) -> bool:
    facts = key.facts
    return facts.first.whole == facts.size == facts.second.whole


def _entries(key: ComparedKey) -> Iterator[Objection]:
    """Texts and whole numbers, where only equality counts."""
    facts = key.facts
    unequal = facts.size - facts.equal
    if key.named(PREDICTION) and unequal <= TIES * facts.size:
        return
    worst = f", the farthest {facts.gap.worst[0]:g} against {facts.gap.worst[1]:g}" if facts.difference else ""
    what = "entries are not equal" if facts.size > 1 else "value is not equal"
    text = f"{unequal} of {facts.size} {what}{worst}.{_RELATIONS[facts.relation]}"
    yield Objection("sides differ", text, unequal / facts.size)


def _series(key: ComparedKey) -> Iterator[Objection]:
    """Losses of a training, each with what rounding and its growth up to that step explain."""
    facts, cost = key.facts, relative_cost(key.coarsest)
    a, b = facts.values[: facts.size], facts.values[facts.size :]
    # Means, as of the losses of an epoch, and series by epochs begin after an unknown number of steps.
    if key.named(EPOCH) or not (facts.float32 or key.from_start):
        yield from _curve(key)
        return
    for step, one, other in zip(key.positions or range(facts.size), a, b, strict=True):
        explained = cost * GROWTH_STEP ** min(step, MOST_STEPS)
        size = max(abs(one), abs(other))
        if explained >= 1:
            return  # from here on, training may have amplified rounding to anything
        if abs(one - other) > explained * size + FLOOR + facts.printed_to:
            when = f"after {step} steps" if step else "at the first step, before any training"
            text = (
                f"the series differ by {number(abs(one - other) / size)} of their size {when}: {number(one, 9)} against"
                f" {number(other, 9)}. Rounding explains {number(cost)} at first and at most {GROWTH_STEP:g} times more"
                f" with each step, {number(explained)} here."
            )
            yield Objection("sides differ", text, abs(one - other) / (explained * size))
            return


def _curve(key: ComparedKey) -> Iterator[Objection]:
    """Losses that two trainings printed, of which nobody knows after how many steps: by their ratio, step after step.

    A few losses, the noise of single batches, and what is left when all is learned say nothing.
    """
    sides = np.array(key.facts.values).reshape(2, -1)
    sides = sides[:, sides.min(axis=0) > LEARNED * sides.max(initial=0.0)]
    if not key.named(LOSS) or key.named(ADVERSARIAL) or sides.shape[1] < FEWEST_LOSSES:
        return
    ratios = np.log(sides[1] / sides[0])
    mean, error = abs(ratios.mean()), ratios.std(ddof=1) / math.sqrt(len(ratios))
    if mean > math.log(LOSS_SCATTER) and mean > CERTAIN * error:
        text = (
            f"the {len(ratios)} losses of the port are {number(math.exp(ratios.mean()))} times those of the reference"
            " (geometric mean), from the first to the last; two trainings of one program scatter around 1."
        )
        yield Objection("sides differ", text, mean)


def _is_loss_of_training(key: ComparedKey) -> bool:
    """A single loss after so many steps that rounding may have grown to anything."""
    grown = relative_cost(key.coarsest) * GROWTH_STEP ** min(key.steps, MOST_STEPS) >= 1
    return grown and key.facts.size == 1 and key.named(LOSS)


def _percent(key: ComparedKey) -> tuple[float, float]:
    """Factors of both sides, one of them 100 where it holds fractions of 1 and the other side the same as percent."""
    sums = key.facts.gap
    if not key.is_metric or not sums.reference_squared or not sums.port_squared:
        return 1, 1
    one, other = math.sqrt(sums.reference_squared / sums.size), math.sqrt(sums.port_squared / sums.size)
    if min(one, other) > 1 or not PERCENT / 2 < max(one, other) / min(one, other) < PERCENT * 2:
        return 1, 1
    return (PERCENT, 1) if one < other else (1, PERCENT)


def _metric(key: ComparedKey) -> Iterator[Objection]:
    facts, factors = key.facts, _percent(key)
    one, other = (value * factor for value, factor in zip(facts.gap.worst, factors, strict=True))
    scatter = max(CURVE_SCATTER if _is_loss_of_training(key) else METRIC_SCATTER, key.scatter)
    share = abs(one - other) / max(abs(one), abs(other), UNIT)
    if share > relative_cost(key.coarsest):
        text = (
            f"{number(one, 9)} against {number(other, 9)}, {share:.2%} apart{_AS_PERCENT if factors != (1, 1) else ''}."
        )
        if share <= scatter:
            yield Objection(
                "metric differs", f"{text} Results of two trainings may; those of one model may not.", share
            )
        else:
            what = "losses" if _is_loss_of_training(key) else "metrics"
            yield Objection("sides differ", f"the {what} are {text}", share)


def _end_alike(last: tuple[float, float], factors: tuple[float, float]) -> bool:
    """Whether two trainings end with metrics as near as those of one program do."""
    one, other = (value * factor for value, factor in zip(last, factors, strict=True))
    return abs(one - other) <= CURVE_SCATTER * max(abs(one), abs(other))


def _metrics(key: ComparedKey) -> Iterator[Objection]:
    """Metrics of several epochs or classes."""
    sums, (first, second) = key.facts.gap, _percent(key)
    scatter = CURVE_SCATTER if key.is_curve else METRIC_SCATTER
    relative = math.inf
    if sums.reference_squared:  # of second * b - first * a
        squared = (
            second**2 * sums.gap_squared
            + 2 * second * (second - first) * sums.product
            + (second - first) ** 2 * sums.reference_squared
        )
        relative = math.sqrt(max(squared, 0.0) / sums.reference_squared) / first
    if relative <= relative_cost(key.coarsest):
        return
    as_percent = _AS_PERCENT if first != second else ""
    if relative <= scatter:
        text = f"{key.facts.size} metrics, {relative:.2%} apart (L2){as_percent}. Results of two trainings may be."
        yield Objection("metric differs", text, relative)
    elif key.is_curve and key.facts.last and _end_alike(key.facts.last, (first, second)):
        text = f"{key.facts.size} metrics, {relative:.2%} apart (L2){as_percent}, but alike in the end."
        yield Objection("metric differs", f"{text} Results of two trainings may be.", relative)
    elif as_percent:
        yield Objection("sides differ", f"{key.facts.size} metrics, {relative:.2%} apart (L2){as_percent}.", relative)
    else:
        yield from _arrays(key)


def _arrays(key: ComparedKey) -> Iterator[Objection]:
    """Floats, by their relative L2 difference."""
    facts, inner, gap = key.facts, key.facts.informative, key.facts.gap
    assert inner is not None
    norm = max(gap.reference_squared, gap.port_squared) ** 0.5
    # A gradient that vanishes up to rounding, as that of a key's bias does, is as exact as those that it cancels from.
    ground = max(norm, key.scale * gap.size**0.5) if key.is_gradient else norm
    relative = gap.gap_squared**0.5 / ground if ground else 0.0
    cost = relative_cost(key.coarsest, backward=key.is_gradient)
    floor = FLOOR if facts.size == 1 or key.is_gradient else 0.0
    if relative <= cost or inner.max_abs <= floor:
        yield from _directed(key, relative)
        return
    ulp = f", up to {inner.max_ulp:.0f} ulp" if inner.max_ulp is not None and inner.max_ulp < MOST_ULP else ""
    one, other = (number(value, 9) for value in gap.worst)
    text = (
        f"relative L2 difference {number(inner.relative_l2)}{ulp}; farthest apart are {one} and {other}. What rounding"
        f" costs a network stays within {number(cost)}.{_RELATIONS[facts.relation]}"
    )
    yield Objection("sides differ", text, relative / cost)


def _directed(key: ComparedKey, relative: float) -> Iterator[Objection]:
    """A difference of the size of rounding, but in one direction."""
    gap = key.facts.gap
    if relative < NOTICEABLE or gap.size < ENOUGH or key.coarsest > UNIT:
        return
    if key.is_gradient or key.named(MOMENT):
        return
    (factor, scaled), (offset, shifted) = gap.scaling, gap.offset
    if max(scaled, shifted) < DIRECTED:
        return
    what = f"one factor, {1 + factor:.8f}," if scaled >= shifted else f"one constant, {number(offset)},"
    text = (
        f"relative L2 difference {number(relative)}, no more than rounding may cost, but {what} explains"
        f" {max(scaled, shifted):.0%} of its square. Rounding has no direction: a constant of the computation differs,"
        " such as the epsilon of a normalisation."
    )
    yield Objection("sides differ", text, relative / NOTICEABLE)


def _of_curve(key: ComparedKey) -> bool:
    return key.is_curve and key.facts.size > 1


def agreement(key: ComparedKey) -> Iterator[Objection]:
    """Whether the two sides differ by more than what two correct programs may differ by.

    A pair that meets the tolerance of its own comparison is not judged again, unless that tolerance lets anything pass.
    """
    facts = key.facts
    if facts.fit in ("none", "broadcast") or facts.equal == facts.size or not facts.finite or _accepted(key):
        return
    if key.tolerance is None and (key.is_of_machine or key.is_setting):
        return
    if facts.difference is None:
        if facts.dtype_a[0] not in NUMBERS:
            yield from _entries(key)
    elif _whole(key):
        yield from _entries(key)
    elif (key.is_metric and facts.size <= len(facts.values) and not _of_curve(key)) or _is_loss_of_training(key):
        yield from _metric(key)
    elif key.is_series and not key.is_schedule and not (key.is_metric and _of_curve(key)):
        yield from _series(key)
    elif (key.is_metric or key.beside_metric) and facts.size > 1 and len(facts.shape_a) == 1:
        yield from _metrics(key)
    else:
        yield from _arrays(key)
