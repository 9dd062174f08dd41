"""Step 11: how many answers of two trained models differ, and what that is in F1. Step 3 asks it before training."""

from __future__ import annotations

from typing import Any

from repro.paths import RunPaths, read_json
from repro.steps.pair import SIDES

PREDICTIONS = "predictions.json"
Key = tuple[str, str, int, int]  # backend, init, size, seed


def answers_table(run: RunPaths, found: dict[Key, dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per training that both frameworks finished and whose predictions are there.

    Args:
        found: result of every finished training, its files checked.
    """
    rows: list[list[Any]] = []
    for init, size, seed in dict.fromkeys(key[1:] for key in found):
        keys = [(side, init, size, seed) for side in SIDES]
        if not all(key in found and PREDICTIONS in found[key]["files"] for key in keys):
            continue
        first, second = (read_json(run.training(*key) / PREDICTIONS) for key in keys)
        differ = sum(first.get(question) != second.get(question) for question in {*first, *second})
        total = len({*first, *second})
        a, b = (float(found[key]["f1"]) for key in keys)
        rows.append([init, size, seed, differ, total, a, b, a - b, 100.0 * differ / total if total else None])
    if not rows:
        return []
    columns = ["start weights", "examples", "seed", "answers that differ", "of", "F1 PyTorch", "F1 Paddle"]
    columns += ["difference of F1", "largest difference of F1 that so many answers can make"]
    title = "Trained answers that differ between the frameworks (step 3 has them before training)"
    return [{"title": title, "columns": columns, "rows": rows}]


def answers_sentence(tables: list[dict[str, Any]]) -> str:
    """The table in words; empty without one."""
    if not tables:
        return ""
    rows = tables[0]["rows"]
    differ, total = sum(row[3] for row in rows), sum(row[4] for row in rows)
    largest = max(abs(row[7]) for row in rows)
    return (
        f" {differ} of {total} trained answers ({100.0 * differ / total:.2g} %) differ between the frameworks, at most"
        f" {largest:.2f} points of F1 in one training."
    )
