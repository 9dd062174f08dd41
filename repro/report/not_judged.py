"""Claims that a run could not judge, in groups, and what it judged about them instead."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from repro.pages import Joined, Verdict, phrase
from repro.report.headlines import size
from repro.report.not_judged_groups import (
    AUDIT,
    DOCUMENTED_SEEDS,
    F1,
    LOST,
    ONE_FRAMEWORK,
    OTHER_WEIGHTS,
    PUBLISHED_WEIGHTS,
    SELFTEST,
    UNDECIDED,
    Group,
    Rule,
)
from repro.results.record import PASSED
from repro.results.report import Report, ReportedClaim


def _left_out(report: Report) -> Group:
    if len(report.run.backends) == 1:
        return ONE_FRAMEWORK
    steps = ",".join(str(step.step) for step in report.steps if not step.asked)
    missing = phrase("steps {steps}, or the trainings behind them, were left out", steps=steps or "11")
    command = f"repro all --profile {report.run.profile} --out $RUN" + (f" --steps {steps}" if steps else "")
    title = phrase("claims of what the run left out")
    return Group("left-out", title, missing, command, phrase("as the profile says: `repro profiles`"))


def _instead(report: Report, claims: list[ReportedClaim]) -> object:
    """What was judged about claims whose number could not be compared."""
    semantics = Counter(claim.semantics for claim in claims if claim.semantics)
    if not semantics:
        steps = [report.steps[number - 1] for number in sorted({claim.step for claim in claims})]
        semantics = Counter(record.verdict for record in steps[-1].records if record.outcome == "compared")
    verdicts = Joined(tuple(phrase("{verdict} ({n})", verdict=Verdict(name), n=n) for name, n in semantics.items()))
    relative = [claim.relative for claim in claims if claim.relative is not None]
    if not semantics:
        return None
    if not relative or not {*semantics} <= {*PASSED}:
        return phrase("PyTorch against Paddle: {verdicts}", verdicts=verdicts)
    low, high = size(min(relative)), size(max(relative))
    if low == high:
        return phrase("PyTorch against Paddle: {verdicts}; relative size {low}", verdicts=verdicts, low=low)
    sizes = {"low": low, "high": high}
    return phrase("PyTorch against Paddle: {verdicts}; relative size {low} to {high}", verdicts=verdicts, **sizes)


def _groups_of_claims(report: Report) -> Iterator[tuple[Group, ReportedClaim]]:
    published = report.run.settings.weights.source == "fetched"
    rules: tuple[Rule, ...] = OTHER_WEIGHTS
    if published:
        rules = PUBLISHED_WEIGHTS if len(report.run.settings.training.seeds) < DOCUMENTED_SEEDS else ()
    lost = {step.step for step in report.steps if step.lost}
    for claim in report.claims:
        if claim.step in lost and claim.verdict == "not run":
            yield LOST, claim
        elif claim.verdict == "not run":
            # with these weights the steps left out would not judge F1 either
            yield F1.group if F1.holds(claim) and not published else _left_out(report), claim
        elif claim.verdict == "not comparable in this profile":
            yield next((rule.group for rule in rules if rule.holds(claim)), UNDECIDED), claim


def not_judged(report: Report) -> list[Group]:
    """Every claim that is neither judged nor explained, in one group; then the checks that did not run."""
    members: dict[str, tuple[Group, list[ReportedClaim]]] = {}
    for group, claim in _groups_of_claims(report):
        members.setdefault(group.name, (group, []))[1].append(claim)
    groups = [
        replace(group, claims=tuple(claims), instead=_instead(report, claims)) for group, claims in members.values()
    ]
    groups += [AUDIT] if report.audit.reason else []
    return groups + ([SELFTEST] if report.selftest.reason else [])


def of_step(report: Report, step: int) -> list[Group]:
    """The groups to which claims of a step belong, with these claims alone."""
    asked = ((group, [claim for claim in group.claims if claim.step == step]) for group in not_judged(report))
    return [replace(group, claims=tuple(claims), instead=_instead(report, claims)) for group, claims in asked if claims]
