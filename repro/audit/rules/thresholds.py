"""Rules on the condition of a comparison: whether the pair meets it, and whether it could tell anything."""

from collections.abc import Iterator

from repro.audit.key_words import INPUT, PARAMETER
from repro.audit.rules.key import ComparedKey, Objection
from repro.audit.tolerance import Tolerance
from repro.markdown import number

WEAK = 1e-2  # a threshold that passes an error of one percent is no check of an alignment


def allowed(key: ComparedKey, tolerance: Tolerance) -> float:
    """Difference that a tolerance allows to an entry of mean size."""
    return tolerance.absolute + tolerance.relative * key.facts.mean_size


def passes(key: ComparedKey) -> bool | None:
    """Whether a pair meets the tolerance of its comparison; None where none is known, or nothing can be subtracted."""
    facts, tolerance = key.facts, key.tolerance
    if tolerance is None or facts.difference is None:
        return None
    if facts.exceeding is not None:
        return facts.exceeding == 0
    worst = facts.difference.max_abs if tolerance.measure == "each" else facts.difference.mean_abs
    return worst <= allowed(key, tolerance)


def stated(tolerance: Tolerance) -> str:
    """A tolerance as text, with its place."""
    relative = f" + {tolerance.relative:g} of the size" if tolerance.relative else ""
    return f"{tolerance.absolute:g}{relative}{f' ({tolerance.source})' if tolerance.source else ''}"


def is_loose(key: ComparedKey) -> bool:
    """Whether a tolerance lets an error of ``WEAK`` pass."""
    return key.tolerance is not None and allowed(key, key.tolerance) >= WEAK * key.facts.mean_size


def thresholds(key: ComparedKey) -> Iterator[Objection]:
    """At most one objection: the most serious one."""
    facts, tolerance, inner = key.facts, key.tolerance, key.facts.informative
    if tolerance is None or not facts.mean_size or inner is None:
        return
    if facts.equal == facts.size and key.named(INPUT, PARAMETER):
        return  # equal by right, whatever was asked
    limit = allowed(key, tolerance)
    share = limit / facts.mean_size
    asked = f"What {limit:g} asks of values of size 1 is {number(limit * facts.mean_size)} here."
    if share >= 1:
        yield Objection(
            "threshold passes anything",
            f"the threshold {stated(tolerance)} exceeds the mean size of the values, {number(facts.mean_size)}: zeros,"
            " or these values with the opposite sign, would pass or nearly pass.",
            share,
        )
    elif facts.constant:
        return
    elif facts.float32 and facts.unit > limit and inner.mean_abs > limit and tolerance.measure == "mean":
        yield Objection(
            "threshold of another scale",
            f"values of mean size {number(facts.mean_size)} lie {number(facts.unit)} apart in float32, so the absolute"
            f" threshold {limit:g} asks for {number(limit / facts.unit)} of one unit, which no two float32 programs"
            f" reach; the mean difference {number(inner.mean_abs)} is {number(inner.mean_abs / facts.unit)} units,"
            f" {number(inner.mean_abs / facts.mean_size)} of the size (relative L2 {number(inner.relative_l2)},"
            f" at most {number(inner.max_ulp)} ULP). {asked}",
            inner.mean_abs / limit,
        )
    elif not passes(key):
        yield _failure(key, tolerance)
    elif facts.dtype_a[0] in "iu" and limit * facts.size >= 1 and facts.equal < facts.size:
        yield Objection(
            "threshold of another scale",
            f"one wrong entry among {facts.size} whole numbers moves the mean by {number(1 / facts.size)} at least,"
            f" less than the threshold {limit:g} if it is off by 1: it would pass.",
        )
    elif facts.dtype_a[0] == "f" and share >= WEAK:
        yield Objection(
            "threshold of another scale",
            f"values of mean size {number(facts.mean_size)} against a threshold of {stated(tolerance)}: an error of"
            f" {share:.1%} in every value would pass. {asked}",
            share,
        )


def _failure(key: ComparedKey, tolerance: Tolerance) -> Objection:
    facts, gap = key.facts, key.facts.difference
    assert gap is not None
    if facts.exceeding is not None:
        what = f"{facts.exceeding} of {facts.size} entries differ by more than"
    elif tolerance.measure == "each":
        what = f"the largest difference {number(gap.max_abs)} exceeds"
    else:
        what = f"the mean difference {number(gap.mean_abs)} exceeds"
    worst = (
        f"the worst are {number(facts.gap.worst[0], 9)} and {number(facts.gap.worst[1], 9)}" if facts.size > 1 else ""
    )
    reach = (gap.max_abs if tolerance.measure == "each" else gap.mean_abs) / (tolerance.absolute or facts.unit)
    text = f"{what} the threshold {stated(tolerance)} of its own comparison{'; ' + worst if worst else ''}."
    return Objection("fails its threshold", text, reach)
