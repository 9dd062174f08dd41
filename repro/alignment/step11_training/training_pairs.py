"""Step 11, training by training: losses, answers and F1 of both frameworks. Step 3 has the answers before training."""

from repro.alignment.step11_training.loss_curves import REACHES, LossGap
from repro.config.paths import read_json
from repro.config.profile import BACKENDS
from repro.config.trainings import TrainingKey
from repro.context.trainings import TrainingContext
from repro.results import Cell, Table

PREDICTIONS = "predictions.json"
COLUMNS = (
    *("start weights", "examples", "seed", "repeat"),
    *("loss, first 20 steps", "first 200", "all"),
    *("answers that differ", "of", "F1 PyTorch", "F1 Paddle", "difference"),
    "largest difference of F1 that so many answers can make",
)


def differing_answers(context: TrainingContext) -> dict[TrainingKey, tuple[int, int]]:
    """(answers that differ, questions) of every training whose predictions both frameworks left."""
    answers = {}
    for key, *results in context.pairs():
        if all(PREDICTIONS in result.files for result in results):
            first, second = (read_json(context.run.training(side, *key) / PREDICTIONS) for side in BACKENDS)
            questions = {*first, *second}
            differ = sum(first.get(question) != second.get(question) for question in questions)
            answers[key] = differ, len(questions)
    return answers


def pairs_table(
    context: TrainingContext, gaps: dict[TrainingKey, LossGap], answers: dict[TrainingKey, tuple[int, int]]
) -> list[Table]:
    """One row per training that both frameworks did; no table without."""
    rows = []
    for key, a, b in context.pairs():
        gap, (differ, total) = gaps.get(key), answers.get(key, (None, None))
        losses: list[Cell] = [gap.largest(reach) if gap else None for reach in REACHES]
        most = 100.0 * differ / total if differ is not None and total else None
        rows.append((*key, *losses, differ, total, a.f1, b.f1, a.f1 - b.f1, most))
    title = "PyTorch against Paddle, training by training: relative difference of the losses, answers, F1"
    return [Table(title=title, columns=COLUMNS, rows=tuple(rows))] if rows else []


def answers_sentence(context: TrainingContext, answers: dict[TrainingKey, tuple[int, int]]) -> str:
    """How many answers differ, in words; empty where no predictions are left."""
    if not answers:
        return ""
    differ, total = (sum(numbers) for numbers in zip(*answers.values(), strict=True))
    if not differ:
        return f" All {total} trained answers are the same in both frameworks."
    largest = max(abs(a.f1 - b.f1) for key, a, b in context.pairs() if key in answers)
    return (
        f" {differ} of {total} trained answers ({100.0 * differ / total:.2g} %) differ between the frameworks,"
        f" at most {largest:.2f} points of F1 in one training."
    )
