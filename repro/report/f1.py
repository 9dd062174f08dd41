"""Step 11: F1 per seed with mean and standard deviation, documented beside measured, pretrained beside random."""

import statistics
from collections.abc import Iterable
from typing import Literal

from repro.config.profile import BACKEND_NAMES, BACKENDS, BackendName
from repro.markdown import short_hash, table
from repro.results.report import Report, TrainingEntry
from repro.results.training import Init

Kind = tuple[BackendName, Init]
Rows = list[list[object]]
Score = Literal["f1", "exact"]
PREDICTIONS = "predictions.json"
TITLES: dict[str, Score] = {"F1": "f1", "exact match": "exact"}


def _kinds(report: Report) -> list[Kind]:
    return list(dict.fromkeys((entry.backend, entry.init) for entry in report.training))


def _scores(report: Report, kind: Kind, size: int, score: Score = "f1") -> dict[int, float | None]:
    """seed -> score in percent of every training that was asked for; None where it is not complete."""
    entries = [entry for entry in report.training if (entry.backend, entry.init, entry.size) == (*kind, size)]
    return {entry.seed: getattr(entry, score) for entry in entries}


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


def tables(report: Report) -> str:
    """Overview over sizes, a table per size, every training, those that are not complete."""
    documented = {int(claim.id.split(".")[2]) for claim in report.claims if claim.id.startswith("11.f1.")}
    sizes = sorted(documented | {entry.size for entry in report.training})
    lines = _overview(report, sizes)
    for size in sizes:
        lines += [f"**{size} examples**", "", *_per_seed(report, size)]
    if report.training:
        lines += ["**Every training**", "", *_every_training(report.training)]
    if missing := [entry for entry in report.training if entry.status != "done"]:
        rows = [[entry.backend, entry.init, entry.size, entry.seed, entry.reason] for entry in missing]
        lines += ["**Trainings that are not complete**", ""]
        lines += table(["backend", "init", "examples", "seed", "reason"], rows)
    return "\n".join(lines)


def _overview(report: Report, sizes: list[int]) -> list[str]:
    claims = {claim.id: claim for claim in report.claims}
    papers = [claims.get(f"11.paper.{size}") for size in sizes]
    averages = [claims.get(f"11.f1.{size}.average") for size in sizes]
    rows: Rows = [
        ["documented: original paper (Table 1)", *(claim and claim.documented for claim in papers)],
        ["documented: published Paddle run, average", *(claim and claim.documented for claim in averages)],
        ["from the published files: average", *(claim and claim.rederived for claim in averages)],
        [
            "mean ± deviation of the documented rows",
            *(spread(map(float, _documented(report, size).values())) for size in sizes),
        ],
    ]
    for title, score in TITLES.items():
        for kind in _kinds(report):
            name = f"measured: {BACKEND_NAMES[kind[0]]}, {kind[1]}, {title}"
            rows.append([name, *(spread(_scores(report, kind, size, score).values()) for size in sizes)])
    return table(["", *(f"{size} examples" for size in sizes)], rows)


def _per_seed(report: Report, size: int) -> list[str]:
    documented = _documented(report, size)
    measured = {kind: scores for kind in _kinds(report) if (scores := _scores(report, kind, size))}
    columns = ["seed", "documented", *(f"{BACKEND_NAMES[backend]}, {init}" for backend, init in measured)]
    rows: Rows = []
    gaps = []
    for seed in sorted({*documented, *(seed for scores in measured.values() for seed in scores)}):
        a, b = (measured.get((side, "pretrained"), {}).get(seed) for side in BACKENDS)
        gaps.append(None if a is None or b is None else a - b)
        cells = [_text(scores.get(seed)) for scores in measured.values()]
        rows.append([seed, documented.get(seed), *cells, _text(gaps[-1])])
    spreads = [spread(scores.values()) for scores in measured.values()]
    rows.append(["mean ± deviation", spread(map(float, documented.values())), *spreads, spread(gaps)])
    average = next((claim.documented for claim in report.claims if claim.id == f"11.f1.{size}.average"), None)
    rows.append(["documented average", average, *("—" for _ in measured), "—"])
    return table([*columns, "PyTorch - Paddle"], rows)


def _every_training(training: Iterable[TrainingEntry]) -> list[str]:
    columns = ["framework", "start weights", "examples", "seed"]
    columns += ["exact match", "F1", "steps", "sha256 of the predictions"]
    rows: Rows = []
    for entry in training:
        sha256 = entry.details.files.get(PREDICTIONS, "") if entry.details else ""
        scores = [_text(entry.exact), _text(entry.f1), entry.steps, short_hash(sha256)]
        rows.append([BACKEND_NAMES[entry.backend], entry.init, entry.size, entry.seed, *scores])
    return table(columns, rows)
