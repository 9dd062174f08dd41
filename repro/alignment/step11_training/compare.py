"""Step 11: the trainings of all seeds and sizes reach the same F1 in both frameworks, and the documented one.

Evidence: ``result.json`` of every training. Between the frameworks, the paired differences over seeds decide; whether a
run reproduces a documented number is decided by intervals that its own seeds give (``f1_claims.py``).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from repro.alignment.step11_training.f1_claims import CLAIMS, claim_results
from repro.alignment.step11_training.trained_answers import answers_sentence, answers_table
from repro.config.profile import BACKEND_NAMES, BACKENDS
from repro.context.trainings import TrainingContext
from repro.numerics.seed_statistics import paired_reach, spread
from repro.results import Cell, Record, StepComparison, Table

TITLE = "Training"
CONTEXT = TrainingContext
FAMILY_ERROR = 0.01
Gaps = Mapping[tuple[str, int], np.ndarray]  # (init, size) -> F1 of PyTorch - F1 of Paddle, (seeds,) in percent

__all__ = ["CLAIMS", "CONTEXT", "TITLE", "compare"]


def compare(context: TrainingContext) -> StepComparison:
    """Paired differences between the frameworks, and every documented F1."""
    gaps = _gaps(context)
    several = {cell: values for cell, values in gaps.items() if len(values) > 1}
    records = [_paired(f"f1.{init}.{size}", values, len(several)) for (init, size), values in several.items()]
    differing = answers_table(context)
    return StepComparison(
        records=tuple(records),
        claims=tuple(claim_results(context)),
        summary=_summary(context, records) + answers_sentence(differing),
        tables=(*_tables(context, gaps), *differing),
        notes=_notes(context),
    )


def _cells(context: TrainingContext) -> list[tuple[str, int]]:
    return list(dict.fromkeys((init, size) for init, size, _ in context.profile.trainings()))


def _gaps(context: TrainingContext) -> Gaps:
    """Paired differences over the seeds that both frameworks were trained with."""
    gaps = {}
    for init, size in _cells(context):
        a, b = (context.f1(side, init, size) for side in BACKENDS)
        if seeds := sorted(set(a) & set(b)):
            gaps[init, size] = np.array([a[seed] - b[seed] for seed in seeds])
    return gaps


def _paired(name: str, gaps: np.ndarray, tested: int) -> Record:
    """Whether the mean paired difference differs from 0 at ``FAMILY_ERROR`` over all tests."""
    mean, _ = spread(gaps)
    level = 1 - FAMILY_ERROR / tested
    reach = paired_reach(gaps, level)
    return Record(
        name=name,
        outcome="compared",
        shape=(gaps.size,),
        dtype="float64",
        mean_abs=float(np.abs(gaps).mean()),
        max_abs=float(np.abs(gaps).max()),
        tolerance=reach,
        derivation=(
            f"paired t interval, {gaps.size} seeds, at {100 * level:.2f} %"
            f" ({100 * FAMILY_ERROR:g} % over {tested} tests)"
        ),
        verdict="no systematic difference" if abs(mean) <= reach else "different semantics",
        reason=f"mean difference of F1 (PyTorch - Paddle) {mean:.2f}, interval ± {reach:.2f}",
    )


def _tables(context: TrainingContext, gaps: Gaps) -> list[Table]:
    """All trainings; paired differences; what the pretrained weights are worth. The last two if there are any."""
    columns = ["framework", "start weights", "examples", "seeds", "mean F1", "deviation", "mean exact", "deviation"]
    columns += ["steps run", "schedule ends at", "batches of one"]
    rows = [_training_row(context, side, *cell) for side in context.profile.backends for cell in _cells(context)]
    tables = [Table(title="Trainings (standard deviation over seeds, n - 1)", columns=columns, rows=rows)]
    if gaps:
        columns = ["start weights", "examples", "seeds", "mean F1 difference", "deviation", "largest"]
        paired = [[*cell, len(values), *spread(values), float(np.abs(values).max())] for cell, values in gaps.items()]
        title = "PyTorch - Paddle, seed by seed (same order of rows)"
        tables.append(Table(title=title, columns=columns, rows=paired))
    if worth := _worth(context):
        columns = ["framework", "examples", "F1 pretrained", "F1 random weights", "difference", "seeds in common"]
        tables.append(Table(title="What the pretrained weights are worth", columns=columns, rows=worth))
    return tables


def _training_row(context: TrainingContext, side: str, init: str, size: int) -> list[Cell]:
    results = [result for key, result in context.results.items() if key[:3] == (side, init, size)]
    ranges = (sorted({result.steps for result in results}), sorted({result.schedule_steps for result in results}))
    return [
        *(BACKEND_NAMES[side], init, size, len(results)),
        *spread(result.f1 for result in results),
        *spread(result.exact for result in results),
        *(" to ".join(map(str, dict.fromkeys((steps[0], steps[-1])))) for steps in ranges),
        sum(result.batches_of_one for result in results),
    ]


def _worth(context: TrainingContext) -> list[list[Cell]]:
    """Pretrained against random start weights of the same geometry, over the seeds that both were trained with."""
    rows: list[list[Cell]] = []
    for backend in context.profile.backends:
        for size in context.profile.training.baseline.sizes:
            trained, random = (context.f1(backend, init, size) for init in ("pretrained", "random"))
            if seeds := sorted(set(trained) & set(random)):
                a, b = (float(np.mean([scores[seed] for seed in seeds])) for scores in (trained, random))
                rows.append([BACKEND_NAMES[backend], size, a, b, a - b, ", ".join(map(str, seeds))])
    return rows


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
    if not records:
        return text
    apart = [record.name for record in records if not record.passed]
    finding = f"The frameworks differ systematically in {', '.join(apart)}." if apart else "No systematic difference."
    return f"{text} {finding}"


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
    )
