"""What the self-test saw of the planted faults: ``selftest/selftest.json``."""

from typing import Literal, Self

from pydantic import Field, model_validator

from repro.config.profile import BackendName
from repro.results.base import Count, Grid, Result, StepNumber
from repro.results.record import Outcome
from repro.results.step import Status


class Detection(Result):
    """What one step says about one run.

    Attributes:
        status: of the step; only ``failed`` means that it saw something.
        tensor: that shows the fault most clearly, with its outcome and the record's reason.
        margin: how many times its bound is exceeded; None where equality is asked for or nothing could be compared.
    """

    step: StepNumber
    status: Status
    records: Count
    passed: Count
    tensor: str = ""
    outcome: Outcome | None = None
    margin: float | None = None
    reason: str = ""

    @property
    def alarm(self) -> bool:
        """Whether a run without a fault must not look like this."""
        return self.status != "passed" or self.passed < self.records

    @property
    def extent(self) -> str:
        """The margin in a few words."""
        if self.margin is not None:
            return f"{self.margin:.3g} times its bound"
        return self.reason if self.outcome in ("compared", None) else self.outcome


class Detections(Result):
    """What the steps say about some runs of the self-test, by the run's folder."""

    runs: dict[str, tuple[Detection, ...]]


class Clue(Result):
    """The tensor that shows a fault, and by how much it does."""

    step: StepNumber
    tensor: str
    margin: float | None
    extent: str


class PlantedFault(Result):
    """One fault in one framework.

    Attributes:
        missed: steps that have to see it and did not.
        clue: of the first step that has to see it; None where no step saw it.
    """

    compared: tuple[StepNumber, ...]
    seen: tuple[StepNumber, ...]
    undecided: tuple[StepNumber, ...]
    missed: tuple[StepNumber, ...]
    clue: Clue | None
    steps: tuple[Detection, ...]


class FaultResult(Result):
    """One kind of fault, planted in each framework; ``expected`` are the steps that have to see it."""

    fault: str
    mimics: str
    expected: tuple[StepNumber, ...]
    planted: dict[BackendName, PlantedFault]


class Alarm(Clue):
    """A step that did not pass although no fault was planted."""

    status: Status


class CleanCounts(Result):
    """Steps and records of runs without a fault, and how many of them raised a false alarm."""

    steps: Count
    steps_not_passed: Count
    records: Count
    records_not_passed: Count


class CleanResult(CleanCounts):
    """One run without a fault."""

    seed: int
    alarms: tuple[Alarm, ...]


class CleanTotals(CleanCounts):
    """All runs without a fault."""

    runs: Count


class ClosestCall(Result):
    """The fault that exceeded its bound by the least."""

    fault: str
    backend: BackendName
    step: StepNumber
    margin: float


class SelftestCounts(Result):
    """Faults planted and seen; ``missed`` names those that not every step saw that has to."""

    faults: Count
    planted: Count
    seen: Count
    missed: tuple[str, ...]
    closest: ClosestCall | None
    clean: CleanTotals

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.seen + len(self.missed) != self.planted:
            raise ValueError(f"{self.seen} seen and {len(self.missed)} missed are not {self.planted} planted")
        return self

    @property
    def passed(self) -> bool:
        """Every fault was seen, and nothing else was."""
        return not (self.missed or self.clean.steps_not_passed or self.clean.records_not_passed)


class SelftestResult(Result):
    """The whole file."""

    schema_: Literal["selftest.v1"] = Field("selftest.v1", alias="schema")
    passed: bool
    sentence: str
    summary: SelftestCounts
    table: Grid
    faults: tuple[FaultResult, ...]
    clean: tuple[CleanResult, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.passed != self.summary.passed:
            raise ValueError(f"passed is {self.passed}, which its summary contradicts")
        return self
