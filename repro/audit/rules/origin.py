"""Rules on where numbers come from: arithmetic leaves traces, and so do hands and random generators."""

import math
from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np

from repro.audit.arithmetic import relative_cost
from repro.audit.discovery import TABLE_SUFFIXES
from repro.audit.key_words import INPUT, METRIC, PARAMETER
from repro.audit.measures import Numbers
from repro.audit.rules.key import ComparedKey, Objection
from repro.markdown import number

IMPROBABLE = 1e-6  # chance below which a pattern is no accident
TYPED = 6  # decimals that people type and programs print
MANY = 8
MOST_TERMS = 4096  # batches whose losses an epoch may average
SUM_BITS = 40  # 24 of each number, 12 for so many of them, 4 for their different sizes
FLOAT64_GAP = 2.0**-36  # two float64 programs agree far better, two float32 ones never do
# A perplexity is a function of a float32 loss, computed in Python's float64.
_DERIVED = frozenset({"ppl", "perplexity"})


def _halves(key: ComparedKey) -> tuple[np.ndarray, np.ndarray]:
    values = np.array(key.facts.values)
    return values[: key.facts.size], values[key.facts.size :]


def _fits(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """For each count, whether all values times it have few bits."""
    mantissa, _ = np.frexp(np.multiply.outer(counts, values))
    scaled = mantissa * 2.0**SUM_BITS
    fits: np.ndarray = (np.abs(scaled - np.rint(scaled)) <= 2.0 ** (SUM_BITS - 51)).all(axis=1)
    return fits


def is_mean_of_float32(values: np.ndarray) -> bool:
    """Whether float64 numbers may be means of n float32 numbers each, of one n up to ``MOST_TERMS``.

    Then n times each of them has at most ``SUM_BITS`` bits, but for the rounding of the division; other float64
    numbers have that by chance once in 2^11.
    """
    counts = np.arange(1, MOST_TERMS + 1)
    likely = counts[_fits(values[:4], counts)]
    return any(bool(_fits(values, count[None])[0]) for count in likely)


def _only_float64(side: Numbers, values: np.ndarray) -> bool:
    """Whether float32 arithmetic gave none of these numbers: they need more bits, and are no means or printed texts."""
    return 2 * side.full >= side.size and side.decimals is None and not is_mean_of_float32(values)


def _edited(name: str, side: Numbers) -> Iterator[Objection]:
    """Numbers of another precision than their neighbours."""
    regular = side.float32 - side.whole
    if 0 < side.full <= side.size / 2 <= regular and side.decimals is None:
        yield Objection(
            "hand-made numbers",
            f"{regular} of {side.size} numbers of the {name} are float32 numbers, as one float64 number in 2^29 is by"
            f" chance; {side.full} have digits that no float32 holds. They were not computed like the others.",
            side.full,
        )


def precision(key: ComparedKey) -> Iterator[Objection]:
    """Losses with digits that float32 cannot hold, against how well both sides agree.

    * Both sides in float64 that part by more than ``FLOAT64_GAP`` at the first step contradict themselves: two float64
      programs agree better, and float32 ones have no such digits.
    * Where every float32 number of one side is the other side's float64 number correctly rounded, the one was made from
      the other: a float32 sum of eight terms is correctly rounded in about half of the cases (``exactness``).
    * Otherwise one side in float64 is a float64 program only where a script or a name says so: frameworks compute in
      float32 unless they are told otherwise.
    """
    facts = key.facts
    if not key.is_series or key.is_schedule or key.named(METRIC, _DERIVED) or facts.constant or facts.size < 4:
        return
    yield from _edited("reference", facts.first)
    yield from _edited("port", facts.second)
    a, b = _halves(key)
    only = [_only_float64(side, values) for side, values in ((facts.first, a), (facts.second, b))]
    if not any(only):
        return
    gap = abs(a[0] - b[0]) / max(abs(a[0]), abs(b[0]), 1e-300)
    which = "both sides" if all(only) else f"the {'reference' if only[0] else 'port'}"
    text = f"the numbers of {which} need more bits than float32 has and are no means of up to {MOST_TERMS} such numbers"
    apart = f"{number(gap)} of their size apart at first"
    if all(only) and gap > FLOAT64_GAP:
        text += f". Two float64 programs agree to about 1e-13, but these are {apart}."
        yield Objection("hand-made numbers", text, gap)
    elif not all(only) and facts.size >= MANY and (a.astype(np.float32) == b.astype(np.float32)).all():
        text += (
            f"; rounded to float32, all {facts.size} are the other side's, which two programs reach with a chance of"
        )
        yield Objection("hand-made numbers", f"{text} about 2^-{facts.size}.", facts.size)
    elif not all(only) and gap <= relative_cost(key.coarsest) and not key.arithmetic.float64:
        text += f". The other side's are float32, {apart}, and no script speaks of float64:"
        yield Objection("hand-made numbers", f"{text} noise was added, or the numbers were changed by hand.", gap)
    else:
        yield Objection("computed in float64", f"{text}: a float64 program computed them.")


def rounded(key: ComparedKey) -> Iterator[Objection]:
    """Results with few decimals in a binary file: printed or typed, not computed."""
    facts = key.facts
    if facts.constant or key.is_schedule or key.named(INPUT, METRIC, PARAMETER):
        return
    if PurePosixPath(key.pair).suffix in TABLE_SUFFIXES:
        return
    for name, side in (("reference", facts.first), ("port", facts.second)):
        if side.decimals is None or not 0 < side.decimals <= TYPED or side.size < MANY or facts.dtype_a[0] != "f":
            continue
        # Of the float32 numbers near one value, this share is given by a number of so few decimals.
        share = min(1.0, facts.unit * 10.0**side.decimals)
        chance = side.size * math.log10(share)
        if chance < math.log10(IMPROBABLE):
            yield Objection(
                "rounded numbers",
                f"none of the {side.size} numbers of the {name} has more than {side.decimals} decimals, which computed"
                f" float32 numbers of this size do with a chance of 1e{chance:.0f}: they were printed or typed.",
                side.size,
            )
            return


def noise(key: ComparedKey) -> Iterator[Objection]:
    """Differences that are independent of each other and end as sharply as a random generator's.

    Rounding errors of computed arrays are sums of many, so they are at least as heavy-tailed as normal ones, of which
    the largest of n exceeds r standard deviations but for a chance of erf(r / sqrt 2)^n. Uniform numbers end at
    sqrt 3 deviations. Neighbours that are alike, rows or columns that move together and differences of a few ulp are no
    independent draws, and not judged.
    """
    facts, gap = key.facts, key.facts.gap
    if not gap.size or facts.masked or facts.dtype_a[0] != "f" or key.is_parameter or not gap.gap_squared:
        return
    mean = gap.gap / gap.size
    variance = gap.gap_squared / gap.size - mean**2
    grain = 2 * key.coarsest * max(abs(facts.low), abs(facts.high))
    if variance <= (4 * grain) ** 2 or max(gap.scaling[1], gap.offset[1]) > 0.5:
        return
    alike = max(abs(gap.along / gap.size - mean**2), abs(gap.down / gap.size - mean**2)) / variance
    reach = max(gap.gap_high - mean, mean - gap.gap_low) / math.sqrt(variance)
    chance = math.erf(reach / math.sqrt(2)) ** gap.size
    if alike < 4 / math.sqrt(gap.size) and chance < IMPROBABLE:
        yield Objection(
            "hand-made numbers",
            f"the {gap.size} differences are independent of each other and all within {reach:.2f} standard deviations"
            f" of their mean; uniform random numbers end at 1.73, while the chance for rounding is {chance:.1g}. One"
            " side is the other with generated noise added.",
            reach,
        )
