"""What following a script leaves behind: the comparisons that it makes, and what it saves where."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from repro.audit.scripts.library import framework_named, names_data
from repro.audit.scripts.values import Gap, Instance, Loaded, Measure, Opaque, Value, signature
from repro.audit.tolerance import Tolerance

MAX_RECORDS = 1000  # of one script
MAX_STEPS = 40_000  # syntax nodes that are evaluated for one script: up to a second
MAX_SAVED = 64  # arrays of one file


class StepsSpentError(Exception):
    """A script goes on for longer than it is followed."""


@dataclass
class Comparison:
    """One comparing call: its line, its two sides, and what it asks for where that is known."""

    line: int
    first: Loaded
    second: Loaded
    tolerance: Tolerance | None = None
    by_helper: bool = False  # of ``reprod_log``, which writes the logs


@dataclass(frozen=True)
class Saved:
    """One saving call.

    Attributes:
        path: as the script spells it.
        values: key -> what is saved; one empty key for a plain array.
        branches: which way each condition around the call went.
    """

    line: int
    path: str
    values: Mapping[str, Value]
    branches: Mapping[int, bool] = field(default_factory=dict)

    def excludes(self, other: "Saved") -> bool:
        """Whether no run of the script makes both calls."""
        return any(other.branches.get(node, way) != way for node, way in self.branches.items())


@dataclass
class Record:
    """Everything that a script does, as far as an audit is concerned."""

    comparisons: list[Comparison] = field(default_factory=list)
    saved: list[Saved] = field(default_factory=list)
    steps: int = 0
    writes: Counter[str] = field(default_factory=Counter)
    effects: int = 0  # calls that may write any file: other programs, unknown functions
    certain: bool = True  # whether the values are those of a run with the script's own defaults
    complete: bool = True

    def spend(self, steps: int = 1) -> None:
        """Count evaluated nodes.

        Raises:
            StepsSpentError: too many of them.
        """
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise StepsSpentError

    def load(self, path: str) -> Loaded:
        return Loaded(path, version=self.effects + self.writes[path])

    def save(self, line: int, path: str, value: Value, branches: Mapping[int, bool]) -> None:
        self.writes[path] += 1
        named = isinstance(value, dict) and all(isinstance(key, str) for key in value)
        values = dict(list(value.items())[:MAX_SAVED]) if named else {"": value}
        if self.certain and len(self.saved) < MAX_RECORDS:
            self.saved.append(Saved(line, path, values, dict(branches)))

    def compare(
        self, line: int, first: Value, second: Value, tolerance: Tolerance | None, *, by_helper: bool = False
    ) -> list[int]:
        """Record a comparison of two values, or of each two under the same key; returns their numbers."""
        numbers = []
        for one, other in self._sides(first, second):
            if len(self.comparisons) < MAX_RECORDS and (self.certain or one != other):
                numbers.append(len(self.comparisons))
                self.comparisons.append(Comparison(line, one, other, tolerance, by_helper))
        return numbers

    def _sides(self, first: Value, second: Value) -> Iterator[tuple[Loaded, Loaded]]:
        self.spend()
        if isinstance(first, Loaded) and isinstance(second, Loaded):
            yield first, second
        elif isinstance(first, dict) and isinstance(second, dict):
            for key in first.keys() & second.keys():
                yield from self._sides(first[key], second[key])
        elif isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
            for one, other in zip(first, second, strict=False):
                yield from self._sides(one, other)

    def subtract(
        self, line: int, first: Value, second: Value, measure: Measure = "each", power: float = 1.0
    ) -> Gap | None:
        """A difference of two loaded arrays."""
        numbers = self.compare(line, first, second, None)
        return Gap(tuple(numbers), measure, power) if numbers else None

    def bound(self, gap: Gap, limit: float, place: str) -> None:
        """A difference is compared with a number. The first bound of several is the one that it has to meet."""
        size = limit ** (1 / gap.power) if limit >= 0 else 0.0
        absolute, relative = (0.0, size) if gap.relative else (size, 0.0)
        for number in gap.comparisons:
            if limit >= 0 and self.comparisons[number].tolerance is None:
                self.comparisons[number].tolerance = Tolerance(absolute, relative, gap.measure, place)

    def judge(self, numbers: list[int], tolerance: Tolerance | None) -> None:
        """Give comparisons made before what the helper's report asks for."""
        for number in numbers:
            self.comparisons[number] = replace(self.comparisons[number], tolerance=tolerance)


def combined(name: str, parts: list[Value]) -> Opaque:
    """What is calculated from values without a framework: whose results they are is whose result it is."""
    parts = [part.opaque if isinstance(part, Instance) else part for part in parts]
    opaque = [part for part in parts if isinstance(part, Opaque)]
    results = [part for part in opaque if not part.data]
    frameworks = {part.framework for part in results}
    sources = {part for part in parts if isinstance(part, Loaded)} | {part.source for part in opaque if part.source}
    return Opaque(
        name,
        framework=frameworks.pop() if len(frameworks) == 1 else "",
        data=not results and not sources,
        source=sources.pop() if len(sources) == 1 and not results else None,
        signature=hash((name, *map(signature, parts))),
    )


def framework_of_value(value: Opaque) -> str:
    """Whose function computed a value; failing that, whom its name says: ``torch_out``."""
    if value.framework or value.data or names_data(value.name):
        return "" if value.data else value.framework
    return framework_named(value.name)
