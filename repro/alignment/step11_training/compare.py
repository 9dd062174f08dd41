"""Step 11: the trainings of all files and sizes reach the same F1 in both frameworks, and the documented one.

Evidence: ``result.json``, losses and predictions of every training. Between the frameworks, paired differences by
training file decide (``framework_difference.py``), and so they do against the document (``document.py``): within the
profile's margin, different, or not shown. What the losses show is not judged here; step 8 does that.
"""

from collections.abc import Sequence

import numpy as np

from repro.alignment.step11_training.document import compare_document
from repro.alignment.step11_training.documented import CLAIMS
from repro.alignment.step11_training.framework_difference import file_differences, framework_records, framework_table
from repro.alignment.step11_training.loss_curves import gap_sentence, gap_table, loss_gaps
from repro.alignment.step11_training.spreads import TOGETHER, spread_tables
from repro.alignment.step11_training.training_pairs import answers_sentence, differing_answers, pairs_table
from repro.config.profile import BACKEND_NAMES
from repro.context.trainings import TrainingContext
from repro.numerics.seed_statistics import spread
from repro.results import Cell, NumberVerdict, Record, StepComparison, Table

TITLE = "Training"
CONTEXT = TrainingContext
SAID: dict[NumberVerdict, str] = {
    "equivalent within the margin": "Frameworks equivalent within ±{} F1",
    "different": "Frameworks different",
    "not shown": "Neither equivalence within ±{} F1 nor a difference is shown",
}

__all__ = ["CLAIMS", "CONTEXT", "TITLE", "compare"]


def compare(context: TrainingContext) -> StepComparison:
    """Differences between the frameworks, and every documented F1."""
    margin = context.profile.training.margin
    differences = file_differences(context)
    records = framework_records(differences, margin)
    gaps, answers = loss_gaps(context), differing_answers(context)
    document = compare_document(context)
    tables = [_trainings(context)]
    if differences:
        tables.append(framework_table(differences, records, margin))
    tables += [*document.tables, *spread_tables(context), *gap_table(context, gaps), *_worth(context)]
    tables += pairs_table(context, gaps, answers)
    return StepComparison(
        records=tuple(records),
        claims=tuple(document.claims),
        summary=_summary(context, records) + gap_sentence(gaps) + answers_sentence(context, answers) + document.summary,
        tables=tuple(tables),
        notes=(*_notes(context), *_reasons(records)),
    )


def _cells(context: TrainingContext) -> list[tuple[str, int]]:
    return list(dict.fromkeys((key.init, key.size) for key in context.profile.trainings()))


def _trainings(context: TrainingContext) -> Table:
    """All trainings by framework, start weights and size."""
    columns = ["framework", "start weights", "examples", "files", "runs of each", "mean F1", "deviation", "mean exact"]
    columns += ["deviation", "steps run", "schedule ends at", "batches of one"]
    rows = [_training_row(context, side, *cell) for side in context.profile.backends for cell in _cells(context)]
    title = "Trainings (standard deviation over all runs, n - 1)"
    return Table(title=title, columns=tuple(columns), rows=tuple(map(tuple, rows)))


def _training_row(context: TrainingContext, side: str, init: str, size: int) -> list[Cell]:
    cell = (side, init, size)
    results = [result for (side, key), result in context.results.items() if (side, key.init, key.size) == cell]
    files = len({result.seed for result in results})
    ranges = (sorted({result.steps for result in results}), sorted({result.schedule_steps for result in results}))
    return [
        *(BACKEND_NAMES[side], init, size, files, len(results) // files),
        *spread(result.f1 for result in results),
        *spread(result.exact for result in results),
        *(" to ".join(map(str, dict.fromkeys((steps[0], steps[-1])))) for steps in ranges),
        sum(result.batches_of_one for result in results),
    ]


def _worth(context: TrainingContext) -> list[Table]:
    """Pretrained against random start weights of the same geometry, over the files that both were trained on."""
    rows: list[tuple[Cell, ...]] = []
    for backend in context.profile.backends:
        for size in context.profile.training.baseline.sizes:
            trained, random = (context.f1(backend, init, size) for init in ("pretrained", "random"))
            if seeds := sorted(set(trained) & set(random)):
                a, b = (float(np.mean([scores[seed] for seed in seeds])) for scores in (trained, random))
                rows.append((BACKEND_NAMES[backend], size, a, b, a - b, ", ".join(map(str, seeds))))
    if not rows:
        return []
    columns = ("framework", "examples", "F1 pretrained", "F1 random weights", "difference", "seeds in common")
    return [Table(title="What the pretrained weights are worth", columns=columns, rows=tuple(rows))]


def _summary(context: TrainingContext, records: Sequence[Record]) -> str:
    profile = context.profile
    parts = []
    for backend in profile.backends:
        scores = [context.f1(backend, "pretrained", size) for size in profile.training.sizes]
        means = [f"{spread(values.values())[0]:.2f}" for values in scores if values]
        parts.append(f"{BACKEND_NAMES[backend]} {', '.join(means)}")
    sizes = ", ".join(map(str, profile.training.sizes))
    text = (
        f"{len(context.results)} trainings{profile.training.reduced}; mean F1 for {sizes} examples: {'; '.join(parts)}."
    )
    for verdict in dict.fromkeys(record.verdict for record in records):
        names = [record.name.removeprefix("f1.").replace(".", " ") for record in records if record.verdict == verdict]
        text += f" {SAID[verdict].format(f'{profile.training.margin:g}')}: {', '.join(names)}."
    return text


def _reasons(records: Sequence[Record]) -> list[str]:
    """What the verdicts between the frameworks rest on; a reason that several share stands once."""
    reasons = dict.fromkeys(record.reason for record in records if record.passed)
    return [
        f"{', '.join(record.name for record in records if record.reason == reason)}: {reason}." for reason in reasons
    ]


def _notes(context: TrainingContext) -> tuple[str, ...]:
    settings = context.profile.training
    order = "the training file's own seed" if settings.order_seed is None else f"seed {settings.order_seed}"
    masks = "the same in both frameworks" if settings.dropout_masks == "shared" else "each framework's own"
    late = max(result.steps - result.schedule_steps for result in context.results.values())
    rounded = f"Trained{settings.reduced}: these numbers are not those of float32 arithmetic."
    return (
        *((rounded,) if settings.reduced else ()),
        f"Order of rows: numpy, {order}; dropout masks: {masks}.",
        f"Whole epochs are run, so up to {late} steps happen after the schedule has reached learning rate 0, as in the"
        " original.",
        *((TOGETHER,) if settings.repeats == 1 else ()),
        "Assumed: training files are independent draws, and differences between them are normal. The unit is a file:"
        " the mean over its repeats counts once. Families of tests are corrected by Holm's method, since sizes share"
        " questions and start weights and have no order in which one could be tested before another.",
    )
