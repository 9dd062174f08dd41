"""Step 11: F1 per seed with mean and standard deviation, documented beside measured, pretrained beside random."""

import statistics
from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

from repro.config.profile import BACKEND_NAMES, BACKENDS, BackendName
from repro.markdown import short_hash
from repro.pages import Joined, Link, Phrase, phrase
from repro.pages.grids import Grid, Rows, grid
from repro.report.sections import measured_cell, verdict_cell
from repro.results.report import Report, ReportedClaim, TrainingEntry
from repro.results.training import Init

Kind = tuple[BackendName, Init]
Score = Literal["f1", "exact"]
PREDICTIONS = "predictions.json"
TRAINING_COLUMNS = (
    phrase("framework"),
    phrase("start weights"),
    phrase("examples"),
    phrase("seed"),
    phrase("repeat"),
)
LINES = {"average": phrase("average"), "paper": phrase("original paper, average")}
TITLES: dict[str, Score] = {"F1": "f1", "exact match": "exact"}


def _kinds(report: Report) -> list[Kind]:
    return list(dict.fromkeys((entry.backend, entry.init) for entry in report.training))


def _scores(report: Report, kind: Kind, size: int, score: Score = "f1") -> dict[int, float | None]:
    """seed -> score in percent, the mean over the repeats on a training file; None where one is not complete."""
    runs: dict[int, list[float | None]] = defaultdict(list)
    for entry in report.training:
        if (entry.backend, entry.init, entry.size) == (*kind, size):
            runs[entry.seed].append(getattr(entry, score))
    return {seed: _mean(values) for seed, values in runs.items()}


def _mean(values: list[float | None]) -> float | None:
    complete = [value for value in values if value is not None]
    return statistics.fmean(complete) if len(complete) == len(values) else None


def spread(values: Iterable[float | None]) -> str:
    """``72.63 ± 0.87``: mean and sample standard deviation (n - 1); without the latter for a single value."""
    numbers = [value for value in values if value is not None]
    if not numbers:
        return "—"
    if len(numbers) == 1:
        return f"{_text(numbers[0])} (one)"
    return f"{_text(statistics.fmean(numbers))} ± {statistics.stdev(numbers):.2f}"


def _text(value: float | None) -> str:
    return "—" if value is None else f"{round(value, 2) + 0.0:.2f}"  # + 0.0: no "-0.00"


def _documented(report: Report, size: int) -> dict[int, str]:
    """seed -> documented F1."""
    prefix = f"11.f1.{size}."
    rows = {claim.id.removeprefix(prefix): claim.documented for claim in report.claims if claim.id.startswith(prefix)}
    return {int(name): text for name, text in rows.items() if name.isdigit()}


def examples(size: int) -> Phrase:
    """How many examples a training saw."""
    return phrase("{n} examples", n=size)


def sizes(report: Report) -> list[int]:
    """Numbers of examples, documented or trained."""
    documented = {int(claim.id.split(".")[2]) for claim in report.claims if claim.id.startswith("11.f1.")}
    return sorted(documented | {entry.size for entry in report.training})


def documented_table(report: Report) -> Grid:
    """The published results with the measured ones beside them, seed by seed, and the verdicts of each line."""
    lines: dict[str, dict[int, ReportedClaim]] = {}
    for claim in report.claims_of(11):
        _, table, trained, *seed = claim.id.split(".")
        lines.setdefault(seed[0] if seed else table, {})[int(trained)] = claim
    columns = [column for size in sizes(report) for column in (examples(size), phrase("measured now"))]
    rows: Rows = []
    for name, claims in lines.items():
        cells: list[object] = []
        for printed in map(claims.get, sizes(report)):
            cells += [printed and printed.documented, printed and _measured(printed)]
        verdicts = {claim.verdict: verdict_cell(claim) for claim in claims.values()}
        label = LINES.get(name) or phrase("seed {n}", n=name)
        rows.append([label, *cells, Joined(tuple(verdicts.values()), "; ")])
    return grid([phrase("documented"), *columns, phrase("verdict")], rows)


def _measured(claim: ReportedClaim) -> object:
    """With the digits of the document; a way to all of them."""
    value = claim.measured
    return Link(_text(value), f"#claim-{claim.id}") if isinstance(value, float) else measured_cell(claim)


def overview(report: Report) -> Grid:
    """Documented and measured means of every size, one beside the other."""
    claims = {claim.id: claim for claim in report.claims}
    papers = [claims.get(f"11.paper.{size}") for size in sizes(report)]
    averages = [claims.get(f"11.f1.{size}.average") for size in sizes(report)]
    rows: Rows = [
        [phrase("documented: original paper (Table 1)"), *(claim and claim.documented for claim in papers)],
        [phrase("documented: published Paddle run, average"), *(claim and claim.documented for claim in averages)],
        [phrase("from the published files: average"), *(claim and claim.rederived for claim in averages)],
        [
            phrase("mean ± deviation of the documented rows"),
            *(spread(map(float, _documented(report, size).values())) for size in sizes(report)),
        ],
    ]
    for title, score in TITLES.items():
        for kind in _kinds(report):
            name = phrase(
                "measured: {framework}, {start}, {score}",
                framework=BACKEND_NAMES[kind[0]],
                start=Phrase(kind[1]),
                score=Phrase(title),
            )
            rows.append([name, *(spread(_scores(report, kind, size, score).values()) for size in sizes(report))])
    return grid(["", *map(examples, sizes(report))], rows)


def folded(report: Report) -> list[Grid]:
    """A table per size, every training, those that are not complete."""
    tables = [_per_seed(report, size) for size in sizes(report)]
    if report.training:
        tables.append(_every_training(report.training))
    if missing := [entry for entry in report.training if entry.status != "done"]:
        rows = [[entry.backend, entry.init, entry.size, entry.seed, entry.repeat, entry.reason] for entry in missing]
        columns = [*TRAINING_COLUMNS, phrase("reason")]
        tables.append(grid(columns, rows, phrase("Trainings that are not complete")))
    return tables


def _per_seed(report: Report, size: int) -> Grid:
    documented = _documented(report, size)
    measured = {kind: scores for kind in _kinds(report) if (scores := _scores(report, kind, size))}
    names = [Joined((BACKEND_NAMES[backend], Phrase(init))) for backend, init in measured]
    rows: Rows = []
    gaps = []
    for seed in sorted({*documented, *(seed for scores in measured.values() for seed in scores)}):
        a, b = (measured.get((side, "pretrained"), {}).get(seed) for side in BACKENDS)
        gaps.append(None if a is None or b is None else a - b)
        cells = [_text(scores.get(seed)) for scores in measured.values()]
        rows.append([seed, documented.get(seed), *cells, _text(gaps[-1])])
    spreads = [spread(scores.values()) for scores in measured.values()]
    rows.append([phrase("mean ± deviation"), spread(map(float, documented.values())), *spreads, spread(gaps)])
    average = next((claim.documented for claim in report.claims if claim.id == f"11.f1.{size}.average"), None)
    rows.append([phrase("documented average"), average, *(None for _ in measured), None])
    return grid([phrase("seed"), phrase("documented"), *names, "PyTorch - Paddle"], rows, examples(size))


def _every_training(training: Iterable[TrainingEntry]) -> Grid:
    columns = [
        *TRAINING_COLUMNS,
        phrase("exact match"),
        "F1",
        phrase("steps"),
        phrase("sha256 of the predictions"),
    ]
    rows: Rows = []
    for entry in training:
        sha256 = entry.details.files.get(PREDICTIONS, "") if entry.details else ""
        scores = [_text(entry.exact), _text(entry.f1), entry.steps, short_hash(sha256)]
        rows.append([BACKEND_NAMES[entry.backend], Phrase(entry.init), entry.size, entry.seed, entry.repeat, *scores])
    return grid(columns, rows, phrase("Every training"))
