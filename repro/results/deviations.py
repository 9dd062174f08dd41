"""What the deviations of the published programs are worth: ``deviations/deviations.json``."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from repro.config.profile import BackendName
from repro.results.base import Count, Result, Seconds, Table

DeviationVerdict = Literal["reference", "no change", "equivalent within the margin", "different", "not shown"]


class CurveEffect(Result):
    """What a deviation does to the loss of the training steps, relative to the larger of both losses.

    Attributes:
        change: at each step, the largest of all seeds that do it.
        beyond_rounding: the first step, from 0, at which the change of some seed is larger than rounding explains;
            None where it never is.
    """

    change: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=1)
    beyond_rounding: Count | None

    @property
    def largest(self) -> float:
        """Change at any step of any seed."""
        return max(self.change)


class Effect(Result):
    """What a variant changes in one framework at one size, compared with its reference seed by seed.

    Attributes:
        differences: F1 of the variant - F1 of the reference, in points, one a seed.
        mean: of the differences.
        interval: 95 % interval of their mean; None for a single seed.
        answers_changed: dev answers that differ from the reference's, in percent of all seeds' answers.
        unchanged: every answer and every loss is the same, bit for bit.
    """

    backend: BackendName
    differences: tuple[float, ...] = Field(min_length=1)
    mean: float
    interval: tuple[float, float] | None
    answers_changed: Annotated[float, Field(ge=0, le=100)]
    curve: CurveEffect
    unchanged: bool


class Comparison(Result):
    """One variant compared with its reference at one size.

    Attributes:
        effects: one a framework, over the same seeds.
        mean: of the differences of all frameworks.
        p_adjusted: of a mean of 0, corrected for the number of comparisons; None where it is not one of them.
    """

    variant: str
    reference: str
    size: int = Field(ge=1)
    seeds: tuple[int, ...]
    effects: tuple[Effect, ...] = Field(min_length=1)
    mean: float
    p_adjusted: Annotated[float, Field(ge=0, le=1)] | None
    verdict: DeviationVerdict

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for effect in self.effects:
            if len(effect.differences) != len(self.seeds):
                raise ValueError(f"{len(effect.differences)} differences of {len(self.seeds)} seeds")
        return self


class DeviationsResult(Result):
    """The whole file.

    Attributes:
        sentence: the result in a few sentences.
        switches: what each variant changes.
        tables: the comparisons, a table a size.
        notes: how to read them: tests, assumptions, what rounding is.
        margin: a smaller mean effect counts as none, in points of F1.
        seconds: of all trainings that are compared, added up.
    """

    schema_: Literal["deviations.v1"] = Field("deviations.v1", alias="schema")
    sentence: str
    switches: Table
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    margin: Annotated[float, Field(gt=0)]
    comparisons: tuple[Comparison, ...]
    seconds: Seconds


class DeviationsSummary(Result):
    """What the deviations of the published programs are worth. Nothing but a reason where they were not measured."""

    asked: bool
    reason: str
    sentence: str | None = None
    switches: Table | None = None
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.sentence is None) != bool(self.reason) or (self.switches is None) != bool(self.reason):
            raise ValueError("the deviations have either all of their results or a reason")
        return self
