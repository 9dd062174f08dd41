"""The evidence of a folder: its logs, the comparisons of its scripts, and its pairs of dumps with their logs."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from repro.audit.arithmetic import FLOAT32, Arithmetic, joined
from repro.audit.discovery import TABLE_SUFFIXES, Inventory
from repro.audit.facts import Facts
from repro.audit.pairing import Pair
from repro.audit.printed import is_number, mean_error, prints_as
from repro.audit.scripted import MadeBothSides, Script
from repro.audit.tolerance import Tolerance
from repro.dumps.helper import THRESHOLD, HelperLog
from repro.dumps.log import Line
from repro.numerics.arrays import Arrays
from repro.untrusted.flatten import arrays
from repro.untrusted.formats import read_content


@dataclass
class Check:
    """One pair of dumps and what belongs to it.

    Attributes:
        steps: numbers in the names of its folders: ``5-7-8_check`` belongs to the steps 5, 7 and 8.
        facts: of the keys that both sides have.
        content: digest of both sides' numbers, whatever the container, names and empty axes.
        keys: of both sides.
        repeated: groups of keys with the same numbers on both sides.
        names_of_key: key -> its names in the reference and in the port, where these differ.
        log: path of its committed log; ``lines`` are its keys, one measure of each, ``more_lines`` the other measures.
        logged_by_helper: whether ``reprod_log`` wrote the log, which then lists every key.
        arithmetic: what the scripts of the same project say of their precision.
    """

    pair: Pair
    steps: frozenset[int]
    facts: dict[str, Facts]
    helper: HelperLog
    content: str
    keys: tuple[str, ...]
    repeated: tuple[tuple[str, ...], ...] = ()
    names_of_key: dict[str, tuple[str, str]] = field(default_factory=dict)
    log: str | None = None
    lines: tuple[Line, ...] = ()
    more_lines: tuple[Line, ...] = ()
    logged_by_helper: bool = True
    scripts: list[Script] = field(default_factory=list)
    arithmetic: Arithmetic = FLOAT32

    @property
    def name(self) -> str:
        return self.pair.name

    @property
    def compared(self) -> bool:
        """Whether a log or a script shows that the two were compared."""
        return bool(self.log or self.scripts)

    @property
    def threshold(self) -> float | None:
        """The absolute bound of its comparison as a whole; None where no script and no log shows one."""
        asked = self.tolerance("")
        return asked.absolute if asked else None

    def difference(self, key: str, measure: str = "mean") -> str | None:
        """A difference of a key as text: as ``reprod_log`` prints it, else of the arrays; None where there is none."""
        if printed := self.helper.prints(key, measure):
            return printed[0]
        sizes = self._sizes(key, measure)
        return repr(sizes[0]) if sizes else None

    def tolerance(self, key: str) -> Tolerance | None:
        """The condition of the comparison of a key; None where no script and no log shows one."""
        named = named_tolerance(self.scripts, key, *self.names_of_key.get(key, ()))
        return named or self.logged_tolerance(key)

    def logged_tolerance(self, key: str) -> Tolerance | None:
        """What its log was written with: as the script says, else the helper's default unless a larger value passed."""
        for script in self.scripts:
            if script.by_helper and script.asks(key):
                return script.tolerance
        passed = [float(line.value) for line in self.lines if line.passed and is_number(line.value)]
        if not (self.log and self.logged_by_helper) or max(passed, default=0.0) > THRESHOLD:
            return None  # another threshold than the default, and nobody knows which
        return Tolerance(THRESHOLD, source="the default of reprod_log")

    def gives(self, key: str, text: str, measure: str = "mean") -> bool:
        """Whether a printed difference is the one that the dumps give."""
        if text in self.helper.prints(key, measure):
            return True
        sizes = self._sizes(key, measure) if is_number(text) else ()
        if not sizes:
            return False
        slack, error = mean_error(self.facts[key].size), self.facts[key].printed_to if self._is_printed else 0.0
        return any(prints_as(text, size, slack, error) for size in sizes)

    @cached_property
    def _is_printed(self) -> bool:
        """Whether its dumps are tables, which hold numbers as printed."""
        return PurePosixPath(self.pair.port).suffix in TABLE_SUFFIXES

    def _sizes(self, key: str, measure: str) -> tuple[float, ...]:
        """Differences that a log may mean; none where the helper could not print one, or only of other entries."""
        facts = self.facts.get(key)
        if facts is None or facts.difference is None:
            return ()
        if not (facts.entries_meet or facts.fit == "transposed" or not self.logged_by_helper):
            return ()
        gap = facts.difference
        by_measure = {"mean": (gap.mean_abs,), "max": (gap.max_abs,), "any": (gap.mean_abs, gap.max_abs)}
        return by_measure.get(measure, ())


@dataclass
class Folder:
    """Everything that an audit knows of a folder.

    Attributes:
        hashes: dump -> sha256.
        logs: log -> its lines, one measure of each key.
        loose: log in a form of its own -> the differences that it prints of what no pair holds.
        reports: log of ``reprod_log`` -> the reports in it, which are several where one process wrote them.
        absent: script -> dumps that it compares and that are not in the folder.
        logs_named: script -> logs whose name stands in it.
        unpaired: dumps and logs whose counterpart is likely missing.
        uncompared: files with numbers that no name, key or script ties to another side.
        other_dates: those of them whose counterpart has another date -> what it may be.
        arithmetic: script -> what it says of its precision.
        epochs: log of a training -> how many it announces and prints.
    """

    inventory: Inventory
    hashes: dict[str, str] = field(default_factory=dict)
    logs: dict[str, list[Line]] = field(default_factory=dict)
    loose: dict[str, list[Line]] = field(default_factory=dict)
    reports: dict[str, list[tuple[Line, ...]]] = field(default_factory=dict)
    scripts: list[Script] = field(default_factory=list)
    one_program: list[MadeBothSides] = field(default_factory=list)
    absent: dict[str, tuple[str, ...]] = field(default_factory=dict)
    logs_named: dict[str, set[str]] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    unpaired: list[str] = field(default_factory=list)
    uncompared: list[str] = field(default_factory=list)
    other_dates: dict[str, list[str]] = field(default_factory=dict)
    arithmetic: dict[str, Arithmetic] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)

    @cached_property
    def printed(self) -> list[tuple[float, str, str]]:
        """(number, file and key, number as printed) of every line of the logs, sorted by number."""
        lines = (
            (f"{path} ({line.name})" if line.name else path, line.value)
            for path, logged in self.logs.items()
            for line in logged
        )
        return sorted((float(text), name, text) for name, text in lines if is_number(text))

    @cached_property
    def _by_project(self) -> dict[str, Arithmetic]:
        """First folder of scripts, empty for those in none -> what they say of their precision."""
        said: dict[str, list[Arithmetic]] = defaultdict(list)
        for path, one in self.arithmetic.items():
            said[first_folder(path)].append(one)
        return {project: joined(several) for project, several in said.items()}

    def arithmetic_around(self, path: str) -> Arithmetic:
        """What the scripts in the same first folder, or in none, say; all of them for a path in none."""
        project = first_folder(path)
        return joined(one for other, one in self._by_project.items() if not project or other in ("", project))

    @cached_property
    def has_loose_dumps(self) -> bool:
        """Whether dumps of one side have no counterpart."""
        paired = {path for check in self.checks if check.facts for path in (check.pair.reference, check.pair.port)}
        tables = set(self.inventory.tables) - set(self.logs)
        return not paired.issuperset({*self.inventory.dumps, *tables})

    def load(self, path: str) -> Arrays:
        """Arrays of a dump.

        Raises:
            InputError: it is refused.
        """
        return arrays(read_content(self.inventory.root / path))

    @property
    def has_evidence(self) -> bool:
        """Whether there is anything to check: two sides, a log of a comparison, or a script that compares."""
        return bool(self.checks or self.logs or self.scripts)

    @cached_property
    def _by_hash(self) -> dict[str, list[str]]:
        paths: dict[str, list[str]] = defaultdict(list)
        for path, value in self.hashes.items():
            paths[value].append(path)
        return paths

    def copies(self, path: str) -> list[str]:
        """Other files with the same bytes."""
        return [other for other in self._by_hash.get(self.hashes.get(path, ""), ()) if other != path]


def first_folder(path: str) -> str:
    """The project that a path belongs to where a folder holds several; empty for a file in none of them."""
    return path.partition("/")[0] if "/" in path else ""


def named_threshold(scripts: list[Script]) -> float | None:
    """The first bound that a script gives to ``reprod_log``'s report."""
    return next((script.tolerance.absolute for script in scripts if script.by_helper and script.tolerance), None)


def named_tolerance(scripts: Sequence[Script], *names: str) -> Tolerance | None:
    """What scripts ask of a key, which they may call by several names; None where they do not say.

    Of several comparisons, that of this very key counts, then that of ``reprod_log``, then one that allows for
    rounding: beside it, a test for equality only informs.
    """
    named = [script for script in scripts if any(map(script.asks, names))]
    if not named:
        return None
    return max(named, key=lambda script: (script.first_key in names, script.by_helper, script.allows)).tolerance


def by_content(checks: list[Check]) -> list[list[Check]]:
    """Checks that rest on the same numbers, in groups of two or more."""
    groups: dict[str, list[Check]] = defaultdict(list)
    for check in checks:
        if sum(facts.size for facts in check.facts.values()) > 1:
            groups[check.content].append(check)
    return [group for group in groups.values() if len(group) > 1]
