"""Comparisons of a script: functions of two arrays, and differences that it bounds itself."""

from repro.audit.scripts import containers
from repro.audit.scripts.comparers import (
    DIFFERENCES,
    LOSSES,
    MAGNITUDES,
    REDUCTIONS,
    SUBTRACTIONS,
    comparer_of,
    number,
    tolerance,
)
from repro.audit.scripts.expressions import Call
from repro.audit.scripts.files import Files
from repro.audit.scripts.library import CONVERSIONS
from repro.audit.scripts.values import Gap, Instance, Loaded, Opaque, Value

# Names of the two sides, where they are given by keyword.
SIDES = [
    ("info1", "info2"),
    ("a", "b"),
    ("actual", "desired"),
    ("actual", "expected"),
    ("x", "y"),
    ("input", "other"),
    ("first", "second"),
    ("data1", "data2"),
    ("x1", "x2"),
    ("a1", "a2"),
]
LESS = frozenset({"assertLess", "assertLessEqual", "assert_array_less"})


class Comparing(Files):
    """Calls that compare.

    Attributes:
        pending: numbers of a helper's comparisons that wait for its report.
    """

    pending: dict[Opaque | None, list[int]]

    def comparing_call(self, call: Call) -> Value:
        """Result of a call that compares; else ``UNKNOWN``."""
        name, line, place = call.name, self.line(call.node), self.place(call.node)
        values, rest = _sides(call)
        if name == "approx" and call.arguments:
            asked = tolerance(call.full, call.arguments[1:], call.named, place)
            return Instance("approx", {"side": call.arguments[0], "tolerance": asked})
        if len(values) == 2:
            if name in DIFFERENCES:
                numbers = self.record.compare(line, values[0], values[1], None, by_helper=True)
                self.pending[call.owner] = numbers
                return Instance("difference", {"numbers": numbers}) if name == "compute_diff" else None
            if comparer_of(call.full):
                return self._compared(call, values, rest, line, place)
            if name in LOSSES and (gap := self.record.subtract(line, values[0], values[1], "mean", LOSSES[name])):
                return gap
            if name in SUBTRACTIONS and (gap := self.record.subtract(line, values[0], values[1])):
                return gap
        return self._on_gaps(call, place)

    def _compared(self, call: Call, values: list[Value], rest: list[Value], line: int, place: str) -> Value:
        asked = tolerance(call.full, rest, call.named, place)
        if isinstance(values[0], Gap):  # ``allclose(a - b, 0)``: only the absolute bound counts
            if asked is not None and number(values[1]) == 0:
                self.record.bound(values[0], asked.absolute, place)
        else:
            self.record.compare(line, values[0], values[1], asked)
        return Opaque("condition")

    def _on_gaps(self, call: Call, place: str) -> Value:
        """A function of differences: their size, their mean, their bound; of loaded arrays, a part of them."""
        name, values = call.name, [call.receiver, *call.arguments]
        gap = Gap.joined([one for value in values for one in ([value] if isinstance(value, Gap) else _gaps(value))])
        if gap is None:
            loaded = next((value for value in values if value is not None), None)
            return (
                loaded.item(f".{name}()") if name in REDUCTIONS and isinstance(loaded, Loaded) else containers.UNKNOWN
            )
        if name in REDUCTIONS:
            return gap.reduced(REDUCTIONS[name])
        if name in ("sqrt", "square"):
            return gap.raised(0.5 if name == "sqrt" else 2.0)
        if name in LESS and len(call.arguments) > 1 and (limit := number(call.arguments[1])) is not None:
            self.record.bound(gap, limit, place)
        return gap if name in MAGNITUDES | CONVERSIONS | LESS else containers.UNKNOWN


def _gaps(value: Value) -> list[Gap]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [item for item in items if isinstance(item, Gap)]


def _sides(call: Call) -> tuple[list[Value], list[Value]]:
    """The two sides of a comparison, and the positional arguments behind them."""
    arguments, named = call.arguments, call.named
    if isinstance(call.receiver, (Loaded, Gap)):
        arguments = [call.receiver, *arguments]  # torch's tensors have the functions as methods
    for first, second in SIDES:
        if first in named and second in named:
            return [named[first], named[second]], arguments
        if second in named and len(arguments) == 1:
            return [arguments[0], named[second]], []
    return arguments[:2], arguments[2:]
