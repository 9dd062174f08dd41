"""One key of a pair as the rules see it, and what its name says about the numbers in it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import NamedTuple

from repro.audit.arithmetic import FLOAT32, Arithmetic
from repro.audit.discovery import PRINTED, TABLE_SUFFIXES, words
from repro.audit.facts import SERIES, Facts, is_unnamed
from repro.audit.key_words import (
    EPOCH,
    GRADIENT,
    INPUT,
    MACHINE,
    METRIC,
    PARAMETER,
    PER_SECOND,
    RIGHT,
    SCHEDULE,
    SETTING,
)
from repro.audit.tolerance import Tolerance


class Objection(NamedTuple):
    """A kind of finding, its sentence, and how bad it is among keys of the same kind."""

    kind: str
    text: str
    severity: float = 0.0


Rule = Callable[["ComparedKey"], Iterator[Objection]]


@dataclass(frozen=True)
class ComparedKey:
    """A key and the comparison that was made of it.

    Attributes:
        pair: name of the pair; ``key``: as the dumps name it, or with ``#`` for the number of each member of a series.
        tolerance: of that comparison; None where no log and no script shows one.
        below: end of the range of whole numbers that the name of the key promises, if known.
        arithmetic: what the scripts beside the pair say of their precision.
        samples: how many samples the metrics of the pair are shares of, as far as a dump or a document says.
        scale: largest root mean square among the gradients of the pair.
        outputs: root mean square difference, and rows, of the outputs of the model beside it; 0 where there are none.
        members: keys of a series, in the order of their numbers; ``positions`` are these, the first one 0 or 1 as 0.
        from_start: a column of steps beside the series shows that it begins with the first one.
        steps: of training before a single number, as a counter beside it says.
        beside_metric: it stands in a table of results whose metrics are those of two trainings.
        scatter: share of a metric by which two trainings from one seed may differ, as those from other seeds show.
    """

    pair: str
    key: str
    facts: Facts
    tolerance: Tolerance | None
    below: int | None = None
    arithmetic: Arithmetic = FLOAT32
    samples: tuple[int, ...] = ()
    scale: float = 0.0
    outputs: tuple[float, int] = (0.0, 0)
    members: tuple[str, ...] = ()
    positions: tuple[int, ...] = ()
    from_start: bool = False
    steps: float = 0
    beside_metric: bool = False
    scatter: float = 0.0

    @property
    def where(self) -> str:
        return f"{self.pair} [{self.key}]" if self.key else self.pair

    @cached_property
    def words(self) -> frozenset[str]:
        """Words of the key; of its file where the key says nothing."""
        return frozenset(words(PurePosixPath(self.pair).stem if is_unnamed(self.key) else self.key))

    def named(self, *names: frozenset[str]) -> bool:
        return any(not self.words.isdisjoint(each) for each in names)

    def of(self, names: frozenset[str]) -> bool:
        """Whether the name of the key or of its file has one of these words."""
        return self.named(names) or not names.isdisjoint(words(PurePosixPath(self.pair).stem))

    @property
    def is_of_machine(self) -> bool:
        """What a machine took or did in a second, which no two runs share."""
        return self.named(MACHINE) or self.words >= PER_SECOND

    @property
    def is_setting(self) -> bool:
        """A number of the settings that a table of results repeats."""
        return self.facts.size == 1 and PurePosixPath(self.pair).suffix in TABLE_SUFFIXES and self.named(SETTING)

    @property
    def is_schedule(self) -> bool:
        return self.of(SCHEDULE)

    @property
    def is_gradient(self) -> bool:
        return self.of(GRADIENT)

    @property
    def is_parameter(self) -> bool:
        return self.named(PARAMETER) and not self.is_gradient

    @property
    def is_metric(self) -> bool:
        named = self.named(METRIC) or (self.facts.size == 1 and self.key == "result")
        return self.facts.dtype_a[0] == "f" and named and not self.named(GRADIENT, PARAMETER)

    @property
    def counts_samples(self) -> bool:
        """A share of samples that are right, as an accuracy is and an F1 is not."""
        return self.is_metric and self.named(RIGHT)

    @property
    def is_curve(self) -> bool:
        """Numbers along a training, the first ones of a model that is half trained."""
        return self.from_start or self.named(EPOCH) or PurePosixPath(self.pair).suffix in PRINTED

    @property
    def is_series(self) -> bool:
        """A list of numbers over the steps of a training."""
        named = bool(self.members) or self.named(SERIES, SCHEDULE)
        return bool(self.facts.steps) and named and not self.named(PARAMETER, INPUT)

    @property
    def coarsest(self) -> float:
        """Unit roundoff of the coarsest arithmetic, as the numbers show it or a script says."""
        return max(self.arithmetic.roundoff, self.facts.roundoff)
