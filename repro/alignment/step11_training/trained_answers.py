"""Step 11: how many answers of two trained models differ, and what that is in F1. Step 3 does it before training."""

from typing import Any

from repro.config.paths import read_json
from repro.config.profile import BACKENDS
from repro.context.trainings import TrainingContext
from repro.results import Table

PREDICTIONS = "predictions.json"


def answers_table(context: TrainingContext) -> list[Table]:
    """One row per training that both frameworks finished and whose predictions are there; no table without rows."""
    rows = []
    for init, size, seed in dict.fromkeys(key[1:] for key in context.results):
        keys = [(side, init, size, seed) for side in BACKENDS]
        if not all(key in context.results and PREDICTIONS in context.results[key].files for key in keys):
            continue
        first, second = (read_json(context.run.training(*key) / PREDICTIONS) for key in keys)
        differ = sum(first.get(question) != second.get(question) for question in {*first, *second})
        total = len({*first, *second})
        a, b = (context.results[key].f1 for key in keys)
        rows.append([init, size, seed, differ, total, a, b, a - b, 100.0 * differ / total if total else None])
    if not rows:
        return []
    columns = ["start weights", "examples", "seed", "answers that differ", "of", "F1 PyTorch", "F1 Paddle"]
    columns += ["difference of F1", "largest difference of F1 that so many answers can make"]
    title = "Trained answers that differ between the frameworks (step 3 has them before training)"
    return [Table(title=title, columns=columns, rows=rows)]


def answers_sentence(tables: list[Table]) -> str:
    """The table in words; empty without one."""
    if not tables:
        return ""
    columns: list[Any] = list(zip(*tables[0].rows, strict=True))
    differ, total = sum(columns[3]), sum(columns[4])
    largest = max(map(abs, columns[7]))
    return (
        f" {differ} of {total} trained answers ({100.0 * differ / total:.2g} %) differ between the frameworks, at most"
        f" {largest:.2f} points of F1 in one training."
    )
