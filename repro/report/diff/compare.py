"""What differs between two reports, sorted by what it means."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal, get_args

from repro.report.diff.leaves import Leaf, Leaves, Place
from repro.results import ClaimVerdict, NumberVerdict, Outcome, Result, Status

Kind = Literal["condition", "verdict", "value", "consequence"]
WHERE = {"path", "directory", "vocab", "notes"}  # where something lies says nothing about it
VERDICTS = {"verdict", "status", "outcome", "level"}
WORDS = {word for words in (ClaimVerdict, NumberVerdict, Outcome, Status) for word in get_args(words)}
PROSE = set("reason summary text what title heading source rederive derivation sentence unit notes".split())
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
ORDER = ("claims", "training", "steps")


class Change(Result):
    """One value that differs. ``a`` or ``b`` is None where that report lacks it; ``relative`` is (b - a) / |a|."""

    place: tuple[str, ...]
    a: float | str | bool | None
    b: float | str | bool | None
    relative: float | None = None

    @property
    def one_sided(self) -> bool:
        """Whether only one of the reports has this."""
        return self.a is None or self.b is None


class ReportDiff(Result):
    """All differences, the most important first.

    Attributes:
        compared: kind -> number of values that both reports have.
        conditions: settings, inputs, versions and devices: no result.
        one_sided: claims, records and other parts that one report lacks; ``…`` stands for what the other one has.
        values: numbers, and names and texts that were measured.
        consequences: counts, hashes and numbers in sentences, which move because something else does.
    """

    compared: dict[str, int]
    conditions: tuple[Change, ...]
    verdicts: tuple[Change, ...]
    one_sided: tuple[Change, ...]
    values: tuple[Change, ...]
    consequences: tuple[Change, ...]

    @property
    def moved(self) -> bool:
        """Whether any result differs."""
        return bool(self.verdicts or self.one_sided or self.values or self.consequences)


def compare(a: Leaves, b: Leaves, steps: Iterable[int] = range(1, 12)) -> ReportDiff:
    """Every difference of two reports in these steps, and in what belongs to no step."""
    asked = set(steps)
    compared: Counter[Kind] = Counter()
    changes: dict[Kind, list[Change]] = {kind: [] for kind in get_args(Kind)}
    for place in dict.fromkeys((*a, *b)):
        kind = _kind(place, a.get(place, b.get(place)))
        if kind and _step(place, a, b) in (None, *asked):
            pair = a.get(place), b.get(place)
            compared[kind] += None not in pair
            if not _same(*pair, prose=kind == "consequence" and not PROSE.isdisjoint(place[-2:])):
                changes[kind].append(_change(place, *pair))
    both = {kind: sorted((change for change in changes[kind] if not change.one_sided), key=_rank) for kind in changes}
    one_sided = sorted(_whole([*changes["verdict"], *changes["value"]], a, b), key=_rank)
    return ReportDiff(
        compared=dict(compared),
        conditions=(*both["condition"], *_whole(changes["condition"], a, b)),
        one_sided=tuple(one_sided),
        verdicts=tuple(both["verdict"]),
        values=tuple(both["value"]),
        consequences=tuple(c for c in changes["consequence"] if not any(_within(c, part) for part in one_sided)),
    )


def _kind(place: Place, value: Leaf | None) -> Kind | None:
    """What a difference at a place means; None where it means nothing."""
    match place:
        case ("run", "durations" | "costs" | "directory" | "attempts", *_):
            return None
        case ("run" | "protocol", *_):
            return None if place[-1] in WHERE else "condition"
        case ("steps", _, "command"):
            return None
        case ("steps", _, "provenance", _, field, *_):
            return "consequence" if field == "dumps" else None
        case ("training", _, "details", "versions" | "device" | "threads" | "precision", *_):
            return None  # as in the block `run`
        case ("steps", _, "tables", *_):
            return "verdict" if value in WORDS else "value"
        case ("summary" | "schema" | "figures", *_) | ("selftest", "summary", *_) | ("claims", _, "evidence", *_):
            return "consequence"
        case ("steps", _, "counts" | "notes" | "reprod_log", *_) | ("training", _, "details", "files", *_):
            return "consequence"
        case (*_, "sha256_a" | "sha256_b"):
            return "consequence"
    if place[-1] in PROSE:
        return "consequence"
    return "verdict" if place[-1] in VERDICTS or isinstance(value, bool) else "value"


def _step(place: Place, a: Leaves, b: Leaves) -> Leaf | None:
    """The step that a place belongs to; None where it belongs to none."""
    match place:
        case ("steps", step, *_) if step.isdecimal():
            return int(step)
        case ("training", *_):
            return 11
        case ("claims" | "findings", name, *_):
            of_item = (place[0], name, "step")
            return a.get(of_item, b.get(of_item))
    return None


def _same(a: Leaf | None, b: Leaf | None, *, prose: bool) -> bool:
    """Whether two values are the same: numbers digit for digit, names letter for letter, prose in its numbers."""
    if prose and isinstance(a, str) and isinstance(b, str):
        return NUMBER.findall(a) == NUMBER.findall(b)
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _change(place: Place, a: Leaf | None, b: Leaf | None) -> Change:
    relative = None
    if a is not None and b is not None and not isinstance(a, bool):
        try:
            x, y = float(a), float(b)
            relative = (y - x) / abs(x)
        except (ValueError, OverflowError, ZeroDivisionError):
            relative = None  # a text, or from zero
    finite = relative if relative is not None and math.isfinite(relative) else None
    return Change(place=place, a=a, b=b, relative=finite)


def _rank(change: Change) -> tuple[int, float]:
    """Claims before trainings before steps; the largest change first."""
    first = ORDER.index(change.place[0]) if change.place[0] in ORDER else len(ORDER)
    return first, -abs(change.relative) if change.relative is not None else -math.inf


def _whole(changes: Iterable[Change], a: Leaves, b: Leaves) -> Iterator[Change]:
    """Of values that one report lacks, the largest parts that it lacks as a whole, each once."""
    known = [{place[:end] for place in side for end in range(1, len(place) + 1)} for side in (a, b)]
    seen = set()
    for change in changes:
        if change.one_sided:
            place, lacking = change.place, known[change.b is None]
            part = next((place[:end] for end in range(1, len(place)) if place[:end] not in lacking), place)
            if part not in seen:
                seen.add(part)
                whole = {"place": part, "b" if change.a is None else "a": "…"}
                yield change if part == place else change.replace(**whole)


def _within(change: Change, part: Change) -> bool:
    return change.place[: len(part.place)] == part.place
