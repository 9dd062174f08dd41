"""The evidence of a folder: its logs, the comparisons of its scripts, and its pairs of dumps with their logs."""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property

from repro.audit.discovery import Inventory, Pair
from repro.audit.facts import Facts
from repro.audit.printed import is_number, mean_error, prints_as
from repro.dumps.log import THRESHOLD, HelperLog, Line
from repro.numerics.arrays import Arrays
from repro.untrusted.flatten import arrays
from repro.untrusted.formats import read_content


@dataclass(frozen=True)
class Script:
    """A comparison of two dumps of the folder, as a script does it."""

    path: str
    line: int
    first: str
    second: str
    threshold: float | None

    @property
    def compares_with_itself(self) -> bool:
        return self.first == self.second


@dataclass
class Check:
    """One pair of dumps and what belongs to it.

    Attributes:
        steps: numbers in the names of its folders: ``5-7-8_check`` belongs to the steps 5, 7 and 8.
        facts: of the keys that both sides have.
        content: digest of both sides' numbers, whatever the container, names and empty axes.
        keys: of both sides.
        repeated: groups of keys with the same numbers on both sides.
        log: path of its committed log; ``lines`` are its keys.
    """

    pair: Pair
    steps: frozenset[int]
    facts: dict[str, Facts]
    helper: HelperLog
    content: str
    keys: tuple[str, ...]
    repeated: tuple[tuple[str, ...], ...] = ()
    log: str | None = None
    lines: tuple[Line, ...] = ()
    scripts: list[Script] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.pair.name

    @property
    def compared(self) -> bool:
        """Whether a log or a script shows that the two were compared."""
        return bool(self.log or self.scripts)

    @property
    def threshold(self) -> float | None:
        """The script's; else the largest value that passed in the log, at least ``reprod_log``'s default.

        None where neither log nor script shows a comparison.
        """
        if (named := named_threshold(self.scripts)) is not None:
            return named
        if not self.compared:
            return None
        passed = (float(line.value) for line in self.lines if line.passed and is_number(line.value))
        return max([THRESHOLD, *passed])

    def gives(self, key: str, text: str) -> bool:
        """Whether a printed mean difference is the one that the dumps give."""
        if self.helper.means.get(key) == text:
            return True
        facts = self.facts.get(key)
        if facts is None or facts.difference is None or facts.fit not in ("same", "transposed"):
            return False
        return prints_as(text, facts.difference.mean_abs, mean_error(facts.size))


@dataclass
class Folder:
    """Everything that an audit knows of a folder."""

    inventory: Inventory
    hashes: dict[str, str] = field(default_factory=dict)
    logs: dict[str, list[Line]] = field(default_factory=dict)
    scripts: list[Script] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    unpaired: list[str] = field(default_factory=list)

    @cached_property
    def printed(self) -> list[tuple[float, str, str]]:
        """(number, file and key, number as printed) of every line of the logs, sorted by number."""
        lines = ((f"{path} ({line.name})", line.value) for path, logged in self.logs.items() for line in logged)
        return sorted((float(text), name, text) for name, text in lines if is_number(text))

    def load(self, path: str) -> Arrays:
        """Arrays of a dump.

        Raises:
            InputError: it is refused.
        """
        return arrays(read_content(self.inventory.root / path))

    def copies(self, path: str) -> list[str]:
        """Other files with the same bytes."""
        return [other for other, value in self.hashes.items() if value == self.hashes.get(path) and other != path]


def named_threshold(scripts: list[Script]) -> float | None:
    """The first threshold that a script names."""
    return next((script.threshold for script in scripts if script.threshold is not None), None)


def by_content(checks: list[Check]) -> list[list[Check]]:
    """Checks that rest on the same numbers, in groups of two or more."""
    groups: dict[str, list[Check]] = defaultdict(list)
    for check in checks:
        if sum(facts.size for facts in check.facts.values()) > 1:
            groups[check.content].append(check)
    return [group for group in groups.values() if len(group) > 1]
