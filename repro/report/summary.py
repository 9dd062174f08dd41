"""The first screen: the result in one sentence, the eleven steps, what was not judged."""

from collections import Counter
from collections.abc import Iterable

from repro.pages import Anchor, Code, Joined, Link, Phrase, Strong, Verdict, phrase
from repro.pages.grids import Grid, Rows, grid
from repro.report.headlines import headline
from repro.report.not_judged import not_judged
from repro.report.not_judged_groups import OTHER_WEIGHTS, Group
from repro.results.report import Report

SMALL = phrase("profile {profile} trains a small model on generated data")
OTHER = phrase("profile {profile} starts from other weights than the published ones")


def _judgement(report: Report) -> Phrase:
    """What holds and what does not."""
    differs = [claim.id for claim in report.claims if claim.verdict == "differs"]
    failed = [step.step for step in report.steps if step.status == "failed"]
    lost = [step.step for step in report.steps if step.lost]
    parts = []
    if lost:
        parts.append(phrase("INCOMPLETE RUN, steps without usable files: {steps}", steps=Joined(tuple(lost))))
    if differs:
        parts.append(phrase("documented claims that differ: {claims}", claims=Joined(tuple(differs))))
    if failed:
        parts.append(phrase("steps that failed: {steps}", steps=Joined(tuple(failed))))
    if report.selftest.passed is False:
        parts.append(phrase("the checks missed a planted fault or raised a false alarm"))
    elif report.selftest.asked and report.selftest.reason:
        parts.append(phrase("the self-test has no usable result"))
    if report.deviations.asked and report.deviations.reason:
        parts.append(phrase("the deviations have no usable result"))
    if parts:
        return phrase("Not everything holds: {what}", what=Joined(tuple(parts), "; "))
    asked = [step for step in report.steps if step.asked]
    agree = sum(step.status == "passed" for step in asked)
    text = phrase("PyTorch and Paddle agree in {agree} of {asked} steps", agree=agree, asked=len(asked))
    open_steps = [step.step for step in asked if step.status == "undecided"]
    return phrase("{text}, undecided: {steps}", text=text, steps=Joined(tuple(open_steps))) if open_steps else text


def _untested(report: Report) -> Phrase:
    """What the run says nothing about, in words that name it."""
    groups = [group for group in not_judged(report) if group.claims]
    if not groups:
        return phrase("none left untested")
    number = sum(len(group.claims) for group in groups)
    kinds = Joined(tuple(phrase("{what} ({n})", what=group.title, n=len(group.claims)) for group in groups), "; ")
    if not {group.name for group in groups} <= {rule.group.name for rule in OTHER_WEIGHTS}:
        return phrase("{number}: {kinds}", number=Strong(phrase("{n} not tested", n=number)), kinds=kinds)
    why = SMALL if report.run.settings.weights.source == "shipped" else OTHER
    bold = phrase("{n} not tested because {why}", n=number, why=Phrase(why.text, {"profile": report.run.profile}))
    return phrase("{number}: {kinds}", number=Strong(bold), kinds=kinds)


def result_sentence(report: Report) -> Phrase:
    """The result in one sentence: what holds, what does not, and what was not tested."""
    verdicts = Counter(claim.verdict for claim in report.claims)
    return phrase(
        "{judgement}; of {total} documented claims: {reproduced} reproduced, {differs} different,"
        " {explained} wrong in the document itself, and {untested}.",
        judgement=_judgement(report),
        total=len(report.claims),
        reproduced=verdicts["reproduced"],
        differs=verdicts["differs"],
        explained=verdicts["document inconsistent"] + verdicts["published check could not fail"],
        untested=_untested(report),
    )


def trainings(report: Report) -> Phrase:
    """How many trainings are complete."""
    counts = report.summary.trainings
    return phrase("Complete: {done} of {total} trainings.", done=counts.done, total=counts.total)


def checks_sentence(report: Report) -> Phrase:
    """How sure the checks are, from the faults that the self-test planted."""
    counts = report.selftest.summary
    if counts is None:
        return phrase("The self-test did not run, so nothing says here what the checks would have seen.")
    return phrase(
        "The checks detected {seen} of {planted} {faults} planted in the running programs, with {alarms} false alarms"
        " in {records} comparisons without a fault.",
        seen=counts.seen,
        planted=counts.planted,
        faults=Link(phrase("faults"), "#detection-power"),
        alarms=counts.clean.records_not_passed,
        records=counts.clean.records,
    )


def steps_table(report: Report) -> Grid:
    """One row per step: verdict, one number, a few words."""
    rows: Rows = []
    for step in report.steps:
        line = headline(report, step)
        name = Link(Joined((step.step, Phrase(step.title)), " "), f"#step-{step.step}")
        number = Link(line.number, f"#evidence-{step.step}")
        rows.append([name, Verdict("incomplete" if step.lost else step.status), number, line.words])
    return grid([phrase("step"), phrase("verdict"), phrase("one number"), phrase("what it is")], rows)


def command(group: Group) -> Code | None:
    """What judges the claims of a group, where one command does."""
    return Code(group.command) if group.command else None


def not_judged_table(report: Report) -> Grid:
    """Each group of claims, what is missing, the command and what it costs."""
    columns = [phrase("not judged"), phrase("claims"), phrase("missing"), phrase("command"), phrase("its cost")]
    rows = [
        [Anchor(group.anchor, group.title), len(group.claims) or None, group.missing, command(group), group.cost]
        for group in not_judged(report)
    ]
    return grid(columns, rows)


def not_judged_lines(groups: Iterable[Group]) -> list[object]:
    """What a section leaves open, with a way to what it takes, and what the section judges instead."""
    lines: list[object] = []
    for group in groups:
        values: dict[str, object] = {"what": Link(group.title, f"#{group.anchor}"), "n": len(group.claims)}
        if group.instead:
            values["instead"] = group.instead
            lines.append(phrase("Not judged: {what} (claims: {n}). Judged instead: {instead}.", **values))
        else:
            lines.append(phrase("Not judged: {what} (claims: {n}).", **values))
    return lines


def deviations_table(report: Report) -> Grid:
    """Rules in which the two programs differ."""
    rows = [[Code(name), *values] for name, values in report.protocol.deviations.items()]
    return grid([phrase("rule"), "PyTorch", "Paddle"], rows)
