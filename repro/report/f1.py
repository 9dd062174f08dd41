"""Step 11: F1 per seed with mean and standard deviation, documented beside measured, pretrained beside random."""

from __future__ import annotations

import statistics
from typing import Any

from repro.markdown import short_hash, table

Cell = tuple[str, str, int]  # backend, init, size
NAMES = {"pytorch": "PyTorch", "paddle": "Paddle"}


def spread(values: list[float]) -> str:
    """``72.63 ± 0.87``: mean and sample standard deviation (n - 1); without the latter for a single value."""
    if not values:
        return "—"
    if len(values) == 1:
        return f"{_text(values[0])} (one)"
    return f"{_text(statistics.fmean(values))} ± {statistics.stdev(values):.2f}"


def _documented(claims: list[dict[str, Any]]) -> dict[str, str]:
    return {claim["id"]: claim["documented"] for claim in claims if claim["step"] == 11}


def _rows(documented: dict[str, str], size: int) -> dict[int, str]:
    """Documented F1 of every seed."""
    prefix = f"11.f1.{size}."
    rows = {name.removeprefix(prefix): text for name, text in documented.items() if name.startswith(prefix)}
    return {int(name): text for name, text in rows.items() if name.isdigit()}


def _text(value: float | None) -> str:
    return "—" if value is None else f"{round(value, 2) + 0.0:.2f}"  # + 0.0: no "-0.00"


def _scores(training: list[dict[str, Any]], key: str) -> dict[Cell, dict[int, float | None]]:
    scores: dict[Cell, dict[int, float | None]] = {}
    for item in training:
        scores.setdefault((item["backend"], item["init"], item["size"]), {})[item["seed"]] = item[key]
    return scores


def _values(row: dict[int, float | None]) -> list[float]:
    return [value for value in row.values() if value is not None]


def f1_tables(claims: list[dict[str, Any]], training: list[dict[str, Any]]) -> list[str]:
    """Overview over sizes, then a table per size."""
    documented = _documented(claims)
    published = {claim["id"]: claim["published"]["rederived"] for claim in claims if claim["published"]}
    stated = {int(name.split(".")[2]) for name in documented if name.startswith("11.f1.")}
    sizes = sorted(stated | {item["size"] for item in training})
    scores, matches = _scores(training, "f1"), _scores(training, "exact")
    lines = ["F1 in percent on the dev set; mean ± standard deviation over the seeds (n - 1).", ""]
    lines += _overview(sizes, documented, published, scores, matches)
    for size in sizes:
        lines += _per_seed(size, documented, {cell: row for cell, row in scores.items() if cell[2] == size})
    lines += _every_training(training)
    missing = [item for item in training if item["status"] != "done"]
    if missing:
        rows = [[item["backend"], item["init"], item["size"], item["seed"], item["reason"]] for item in missing]
        lines += ["**Trainings that are not complete**", ""]
        lines += table(["backend", "init", "examples", "seed", "reason"], rows)
    return lines


def _every_training(training: list[dict[str, Any]]) -> list[str]:
    columns = [
        "framework",
        "start weights",
        "examples",
        "seed",
        "exact match",
        "F1",
        "steps",
        "sha256 of the predictions",
    ]
    rows = []
    for item in training:
        made = item["details"].get("files", {}).get("predictions.json", "")
        scores = [_text(item["exact"]), _text(item["f1"]), item["steps"], short_hash(made)]
        rows.append([NAMES[item["backend"]], item["init"], item["size"], item["seed"], *scores])
    return ["**Every training**", "", *table(columns, rows)] if rows else []


def _overview(
    sizes: list[int],
    documented: dict[str, str],
    published: dict[str, str | None],
    scores: dict[Cell, dict[int, float | None]],
    matches: dict[Cell, dict[int, float | None]],
) -> list[str]:
    def rows_of(size: int) -> list[float]:
        return [float(text) for text in _rows(documented, size).values()]

    rows: list[list[Any]] = [
        [
            "documented: original paper (Table 1)",
            *(documented.get(f"11.paper.{size}", "—") for size in sizes),
        ],
        [
            "documented: published Paddle run, average",
            *(documented.get(f"11.f1.{size}.average", "—") for size in sizes),
        ],
        [
            "from the published files: average",
            *(published.get(f"11.f1.{size}.average") for size in sizes),
        ],
        ["mean ± deviation of the documented rows", *(spread(rows_of(size)) for size in sizes)],
    ]
    kinds = list(dict.fromkeys((backend, init) for backend, init, _ in scores))
    for title, values in (("F1", scores), ("exact match", matches)):
        for backend, init in kinds:
            found = [spread(_values(values.get((backend, init, size), {}))) for size in sizes]
            rows.append([f"measured: {NAMES[backend]}, {init}, {title}", *found])
    return table(["", *(f"{size} examples" for size in sizes)], rows)


def _per_seed(size: int, documented: dict[str, str], scores: dict[Cell, dict[int, float | None]]) -> list[str]:
    stated = _rows(documented, size)
    seeds = sorted(set(stated) | {seed for row in scores.values() for seed in row})
    cells = list(scores)
    pair = [("pytorch", "pretrained", size), ("paddle", "pretrained", size)]
    columns = [
        "seed",
        "documented",
        *(f"{NAMES[backend]}, {init}" for backend, init, _ in cells),
        "PyTorch - Paddle",
    ]

    def gap(seed: int) -> float | None:
        left, right = (scores.get(cell, {}).get(seed) for cell in pair)
        return None if left is None or right is None else left - right

    rows: list[list[Any]] = [
        [seed, stated.get(seed), *(_text(scores[cell].get(seed)) for cell in cells), _text(gap(seed))] for seed in seeds
    ]
    gaps = [value for value in map(gap, seeds) if value is not None]
    spreads = [spread(_values(scores[cell])) for cell in cells]
    rows.append(["mean ± deviation", spread([float(text) for text in stated.values()]), *spreads, spread(gaps)])
    rows.append(["documented average", documented.get(f"11.f1.{size}.average"), *("—" for _ in cells), "—"])
    return [f"**{size} examples**", "", *table(columns, rows)]
