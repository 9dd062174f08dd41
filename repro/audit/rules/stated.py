"""Rules on the numbers that a document states: each against the logs and dumps that its section speaks of."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import PurePosixPath

from repro.audit.documents import Cell, Section
from repro.audit.evidence import Check, Folder
from repro.audit.findings import finding, first_few
from repro.audit.numbers import Numbers
from repro.audit.printed import agree, agrees_scaled, any_agrees, is_number
from repro.audit.quantities import Quantity, quantities, quantity
from repro.audit.rules.repeated_runs import OF_RUNS
from repro.audit.scope import Scope
from repro.audit.sides import order, same_side, side_words
from repro.results.audit import AuditFinding

NEAR = 3.0


@dataclass(frozen=True)
class Source:
    """A key of the evidence, as its log and its dumps give it."""

    name: str
    key: str
    logged: str | None = None
    dumped: str | None = None
    check: Check | None = None

    @property
    def values(self) -> tuple[float, ...]:
        """The compared numbers themselves: a metric, a loss, a series; of the reference, then of the port."""
        facts = self.check.facts.get(self.key) if self.check else None
        return facts.values if facts else ()

    def agrees(self, text: str) -> bool:
        """Whether it gives a stated number, as its mean difference or as a value (0 is a difference)."""
        if self.logged is not None and agree(text, self.logged):
            return True
        if self.check is not None and self.check.gives(self.key, text):
            return True
        return any_agrees(text, self.values)

    def near(self, text: str) -> bool:
        """Within a factor of ``NEAR``: probably the same quantity, from another run. Whole numbers are counts."""
        if text.isdecimal():
            return False
        values = [abs(float(value)) for value in (self.logged, self.dumped) if value and is_number(value)]
        stated = abs(float(text))
        return any(value / NEAR <= stated <= value * NEAR for value in values)

    def is_about(self, kind: Quantity) -> bool:
        """Whether its key, or the name of its file, is of a kind of quantity."""
        return kind in quantities(self.key) or kind in quantities(self.name.rpartition("/")[2])

    def describe(self, kind: Quantity | None) -> str:
        """What it holds, for the reader: values for a metric or a loss, else the mean difference."""
        if self.check is not None and kind in ("metric", "loss") and len(self.values) == 2:
            reference, port = self.values
            pair = self.check.pair
            return f"{reference:.6g} in {pair.reference}, {port:.6g} in {pair.port} ({self.key})"
        dumps = f", {self.dumped} from the dumps" if self.dumped else ", no dumps"
        name = f"{self.name} ({self.key})" if self.key else self.name
        return f"{name}: {self.logged or 'nothing'} in the log{dumps}"


def sources(folder: Folder, scope: Scope) -> list[Source]:
    """Every key of the logs and dumps of a scope; logs without dumps too."""
    listed = []
    for check in scope.checks:
        logged, helper = {line.name: line.value for line in check.lines}, check.helper
        for key in check.keys:
            dumped = helper.means.get(key) or check.difference(key) or f"none ({helper.stopped})"
            listed.append(Source(check.log or check.name, key, logged.get(key), dumped, check))
    for path in scope.logs:
        listed += [Source(path, line.name, line.value) for line in folder.logs.get(path, [])]
    return listed


@cache
def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


@dataclass(frozen=True)
class Stated:
    """A number of a document that its section's evidence may hold.

    Attributes:
        kind: of quantity, by its column, else by its row.
        named: sources whose key is its column or row.
        rivals: words of sides in the section's other rows and columns.
    """

    cell: Cell
    kind: Quantity | None
    named: Sequence[Source]
    rivals: frozenset[str] = frozenset()

    @property
    def undecided(self) -> bool:
        """Whether no evidence here can contradict it: percent of what is not said, or the mean of several runs."""
        if self.kind == "metric":
            return OF_RUNS.search(f"{self.cell.column} {self.cell.row}") is not None
        return self.cell.percent

    def agrees(self, source: Source) -> bool:
        """Whether a source holds it; a metric also as a share, and on the side that row or column name."""
        if self.kind != "metric":
            share = [str(Decimal(self.cell.text) / 100)] if self.cell.percent else []
            return any(source.agrees(text) for text in (self.cell.text, *share))
        side = self.side(source)
        values = source.values if side is None else (source.values[side],)
        return any(agrees_scaled(self.cell.text, repr(value)) for value in values)

    def side(self, source: Source) -> int | None:
        """0 where row or column name the reference of a source, 1 where they name its port; None without a hint.

        Words of the paths decide; failing that, which of the words beside it the reference is.
        """
        if len(source.values) != 2 or source.check is None:
            return None
        words, pair = side_words(f"{self.cell.row} {self.cell.column}"), source.check.pair
        sides = side_words(pair.reference), side_words(pair.port)
        named = [same_side(words, sides[0] - sides[1]), same_side(words, sides[1] - sides[0])]
        if named[0] != named[1]:
            return int(named[1])
        directions = {order(word, rival) for word in words for rival in self.rivals} - {0}
        return {frozenset({-1}): 0, frozenset({1}): 1}.get(frozenset(directions))

    def meant(self, section: Section, compared: Sequence[Source]) -> list[Source]:
        """Sources that hold what the number is about, so that they contradict it if they do not agree."""
        if self.named:
            return list(self.named)
        if self.kind == "metric":
            return [source for source in compared if self.side(source) is not None]
        if self.cell.place != "row" or self.kind == "loss":
            return []
        alone = len(section.cells) == 1 and "difference" in (self.kind, quantity(section.title, float(self.cell.text)))
        return [source for source in compared if alone or source.near(self.cell.text)]


def _kind(cell: Cell, title: str) -> Quantity | None:
    """What a number is: by its column, else by its row, else a setting where the heading says so."""
    value = float(cell.text)
    if cell.place == "log":
        return "difference"
    kind = None if cell.place == "code" else quantity(cell.column, value)
    if kind is None:
        kind = quantity(cell.row, value)
    return kind or ("setting" if quantity(title, value) == "setting" else None)


def _names(source: Source, cell: Cell, *, by_row: bool) -> bool:
    """Whether a source has the name of a number: its column, its row, or a word of its clause."""
    if cell.place == "text":
        return len(source.key) > 1 and re.search(rf"(?<!\w){re.escape(source.key)}(?!\w)", cell.column) is not None
    names = {_plain(cell.column), _plain(cell.row if by_row and cell.row else cell.column)}
    if source.key:
        return _plain(source.key) in names
    file = _plain(PurePosixPath(source.name).stem)  # a plain array is named by its file
    return any(len(name) > 1 and file.endswith(name) for name in names)


def _says_a_difference(cell: Cell) -> bool:
    """Whether a clause gives a measured difference: of no metric, and no round number, as bounds are."""
    digits = cell.text.lower().partition("e")[0].replace(".", "").strip("+-0")
    return quantities(cell.column) == {"difference"} and cell.small and len(digits) > 1


def claims(section: Section, listed: Sequence[Source], metrics: Sequence[Source]) -> list[Stated]:
    """The numbers of a section that say something about evidence.

    Not among them: settings, versions, dates, counts, unless a key has that name; and largest differences, which the
    logs do not print. In running text, only what is said of a key.

    Args:
        listed: evidence that the section speaks of; ``metrics``, those of the whole reproduction.
    """
    stated = []
    rivals = side_words(" ".join(f"{cell.row} {cell.column}" for cell in section.cells))
    alone = len(listed) == 1 and sum(_says_a_difference(cell) for cell in section.said) == 1
    for cell in (*section.cells, *section.said):
        kind = _kind(cell, section.title)
        by_row = kind == "difference" or quantity(cell.column, float(cell.text)) is None
        named = [source for source in (metrics if kind == "metric" else listed) if _names(source, cell, by_row=by_row)]
        if alone and not named and cell.place == "text" and _says_a_difference(cell):
            named = list(listed)  # the only difference that the section speaks of, and the only one there is
        if cell.place == "text" and not (named and kind in ("difference", "metric")):
            continue
        if kind == "other measure" and cell.place != "log":
            continue
        unsaid = kind is None and (not cell.small if cell.place == "code" else cell.whole)
        if named or not (kind == "setting" or unsaid):
            stated.append(Stated(cell, kind, named, rivals))
    return stated


def _contradicting(one: Stated, meant: Sequence[Source], stated: Sequence[Stated], scope: Scope) -> list[Source]:
    """Those of the sources that a number contradicts.

    Results of a whole evaluation often stand beside a check of a few samples. Unless the document lies beside it, a
    metric contradicts the evidence only where the section gives the other side's value, and this side's nowhere.
    """
    if one.kind != "metric" or scope.beside:
        return list(meant)
    metrics = [other for other in stated if other.kind == "metric"]
    sides = {id(source): {other.side(source) for other in metrics if other.agrees(source)} - {None} for source in meant}
    return [source for source in meant if sides[id(source)] and one.side(source) not in {None, *sides[id(source)]}]


def cell_findings(
    folder: Folder, numbers: Numbers, section: Section, scope: Scope, where: str
) -> Iterator[AuditFinding]:
    """Numbers of a section against the evidence that it speaks of."""
    if not section.cells and not section.said:
        return
    listed, lost = sources(folder, scope), []
    metrics = [source for source in sources(folder, Scope(scope.around, ())) if source.is_about("metric")]
    certain = listed if scope.certain else []
    compared = [source for source in certain if source.check is None or source.check.compared] or certain
    stated = claims(section, listed, metrics)
    for one in stated:
        meant = one.meant(section, metrics if one.kind == "metric" else compared)
        if any(one.agrees(source) for source in (meant if one.named else [*compared, *meant])):
            continue
        holders = numbers.holders(one.cell.text, scaled=one.kind == "metric")
        contradicted = [] if one.undecided else _contradicting(one, meant, stated, scope)
        if folder.has_loose_dumps and not scope.certain and one.kind != "metric":
            # It may speak of a dump that has no counterpart.
            contradicted = [source for source in contradicted if source.near(one.cell.text)]
        if contradicted:
            sides = "; ".join(source.describe(one.kind) for source in contradicted[:6])
            printed = f"The documented number is in {first_few(holders)}." if holders else "No log or dump holds it."
            text = f"{one.cell.column}: documented {one.cell.text}; {sides}. {printed}"
            yield finding("document differs", f"{where}:{one.cell.line}", text)
        elif not holders:
            unit = " % (of what is not said, so it is not compared)" if one.undecided and one.kind != "metric" else ""
            lost.append(f"{one.cell.label}: {one.cell.text}{unit}")
    if lost:
        shown = ", ".join(lost[:4]) + (f" and {len(lost) - 4} more" if len(lost) > 4 else "")
        subject = "1 number" if len(lost) == 1 else f"{len(lost)} numbers"
        behind = "has no log and no dump behind it" if len(lost) == 1 else "have no log and no dump behind them"
        text = f"{subject} of section “{section.title}” {behind}: {shown}."
        yield finding("no evidence", where, text)
