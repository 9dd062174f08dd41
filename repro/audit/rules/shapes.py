"""Rules on the form of a key: shapes, number types, what is no number, what cannot occur."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from repro.audit.discovery import TABLE_SUFFIXES
from repro.audit.key_words import INPUT, PARAMETER
from repro.audit.rules.key import ComparedKey, Objection
from repro.markdown import number


def _are_logs(key: ComparedKey) -> bool:
    """Whether two tables hold a column of other lengths, and nobody subtracts them."""
    lists = len(key.facts.shape_a) == len(key.facts.shape_b) == 1
    table = PurePosixPath(key.pair).suffix in TABLE_SUFFIXES
    return lists and table and key.tolerance is None and not (key.is_gradient or key.named(PARAMETER, INPUT))


def shapes(key: ComparedKey) -> Iterator[Objection]:
    """Shapes that are not the same."""
    facts = key.facts
    both = f"{facts.shape_a} against {facts.shape_b}"
    equal = facts.equal == facts.size
    if facts.fit in ("none", "broadcast") and _are_logs(key):
        text = f"{facts.shape_a[0]} rows against {facts.shape_b[0]}: logs of trainings of other lengths, not compared."
        yield Objection("lengths differ", text)
    elif facts.fit == "none":
        text = f"shapes {both} do not fit, not even by broadcasting: no mean difference of these arrays exists."
        yield Objection("shapes differ", text)
    elif facts.fit == "broadcast":
        text = f"shapes {both}: numpy broadcasts them, so every entry meets entries of other positions."
        yield Objection("shapes differ", text)
    elif facts.fit == "squeezed" and facts.size == 1:
        yield Objection("scalar shapes", f"a single number as {both}.")
    elif facts.fit == "squeezed" and facts.entries_meet:
        yield Objection("leading axis", f"shapes {both}: numpy adds the leading axis, and the same entries meet.")
    elif facts.fit == "transposed" and (key.is_parameter or (equal and key.tolerance is None)):
        return  # Paddle's linear weights are the transpose of torch's
    elif facts.fit != "same":
        entries = f"{facts.size - facts.equal} of {facts.size} entries differ"
        if equal:
            entries = f"all {facts.size} entries are equal"
        yield Objection("shapes differ", f"shapes {both}: only {facts.fit} do they fit; then {entries}.")


def values(key: ComparedKey) -> Iterator[Objection]:
    """Number types, and what is no finite number."""
    facts = key.facts
    if facts.dtype_a != facts.dtype_b:
        yield Objection("dtypes differ", f"{facts.dtype_a} against {facts.dtype_b}.")
    if not facts.finite:
        text = "NaN, infinity or numbers beyond float32 among the values: `mean > threshold` is False for NaN, so"
        yield Objection("not finite", f"{text} reprod_log passes it.")


def value_range(key: ComparedKey) -> Iterator[Objection]:
    """Whole numbers outside of the range that their name promises."""
    facts = key.facts
    if key.below is not None and facts.difference and not (facts.low >= 0 and facts.high < key.below):
        text = f"values from {number(facts.low)} to {number(facts.high)}, where only 0 to {key.below - 1} is possible."
        yield Objection("out of range", text)
