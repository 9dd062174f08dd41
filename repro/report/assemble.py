"""From the files of a run to the report, which is rendered from this value alone."""

from collections import Counter
from collections.abc import Iterator
from typing import get_args

from repro.claims import Claim, Document
from repro.claims.consistency import check
from repro.config.protocol import deviations
from repro.errors import EXIT_DIFFERS, EXIT_OK
from repro.report.collect import Collected, CollectedStep, Missing
from repro.report.f1 import PREDICTIONS
from repro.report.reprod_log import disagreements
from repro.report.run_block import run_block
from repro.results import (
    EXPLAINED,
    ClaimResult,
    ClaimVerdict,
    Evidence,
    Provenance,
    StepResult,
    TrainingDetails,
    TrainingName,
    TrainingResult,
)
from repro.results.deviations import DeviationsSummary
from repro.results.report import (
    Finding,
    Protocol,
    PublishedAnswer,
    PublishedFiles,
    Report,
    ReportedClaim,
    ReportedLog,
    ReportedRecord,
    ReportedStep,
    SelftestSummary,
    Summary,
    TrainingCounts,
    TrainingEntry,
)


def _answer(claim: Claim, result: StepResult) -> ClaimResult:
    """The step's answer to a claim; one that is missing becomes ``not run``."""
    for answer in result.claims:
        if answer.id == claim.id:
            return answer
    silent = f"Step {claim.step} ran but gave no answer to this claim."
    reason = result.summary if result.status == "not run" else silent
    return ClaimResult(id=claim.id, measured=None, verdict="not run", reason=reason)


def _lasting(item: Evidence, collected: Collected) -> Evidence:
    """Evidence whose hash two runs share: a training's result holds its seconds, its predictions do not."""
    for name, result in collected.trainings.items():
        if item.file == f"{name.folder}/result.json" and not isinstance(result, Missing):
            sha256 = result.files.get(PREDICTIONS)
            return Evidence(file=f"{name.folder}/{PREDICTIONS}", sha256=sha256) if sha256 else item
    return item


def _published(claim: Claim, collected: Collected) -> PublishedAnswer | None:
    """What the published files say about a claim; None where they were not audited."""
    if isinstance(collected.audit, Missing):
        return None
    answers = (item.into(PublishedAnswer) for item in collected.audit.claims if item.id == claim.id)
    return next(answers, None)


def _verdict(
    claim: Claim, answer: ClaimResult, published: PublishedAnswer | None, findings: list[Finding]
) -> tuple[ClaimVerdict, str]:
    """Verdict and reason: a document that contradicts itself, or a check without power, comes before what a run says.

    Except that a run which differs is never explained away by the published files.
    """
    for finding in findings:
        if finding.kind == "document inconsistent" and finding.claims[0] == claim.id:
            return finding.kind, f"{finding.text} The run by itself: {answer.verdict}; {answer.reason}"
    if published is None:
        return answer.verdict, answer.reason
    if published.verdict in EXPLAINED and answer.verdict != "differs":
        return published.verdict, f"{published.reason} The run by itself: {answer.verdict}; {answer.reason}"
    return answer.verdict, f"{answer.reason} The published files: {published.verdict}; {published.reason}"


def _claim(claim: Claim, document: Document, collected: Collected, findings: list[Finding]) -> ReportedClaim:
    answer, published = _answer(claim, collected.steps[claim.step].result), _published(claim, collected)
    verdict, reason = _verdict(claim, answer, published, findings)
    return claim.into(
        ReportedClaim,
        documented=claim.value,
        published=published,
        measured=answer.measured,
        verdict=verdict,
        reason=reason,
        relative=answer.relative,
        semantics=answer.semantics,
        evidence=tuple(_lasting(item, collected) for item in answer.evidence),
        source=f"{document.sources[claim.source.document]}, {claim.source.section}",
    )


def _step(step: CollectedStep, collected: Collected, document: Document) -> ReportedStep:
    result, heading = step.result, document.steps[step.result.step]
    return result.into(
        ReportedStep,
        heading=heading.heading,
        title=heading.title,
        asked=step.asked,
        lost=step.lost,
        summary=result.summary.strip() or "The record gives no summary.",
        command=result.command or f"python -m repro all --out $RUN --steps {result.step}",
        records=tuple(record.into(ReportedRecord, passed=record.passed) for record in result.records),
        reprod_log=ReportedLog(
            file=f"reprod_log/step{result.step:02d}.txt",
            lines=step.log,
            disagreements=tuple(disagreements(step.log, result.records)),
        ),
        provenance={
            backend: capture.into(Provenance)
            for (number, backend), capture in collected.captures.items()
            if number == result.step
        },
    )


def _training(name: TrainingName, result: TrainingResult | Missing) -> TrainingEntry:
    if isinstance(result, Missing):
        return name.into(TrainingEntry, status="not run", reason=result.reason)
    return result.into(TrainingEntry, status="done", reason="", details=result.into(TrainingDetails))


def _about_the_run(collected: Collected, document: Document) -> Iterator[Finding]:
    """Steps that are lost, claims left unanswered."""
    for number, step in collected.steps.items():
        if step.lost:
            yield Finding(kind="lost", step=number, claims=(), text=f"Step {number}: {step.result.summary}")
        answered = {claim.id for claim in step.result.claims}
        silent = tuple(claim.id for claim in document.claims_of(number) if claim.id not in answered)
        if silent and step.result.status != "not run":
            text = f"Step {number} ran but gave no answer to {', '.join(silent)}."
            yield Finding(kind="unanswered", step=number, claims=silent, text=text)


def _selftest(collected: Collected) -> SelftestSummary:
    asked, result = not collected.profile.no_selftest(), collected.selftest
    if isinstance(result, Missing):
        return SelftestSummary(asked=asked, reason=result.reason)
    return result.into(SelftestSummary, asked=asked, reason="")


def _deviations(collected: Collected) -> DeviationsSummary:
    asked, result = bool(collected.profile.deviation_files()), collected.deviations
    if isinstance(result, Missing):
        return DeviationsSummary(asked=asked, reason=result.reason)
    return result.into(DeviationsSummary, asked=asked, reason="")


def _audit(collected: Collected) -> PublishedFiles:
    if isinstance(collected.audit, Missing):
        return PublishedFiles(reason=collected.audit.reason, findings=())
    faults = tuple(finding for finding in collected.audit.findings if finding.level == "fault")
    return PublishedFiles(reason="", findings=faults)


def assemble(collected: Collected, document: Document) -> Report:
    """The whole report; every documented claim stands in it exactly once."""
    documented = check({claim.id: claim for claim in document.claims})
    claims = tuple(_claim(claim, document, collected, documented) for claim in document.claims)
    trainings = tuple(_training(name, result) for name, result in collected.trainings.items())
    verdicts = Counter(claim.verdict for claim in claims)
    statuses = Counter(step.result.status for step in collected.steps.values())
    protocol = collected.profile.protocol
    return Report(
        run=run_block(collected),
        protocol=Protocol.model_validate({"name": protocol, "deviations": deviations(protocol)}),
        summary=Summary(
            complete=not any(step.lost for step in collected.steps.values()),
            claims={"total": len(claims), **{verdict: verdicts[verdict] for verdict in get_args(ClaimVerdict)}},
            steps={"total": len(collected.steps), **dict(sorted(statuses.items()))},
            trainings=TrainingCounts(total=len(trainings), done=sum(entry.status == "done" for entry in trainings)),
        ),
        claims=claims,
        steps=tuple(_step(step, collected, document) for step in collected.steps.values()),
        training=trainings,
        findings=(*_about_the_run(collected, document), *documented),
        audit=_audit(collected),
        selftest=_selftest(collected),
        deviations=_deviations(collected),
    )


def exit_code(report: Report) -> int:
    """0 when no judged claim differs, no step failed, nothing that was asked for is lost and the self-test, where it
    was asked for, missed nothing; 1 otherwise.

    A documented contradiction, a published check that could not fail, a number that the profile cannot measure and
    a step that the profile leaves out are explained, not failures.
    """
    differs = any(claim.verdict == "differs" for claim in report.claims)
    failed = any(step.status == "failed" or step.lost for step in report.steps)
    blind = report.selftest.asked and not report.selftest.passed
    lost = report.deviations.asked and bool(report.deviations.reason)
    return EXIT_DIFFERS if differs or failed or blind or lost else EXIT_OK
