"""One line per step for the first screen: its verdict, one number, and at most twelve words on what the number is."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from repro.pages import Phrase, phrase
from repro.results.report import Report, ReportedClaim, ReportedRecord, ReportedStep

RELATIVE, ABSOLUTE, POINTS = phrase("{number} relative"), phrase("{number} absolute"), phrase("{number} points")
SHARES = {
    "failed": phrase("differ by more than rounding explains"),
    "undecided": phrase("cannot be decided from this run"),
    "passed": phrase("agree"),
}


@dataclass(frozen=True)
class Headline:
    """The one number of a step with its unit, and what it is."""

    number: Phrase | str
    words: Phrase


Number = Callable[[Report, ReportedStep], str | None]


def size(value: float | None) -> str | None:
    """A size in two digits; None where it was not measured."""
    return None if value is None else "0" if value == 0 else f"{value:.1e}"


def _claim(report: Report, name: str) -> ReportedClaim:
    return next(claim for claim in report.claims if claim.id == name)


def _measured(name: str) -> Number:
    def number(report: Report, _: ReportedStep) -> str | None:
        value = _claim(report, name).measured
        return size(value) if isinstance(value, float) else None

    return number


def _relative(name: str) -> Number:
    def number(_: Report, step: ReportedStep) -> str | None:
        return next((size(record.relative_l2) for record in step.records if record.name == name), None)

    return number


def _largest_gap(_: Report, step: ReportedStep) -> str | None:
    return size(max((record.gap64 for record in step.records if record.gap64 is not None), default=None))


def _share(records: Sequence[ReportedRecord]) -> str | None:
    return f"{sum(record.passed for record in records)}/{len(records)}" if records else None


def _equal(_: Report, step: ReportedStep) -> str | None:
    return _share(step.records)


def _start_weights(_: Report, step: ReportedStep) -> str | None:
    return _share([record for record in step.records if record.name.startswith("start.")])


def _loss_gap(report: Report, _: ReportedStep) -> str | None:
    return size(_claim(report, "8.loss20").relative)


def _f1_gap(report: Report, _: ReportedStep) -> str | None:
    scores: dict[str, dict[str, float]] = {"pytorch": {}, "paddle": {}}
    for entry in report.training:
        if entry.f1 is not None:
            scores[entry.backend][entry.folder.rpartition("/")[2]] = entry.f1
    gaps = [
        abs(scores["pytorch"][name] - scores["paddle"][name]) for name in scores["pytorch"].keys() & scores["paddle"]
    ]
    return f"{statistics.fmean(gaps):.2f}" if gaps else None


# step -> the number, its unit, what it is
NUMBERS: dict[int, tuple[Number, Phrase, Phrase]] = {
    1: (_relative("sequence_output"), RELATIVE, phrase("difference of the encoder's output: float32 rounding only")),
    2: (_equal, phrase("{number} arrays"), phrase("equal evaluation data, element by element")),
    3: (_measured("3.f1"), POINTS, phrase("difference in F1, from each framework's own answers")),
    4: (_relative("model_loss"), RELATIVE, phrase("difference of the loss: float32 rounding only")),
    5: (_largest_gap, RELATIVE, phrase("largest difference in float64; both follow AdamW's formula")),
    6: (_measured("6.learning_rate"), ABSOLUTE, phrase("difference of the learning rate over whole schedules")),
    7: (_largest_gap, RELATIVE, phrase("largest difference in float64 of decay and clipping")),
    8: (_loss_gap, RELATIVE, phrase("difference of the training losses; every gradient agrees")),
    9: (_equal, phrase("{number} arrays"), phrase("equal training data, in the same order")),
    10: (_start_weights, phrase("{number} tensors"), phrase("start weights that are the same, bit for bit")),
    11: (_f1_gap, POINTS, phrase("difference in F1 between the frameworks, mean over paired trainings")),
}


def headline(report: Report, step: ReportedStep) -> Headline:
    """The line of a step; one that did not pass says what did not."""
    total = step.counts.get("total", 0)
    if step.lost:
        return Headline("—", phrase("files of this step are missing or cannot be used"))
    if step.status == "not run":
        return Headline("—", phrase("left out of this run"))
    if total and step.status in ("failed", "undecided"):
        return _comparisons(step, total, step.status)
    number, unit, words = NUMBERS[step.step]
    if (value := number(report, step)) is not None:
        return Headline(Phrase(unit.text, {"number": value}), words)
    return _comparisons(step, total, "passed")


def _comparisons(step: ReportedStep, total: int, status: str) -> Headline:
    share = f"{step.counts.get(status, 0)}/{total}"
    return Headline(phrase("{number} comparisons", number=share), SHARES[status])
