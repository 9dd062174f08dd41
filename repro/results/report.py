"""The whole report: ``report.json``. Its JSON schema, published beside it, is derived from these types."""

from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from repro.config.profile import BackendName
from repro.config.protocol import ProtocolName
from repro.results.audit import AuditFinding
from repro.results.base import Cell, Count, Grid, Result, StepNumber, Table, Text
from repro.results.capture import Provenance
from repro.results.claim import ClaimVerdict, Evidence
from repro.results.deviations import DeviationsSummary
from repro.results.record import PASSED, NumberVerdict, RecordFields
from repro.results.run_block import RunBlock
from repro.results.selftest import SelftestCounts
from repro.results.step import Status
from repro.results.training import Percent, TrainingDetails, TrainingName

SCHEMA_NAME = "report.schema.json"


class Protocol(Result):
    """Training rules, and the fields in which the two programs differ under them: name -> (PyTorch, Paddle)."""

    name: ProtocolName
    deviations: dict[str, tuple[Cell, Cell]]


class TrainingCounts(Result):
    """How many of the trainings that the profile asks for are complete."""

    total: Count
    done: Count


class Summary(Result):
    """Counts by verdict and status; ``complete`` is false where a step that was asked for has no usable files."""

    complete: bool
    claims: dict[str, Count]
    steps: dict[str, Count]
    trainings: TrainingCounts


class PublishedAnswer(Result):
    """A documented number in the committed logs and from the published dumps, with the audit's verdict."""

    logged: dict[str, str]
    rederived: str | None
    verdict: ClaimVerdict
    reason: str


class ReportedClaim(Result):
    """A documented number beside the one from the published files and the one measured now.

    Attributes:
        column: original column, log key or code line.
        documented: with the digits printed.
        published: None without an audit.
        semantics: what the comparison behind the number says, whatever the profile can say about its absolute size.
    """

    id: Text
    step: StepNumber
    what: Text
    column: str
    kind: Literal["number", "zero", "text"]
    unit: str
    documented: Text
    published: PublishedAnswer | None
    measured: float | str | None
    verdict: ClaimVerdict
    reason: Text
    relative: float | None
    semantics: NumberVerdict | None
    evidence: tuple[Evidence, ...]
    source: Text
    rederive: Text

    @property
    def rederived(self) -> str | None:
        """The number as the published dumps give it."""
        return self.published.rederived if self.published else None


class ReportedRecord(RecordFields):
    """One compared tensor, as the report shows it: it says by itself whether it passed."""

    passed: bool

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.passed != (self.outcome == "compared" and self.verdict in PASSED):
            raise ValueError(f"{self.name}: {self.conclusion} is {'no' if self.passed else 'a'} pass")
        return self


class Disagreement(Result):
    """A key on which ``reprod_log`` and the strict comparison differ."""

    name: str
    theirs: str
    ours: str
    reason: str


class ReportedLog(Result):
    """What ``reprod_log`` itself says about the step's dumps, without time stamps."""

    file: str
    lines: tuple[str, ...]
    disagreements: tuple[Disagreement, ...]


class ReportedStep(Result):
    """One of the eleven steps.

    Attributes:
        asked: the profile asks for it.
        lost: asked for, but the files of the run do not show that it was done.
        provenance: by framework, for steps that rest on dumps.
    """

    step: StepNumber
    heading: Text
    title: Text
    status: Status
    asked: bool
    lost: bool
    summary: Text
    command: Text
    counts: dict[str, Count]
    records: tuple[ReportedRecord, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    reprod_log: ReportedLog
    provenance: dict[BackendName, Provenance]


class TrainingEntry(TrainingName):
    """One training of step 11; without scores and details where it is not complete, which ``reason`` explains."""

    status: Literal["done", "not run"]
    reason: str
    exact: Percent | None = None
    f1: Percent | None = None
    steps: Count | None = None
    details: TrainingDetails | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        values, done = (self.exact, self.f1, self.steps, self.details), self.status == "done"
        if any((value is not None) != done for value in values) or bool(self.reason) == done:
            raise ValueError(f"{self.folder}: a training has either all of its results or a reason")
        return self


DocumentKind = Literal["document inconsistent", "shared evidence", "observation"]


class Finding(Result):
    """Something that a reader should not have to look for.

    ``lost``: a step without usable files. ``unanswered``: a step that gave no answer to a claim. The others can be read
    off the document alone: ``document inconsistent``: it contradicts itself in ``claims[0]``; ``shared evidence``:
    several claims rest on one number; ``observation``: worth knowing, contradicts nothing.
    """

    kind: Literal["lost", "unanswered"] | DocumentKind
    step: StepNumber
    claims: tuple[str, ...]
    text: Text


class PublishedFiles(Result):
    """Faults of the published files; ``reason`` says why there is nothing, if there is nothing."""

    reason: str
    findings: tuple[AuditFinding, ...]


class SelftestSummary(Result):
    """Detection power of the checks. All but ``asked`` and ``reason`` is None where the self-test did not run."""

    asked: bool
    reason: str
    passed: bool | None = None
    sentence: str | None = None
    summary: SelftestCounts | None = None
    table: Grid | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        values = (self.passed, self.sentence, self.summary, self.table)
        if any((value is None) != bool(self.reason) for value in values):
            raise ValueError("the self-test has either all of its results or a reason")
        return self


class Sentence(Result):
    """A sentence with ``{names}`` for its values, so that a page can translate it."""

    text: Text
    values: dict[str, str] = Field(default_factory=dict)


class ReportedFigure(Result):
    """A picture of the report, ``figures/{name}.svg``, in Chinese ``{name}.zh.svg``.

    ``step`` is None where it belongs to no section of a step; ``title`` is for readers who do not see it.
    """

    name: Annotated[str, Field(pattern="^[a-z0-9_-]+$")]
    step: StepNumber | None
    title: Sentence
    caption: tuple[Sentence, ...]


def _published(schema: dict[str, Any]) -> None:
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$id"] = SCHEMA_NAME


class Report(Result):
    """Documented claims of an alignment document, measured again.

    ``run`` is the only part that may differ between two runs of the same profile on one machine.
    """

    model_config = ConfigDict(title="Report of a repro run", json_schema_extra=_published)

    schema_: Literal["report.schema.json"] = Field("report.schema.json", alias="schema")
    run: RunBlock
    protocol: Protocol
    summary: Summary
    claims: tuple[ReportedClaim, ...]
    steps: Annotated[tuple[ReportedStep, ...], Field(min_length=11, max_length=11)]
    training: tuple[TrainingEntry, ...]
    findings: tuple[Finding, ...]
    audit: PublishedFiles
    selftest: SelftestSummary
    deviations: DeviationsSummary
    figures: tuple[ReportedFigure, ...] = ()

    def claims_of(self, step: int) -> list[ReportedClaim]:
        """The documented claims of a step, in the order of the document."""
        return [claim for claim in self.claims if claim.step == step]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if len({claim.id for claim in self.claims}) != len(self.claims):
            raise ValueError("a claim stands twice")
        if [step.step for step in self.steps] != list(range(1, 12)):
            raise ValueError("steps are not 1 to 11")
        _check(self.summary.claims, Counter(claim.verdict for claim in self.claims))
        _check(self.summary.steps, Counter(step.status for step in self.steps))
        done = sum(entry.status == "done" for entry in self.training)
        if self.summary.trainings != TrainingCounts(total=len(self.training), done=done):
            raise ValueError(f"counts of trainings do not fit: {done} of {len(self.training)} are done")
        return self


def _check(stated: dict[str, int], actual: Counter[str]) -> None:
    if Counter(stated) != Counter({**actual, "total": actual.total()}):
        raise ValueError(f"counts {stated} are not those of the report")
