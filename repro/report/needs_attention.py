"""What a reader should not have to look for: a ranked handful for the first screen, and everything in full."""

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from repro.markdown import exact
from repro.pages import Code, Joined, Link, Phrase, phrase
from repro.report.sections import labelled
from repro.results.inputs import RunInputs
from repro.results.report import Report, ReportedClaim

SHOWN = 6
Item = tuple[Phrase | Code, object]  # kind, text


@dataclass(frozen=True)
class Shortlist:
    """The first items, and how many more there are."""

    items: tuple[Item, ...]
    more: int

    @property
    def lines(self) -> list[object]:
        """The items as a list, with a way to the others."""
        rest: list[object] = [Link(phrase("{n} more in all findings", n=self.more), "#findings")] if self.more else []
        return [*lines(self.items), *rest]


def lines(items: Iterable[Item]) -> list[object]:
    """Each item in one line, its kind in front."""
    return [labelled(kind, text) for kind, text in items]


def _step(number: int) -> Link:
    return Link(phrase("step {n}", n=number), f"#step-{number}")


def _names(claims: list[ReportedClaim], most: int = 3) -> Joined:
    shown: list[object] = [Link(claim.id, f"#claim-{claim.id}") for claim in claims[:most]]
    if len(claims) > most:
        shown.append(phrase("{n} more", n=len(claims) - most))
    return Joined(tuple(shown))


def _broken(report: Report) -> Iterator[Item]:
    """What makes the run end with exit code 1."""
    if lost := [step for step in report.steps if step.lost]:
        steps = Joined(tuple(_step(step.step) for step in lost))
        yield phrase("lost"), phrase("{step}: {why}", step=steps, why=lost[0].summary)
    for step in report.steps:
        differing = [claim for claim in report.claims_of(step.step) if claim.verdict == "differs"]
        if differing:
            first, rest = differing[0], len(differing) - 1
            text = phrase(
                "{step}: {claim}, documented {documented}, measured {measured}",
                step=_step(step.step),
                claim=Link(first.id, f"#claim-{first.id}"),
                documented=first.documented,
                measured=exact(first.measured),
            )
            yield phrase("differs"), Joined((text, phrase("{n} more", n=rest)), "; ") if rest else text
        elif step.status == "failed":
            names = [record.name for record in step.records if not record.passed]
            yield (
                phrase("failed"),
                phrase(
                    "{step}: {n} of {total} comparisons failed, among them {name}",
                    step=_step(step.step),
                    n=len(names),
                    total=len(step.records),
                    name=names[0],
                ),
            )
    if report.selftest.asked and report.selftest.reason:
        yield phrase("self-test"), report.selftest.reason
    if report.deviations.asked and report.deviations.reason:
        yield phrase("deviations"), report.deviations.reason
    if report.selftest.summary and not report.selftest.passed:
        missed = ", ".join(report.selftest.summary.missed) or "—"
        yield (
            phrase("self-test"),
            phrase("the checks missed a planted fault or raised a false alarm: {missed}", missed=missed),
        )


def _average(report: Report, claim: ReportedClaim) -> Phrase:
    rows = [float(row.documented) for row in report.claims if row.id.rpartition(".")[0] == claim.id.rpartition(".")[0]]
    rows.remove(float(claim.documented))
    return phrase(
        "the documented average {documented} ({claim}) is not the mean of its own rows, {mean}",
        documented=claim.documented,
        claim=Link(claim.id, f"#claim-{claim.id}"),
        mean=f"{statistics.fmean(rows):.2f}",
    )


def _document(report: Report) -> Iterator[Item]:
    """What is the document's own fault."""
    inconsistent = [claim for claim in report.claims if claim.verdict == "document inconsistent"]
    kind = phrase("the document")
    for claim in inconsistent:
        if claim.id.endswith(".average"):
            yield kind, _average(report, claim)
    cause = next(claim for claim in report.claims if claim.id == "1.cause.matmul")
    judged = report.steps[0].status == "passed" and cause.measured != "undecided"
    if judged and cause.verdict in ("document inconsistent", "not comparable in this profile"):
        text = phrase(
            "the notes blame `paddle.matmul()` for lost accuracy ({claim}); with this model it loses nothing beyond"
            " rounding",
            claim=Link(cause.id, f"#claim-{cause.id}"),
        )
        yield kind, text
    rest = [claim for claim in inconsistent if claim is not cause and not claim.id.endswith(".average")]
    if rest:
        yield kind, phrase("it contradicts itself or the published files in {claims}", claims=_names(rest))
    blind = [claim for claim in report.claims if claim.verdict == "published check could not fail"]
    if blind:
        yield (
            kind,
            phrase(
                "its published checks could not have failed, whatever the programs did: {claims}", claims=_names(blind)
            ),
        )
    if report.audit.findings:
        text = phrase("{n} faults: they contradict themselves or the notes", n=len(report.audit.findings))
        yield phrase("published files"), Link(text, "#published")
    for finding in report.findings:
        if finding.kind == "shared evidence":
            names = Joined(finding.claims)
            yield (
                kind,
                phrase(
                    "the notes print the same number for claims that measure different things: {claims}", claims=names
                ),
            )


def _checks(report: Report) -> Iterator[Item]:
    """How the checks themselves fared."""
    missed, alarms = Counter[int](), Counter[int]()
    for step in report.steps:
        for entry in step.reprod_log.disagreements:
            (missed if entry.theirs == "passed" else alarms)[step.step] += 1
    if missed:
        steps = Joined(tuple(map(_step, missed)))
        yield (
            Code("reprod_log"),
            phrase("passes {n} tensors that did not pass here, in {steps}", n=missed.total(), steps=steps),
        )
    for number, count in alarms.most_common(1):
        text = phrase(
            "wrongly fails {all} tensors that differ by rounding only, {n} of {total} in {step}: its threshold ignores"
            " their size",
            all=alarms.total(),
            n=count,
            total=len(report.steps[number - 1].records),
            step=_step(number),
        )
        yield Code("reprod_log"), text
    for step in report.steps:
        if step.status == "undecided":
            yield phrase("undecided"), phrase("{step}: {why}", step=_step(step.step), why=step.summary)


def _rest(report: Report) -> Iterator[Item]:
    if isinstance(report.run.inputs, RunInputs):
        for sentence in report.run.inputs.warnings:
            yield phrase("input"), sentence
    summary = report.selftest.summary
    if summary and summary.closest:
        closest = summary.closest
        text = phrase(
            "the planted fault that is hardest to see, {fault}, is {margin} times as large as the bound that catches"
            " it",
            fault=closest.fault,
            margin=f"{closest.margin:.2g}",
        )
        yield phrase("self-test"), Link(text, "#detection-power")
    for finding in report.findings:
        if finding.kind == "unanswered":
            yield phrase("unanswered"), finding.text
    if single := sum(finding.kind == "observation" for finding in report.findings):
        text = phrase("{n} documented numbers are differences of two single float32 numbers, not means", n=single)
        yield phrase("observation"), text


def shortlist(report: Report) -> Shortlist:
    """Ranked: what differs, what is the document's own fault, what the checks say about themselves, the rest."""
    items = [*_broken(report), *_document(report), *_checks(report), *_rest(report)]
    return Shortlist(tuple(items[:SHOWN]), max(0, len(items) - SHOWN))


def in_full(report: Report) -> list[object]:
    """Claims that differ, remarks on the inputs and findings, with every figure."""
    items: list[Item] = [
        (
            phrase("differs"),
            f"{claim.id}: documented {claim.documented}, measured {exact(claim.measured)}. {claim.reason}",
        )
        for claim in report.claims
        if claim.verdict == "differs"
    ]
    if isinstance(report.run.inputs, RunInputs):
        items += [(phrase("input"), sentence) for sentence in report.run.inputs.warnings]
    return lines([*items, *((Phrase(finding.kind), finding.text) for finding in report.findings)])
