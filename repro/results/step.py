"""What the comparison of one step says, and what is written of it to ``records/stepNN.json``."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from repro.results.base import Count, Result, StepNumber, Table
from repro.results.claim import ClaimResult
from repro.results.record import UNDECIDED, Record

Status = Literal["passed", "failed", "undecided", "not run"]


class StepComparison(Result):
    """What ``compare`` of a step returns: the records decide the status, the summary says what they are about."""

    records: tuple[Record, ...]
    claims: tuple[ClaimResult, ...]
    summary: str
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()


class StepResult(Result):
    """One of the eleven steps. One that contradicts its records cannot be made or read.

    Attributes:
        status: ``passed`` every record passed; ``failed`` at least one did not; ``undecided`` none failed but some
            could not be judged; ``not run`` with the reason in ``summary``.
        command: makes the step again.
        counts: of the records; empty for a step that did not run.
    """

    step: StepNumber
    title: str
    status: Status
    summary: str
    command: str = ""
    records: tuple[Record, ...] = ()
    claims: tuple[ClaimResult, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    counts: dict[str, Count] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _each_claim_once(self) -> Self:
        for name, times in Counter(claim.id for claim in self.claims).items():
            if times > 1:
                raise ValueError(f"claim {name} is answered twice")
        return self

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if not self.records and not self.counts:
            return self
        status, counts = status_and_counts(self.records)
        if self.counts != counts:
            raise ValueError(f"counts {_text(self.counts)} do not fit the records ({_text(counts)})")
        if self.status == "passed" and status != "passed":
            raise ValueError(f"status is 'passed' although its records are {status}")
        return self


def _text(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "none"


def status_and_counts(
    records: Sequence[Record],
) -> tuple[Literal["passed", "failed", "undecided"], dict[str, int]]:
    """Status of a step and its counts; passed + failed + undecided = total always. No records: failed."""
    passed = sum(r.passed for r in records)
    can_be_open = ("compared", "constant")
    undecided = sum(r.outcome in can_be_open and r.verdict in UNDECIDED for r in records)
    counts = {"total": len(records), "passed": passed, "undecided": undecided}
    counts["failed"] = counts["total"] - passed - undecided
    if not records or counts["failed"]:
        return "failed", counts
    return ("undecided" if undecided else "passed"), counts


def verdict_on_all(records: Sequence[Record]) -> str:
    """How many do not pass and what the first of them is; else the weaker of the passes."""
    bad = [record for record in records if not record.passed]
    if bad:
        return f"{len(bad)} of {len(records)}: {bad[0].conclusion}"
    if not records:
        return "not measured"
    return next((record.verdict for record in records if record.verdict != "equal"), "equal")
