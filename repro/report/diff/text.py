"""The differences of two reports on one screen."""

from collections.abc import Iterable, Iterator, Sequence

from repro.markdown import number
from repro.report.diff.compare import Change, ReportDiff
from repro.report.diff.leaves import Leaf

SHOWN = 12  # lines of a section
VALUE, NAME = 60, 48  # characters of a value and of each part of its place
NOUNS = {"claims": "claim", "steps": "step", "run": ""}
CONTAINERS = {"records", "tables", "details"}  # what stands in them has a name that says enough


def lines(diff: ReportDiff, a: object, b: object) -> Iterator[str]:
    """What differed before the runs, then results, the most important first; last what was compared."""
    yield f"A: {a}"
    yield f"B: {b}"
    yield from _section("different conditions", [[change] for change in diff.conditions])
    yield from _section("verdicts that changed", _parts(diff.verdicts))
    yield from _section("only on one side", _parts(diff.one_sided))
    yield from _section("numbers that moved", _parts(diff.values))
    if diff.verdicts or diff.one_sided or diff.values:
        follow = len(diff.consequences)
        yield from ["", f"{follow} counts, hashes and sentences follow from these: --json lists them"] if follow else []
    else:
        yield from _section("counts, hashes and sentences that differ", _parts(diff.consequences))
    compared = ", ".join(f"{diff.compared.get(kind, 0)} {kind}s" for kind in ("verdict", "value", "consequence"))
    result = "something moved" if diff.moved else "nothing moved: same numbers, same verdicts"
    yield from ["", f"{result} ({compared} in both)"]


def where(change: Change) -> str:
    """``1.sequence_output, measured``; ``step 8, losses, mean_abs``."""
    first, *rest = change.place
    parts = [_short(part, NAME) for part in rest if part not in CONTAINERS]
    if parts and first in NOUNS:
        parts[0] = f"{NOUNS[first]} {parts[0]}".strip()
        return ", ".join(parts)
    return ", ".join([first, *parts])


def _parts(changes: Iterable[Change]) -> list[list[Change]]:
    """Claims by step, steps, and what else stands at the top of a report."""
    parts: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        first, name = (*change.place, "")[:2]
        parts.setdefault((first, name.split(".")[0] if first in ("claims", "steps") else ""), []).append(change)
    return list(parts.values())


def _section(title: str, parts: Sequence[Sequence[Change]]) -> Iterator[str]:
    """The first, which is the largest, change of each part."""
    if parts:
        yield from ["", f"{title} ({sum(map(len, parts))})"]
        yield from (f"  {_line(part[0])}{_more(len(part) - 1, ' there')}" for part in parts[:SHOWN])
        if rest := _more(sum(map(len, parts[SHOWN:]))):
            yield f"  {rest.strip()}: --json lists them"


def _more(count: int, where: str = "") -> str:
    return f"  and {count} more{where}" if count else ""


def _line(change: Change) -> str:
    if change.one_sided:
        side, value = ("A", change.a) if change.b is None else ("B", change.b)
        return f"{where(change)}: only in {side}{'' if value == '…' else f', {_shown(value)}'}"
    pair = [_shown(change.a), _shown(change.b)]
    if pair[0] == pair[1]:
        pair = [repr(change.a), repr(change.b)]
    relative = "" if change.relative is None else f"  ({_percent(change.relative)})"
    return f"{where(change)}: {pair[0]} → {pair[1]}{relative}"


def _percent(relative: float) -> str:
    return f"{100 * relative:+.2g} %" if abs(relative) < 0.995 else f"{100 * relative:+,.0f} %"


def _shown(value: Leaf | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = number(value, 6) if isinstance(value, float) else str(value)
    return _short(text, VALUE)


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length].rstrip(', ')}…"
