"""Series: numbered keys are one series, and the rules on the course of a series."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from repro.audit.arithmetic import EVEN, UNIT, chance_of_equal
from repro.audit.facts import key_facts, step_gaps
from repro.audit.key_words import INPUT, METRIC, PARAMETER
from repro.audit.rules.key import ComparedKey, Objection
from repro.audit.trend import few_weights, growth_probability
from repro.markdown import number

FEWEST = 3  # keys of a series
GROWTH_ERROR = 1e-2  # chance that differences without a trend are called growing
GROWTH = 10.0
ROUNDING = 64 * UNIT  # share of a value below which a difference is a few ulp, and its growth means nothing
MANY_EXACT = 8
CHANCE = 1e-4  # below which equal results are no luck, where the outputs say how often two programs get one alike
PRINTED = 4  # decimals to which losses are usually printed; at so few, results of two programs are often the same
_NUMBER = re.compile(r"\d+")


def families(names: Sequence[str]) -> dict[str, list[str]]:
    """Keys that differ in one number only, in its order, at least ``FEWEST`` of them: ``loss_#`` -> keys.

    A key with several numbers goes to the family that is largest.
    """
    groups: dict[str, dict[int, str]] = defaultdict(dict)
    for name in names:
        for match in _NUMBER.finditer(name):
            groups[f"{name[: match.start()]}#{name[match.end() :]}"][int(match[0][:18])] = name
    taken: set[str] = set()
    result = {}
    for stem, members in sorted(groups.items(), key=lambda item: -len(item[1])):
        members = {index: name for index, name in members.items() if name not in taken}
        if len(members) >= FEWEST:
            result[stem] = [name for _, name in sorted(members.items())]
            taken |= set(result[stem])
    return result


def _joined(stem: str, members: Sequence[ComparedKey]) -> ComparedKey:
    """Single numbers of several keys as one array."""
    first = members[0]
    types = [first.facts.dtype_a, first.facts.dtype_b]
    dtype = types[0] if types[0] == types[1] else "float64"
    a, b = (np.array([key.facts.values[side] for key in members], dtype) for side in (0, 1))
    values = (*map(float, a), *map(float, b))
    facts = key_facts(stem, a, b, first.tolerance)
    facts = replace(facts, dtype_a=types[0], dtype_b=types[1], values=values, steps=step_gaps(values))
    names = tuple(key.key for key in members)
    return replace(first, key=stem, facts=facts, members=names, positions=_positions(stem, names))


def _positions(stem: str, names: Sequence[str]) -> tuple[int, ...]:
    """Numbers of the members of a family, counted from 0 where they count from 1."""
    before, after = stem.index("#"), len(stem) - stem.index("#") - 1
    numbers = [int(name[before : len(name) - after][:18]) for name in names]
    return tuple(number - (numbers[0] == 1) for number in numbers)


def join_series(keys: Sequence[ComparedKey]) -> list[ComparedKey]:
    """The keys, with single floats in numbered keys replaced by one key for the series."""
    single = {key.key: key for key in keys if len(key.facts.values) == 2 and key.facts.dtype_a[0] == "f"}
    stems = {stem: [single[name] for name in members] for stem, members in families(list(single)).items()}
    joined = {name: _joined(stem, members) for stem, members in stems.items() for name in [members[0].key]}
    inside = {key.key for members in stems.values() for key in members}
    return [joined.get(key.key, key) for key in keys if key.key not in inside or key.key in joined]


def _course(steps: Sequence[float], relative: Sequence[float]) -> str | None:
    """From what to what differences grow; None where they do not, or stay as small as rounding."""
    chance = growth_probability(steps)
    if chance > GROWTH_ERROR or relative[-1] < ROUNDING or steps[-1] < GROWTH * steps[0]:
        return None
    shown = ", ".join(number(step, 3) for step in steps[:6]) + (", …" if len(steps) > 6 else "")
    start = next(step for step in steps if step)
    times = f"from {number(start, 3)} to {number(steps[-1], 3)}, {number(steps[-1] / start, 3)} times"
    return f"{shown}: {times} over {len(steps)} steps (chance {chance:.1g} without a trend)"


def growth(key: ComparedKey) -> Iterator[Objection]:
    """A difference that grows from step to step."""
    facts = key.facts
    sizes = np.maximum(np.abs(facts.values[: facts.size]), UNIT**2) if facts.steps else np.ones(0)
    if key.named(INPUT, PARAMETER) or not facts.steps:
        return
    if course := _course(facts.steps, (np.array(facts.steps) / sizes).tolist()):
        yield Objection(
            "growing difference",
            f"the difference grows step by step: {course}. A mean over the steps hides that; whether training amplifies"
            " rounding or the optimizers differ, only a float64 run can settle.",
        )


def family_growth(keys: Sequence[ComparedKey]) -> Iterator[tuple[ComparedKey, Objection]]:
    """(family, objection) where the relative difference of numbered arrays grows from one to the next."""
    arrays = {key.key: key for key in keys if key.facts.size > 1 and key.facts.informative}
    for stem, members in families(list(arrays)).items():
        gaps = [arrays[name].facts.informative for name in members]
        relative = [gap.relative_l2 if gap else 0.0 for gap in gaps]
        if arrays[members[0]].is_parameter or arrays[members[0]].is_gradient or not np.isfinite(relative).all():
            continue
        if course := _course(relative, relative):
            family = replace(arrays[members[0]], key=stem, members=tuple(members))
            yield family, Objection("growing difference", f"the relative difference grows: {course}.")


def exactness(key: ComparedKey) -> Iterator[Objection]:
    """Bit-equal float32 results.

    Two float32 sums of the same terms in another order are bit-equal by luck in about half of the cases from eight
    terms on (0.36 to 0.58 for losses of linear regressions in PyTorch, Paddle and numpy, whatever their size), and
    nearly always for four or fewer: then the model has few weights, and ``few_weights`` recognises its losses. A mean
    over many rows of a short computation hides roundings, so that the chance p of one is larger; outputs beside the
    series show how large (``arithmetic``). So n equal losses have a chance of p^n, which has to be below ``CHANCE``, or
    2^-``MANY_EXACT`` where nothing shows that p is above 1/2.
    """
    facts = key.facts
    if facts.constant or facts.size < MANY_EXACT or facts.first.whole == facts.size or not _same_results(key):
        return
    if not key.is_series or key.is_schedule or key.named(METRIC):
        if facts.float32:
            yield Objection(
                "bit-equal", f"all {facts.size} float32 numbers are bit-equal: converted, copied or inputs."
            )
        return
    decimals = facts.first.decimals
    if decimals is not None and decimals <= PRINTED:
        text = f"all {facts.size} numbers are equal, but rounded to {decimals} decimals, as many programs print them."
        yield Objection("bit-equal", text)
    elif (chance := _chance_of_equal_step(key)) > EVEN and chance**facts.size > CHANCE:
        text = (
            f"all {facts.size} results of the series are bit-equal. The outputs beside them agree so closely that two"
            f" programs get about {chance:.0%} of such results alike to the bit; the chance of this many is about"
            f" {chance**facts.size:.1g}, too much to tell."
        )
        yield Objection("bit-equal", text)
    elif few_weights(facts.values[: facts.size]) is None:
        share, power = f"{chance:.0%}", f"{chance**facts.size:.1g}"
        if chance == EVEN:
            share, power = "half", f"2^-{facts.size}"
        yield Objection(
            "too exact",
            f"all {facts.size} results of the series are bit-equal. Two programs that sum eight or more terms in"
            f" different orders agree to the bit in about {share} of the cases, and training propagates what"
            f" they do not agree in: the chance of this many is about {power}. One program computed both sides.",
            facts.size,
        )


def _chance_of_equal_step(key: ComparedKey) -> float:
    """Chance of one equal result, by what the outputs beside the series show."""
    error, rows = key.outputs
    return chance_of_equal(error / float(np.spacing(np.float32(max(map(abs, key.facts.values))))), rows)


def _same_results(key: ComparedKey) -> bool:
    """Equal numbers; also where one side holds the float32 numbers of the other as text prints them."""
    facts = key.facts
    printed = any(
        one.is_float32 and other.decimals is not None and other.decimals > PRINTED
        for one, other in ((facts.first, facts.second), (facts.second, facts.first))
    )
    if facts.equal == facts.size or not (printed and key.is_series):
        return facts.equal == facts.size
    halves = np.array(facts.values, dtype=np.float32).reshape(2, -1)
    return bool((halves[0] == halves[1]).all())
