"""Step 6: both schedulers give the same learning rate in every step, and follow the formula.

Evidence: whole schedules, float64, for which only equality counts.
"""

import numpy as np

from repro.alignment import claim_verdicts
from repro.alignment.step06_learning_rate.capture import PREFIX
from repro.config.profile import BACKEND_NAMES, BACKENDS
from repro.context.compare import CompareContext
from repro.numerics.schedule import linear_schedule
from repro.numerics.verdict import judge_exact
from repro.results import Record, StepComparison, Table

TITLE = "Learning rate"
CLAIMS = ("6.learning_rate",)
CONTEXT = CompareContext


def compare(context: CompareContext) -> StepComparison:
    """Equality between the frameworks, and with the formula."""
    pairs = context.records(exact=lambda _: True)
    formulas = {side: _against_formula(context, side) for side in BACKENDS}
    records = [*pairs, *(record for side in BACKENDS for record in formulas[side])]
    worst = max(pairs, key=lambda record: record.mean_abs if record.mean_abs is not None else np.inf)
    steps = {name.removeprefix(PREFIX): len(rates) - 1 for name, rates in context.side("pytorch").items()}
    lengths = ", ".join(f"{count} steps for {size} examples" for size, count in steps.items())
    equal = all(record.verdict == "equal" for record in pairs)
    follow = " and ".join(
        f"{BACKEND_NAMES[side]} {'equals' if all(r.verdict == 'equal' for r in formulas[side]) else 'departs from'} it"
        for side in BACKENDS
    )
    summary = (
        f"Whole schedules ({lengths}) {'are equal in every step' if equal else 'are not equal'}; against the float64"
        f" formula: {follow}."
    )
    rows = [[r.name, r.mean_abs, r.max_abs, r.max_ulp] for r in records]
    table = Table(title="Schedules", columns=["schedule", "mean |diff|", "max |diff|", "ulp"], rows=rows)
    seed = context.profile.alignment.seed
    assumed = [size for size in steps if not context.data["pytorch"].has_features(f"train-{size}-{seed}")]
    note = f"This run has no features of the files of {', '.join(assumed)} examples: one window per example is assumed."
    return StepComparison(
        records=tuple(records),
        claims=(claim_verdicts.zero(context, CLAIMS[0], worst),),
        summary=summary,
        tables=(table,),
        notes=(note,) if assumed else (),
    )


def _against_formula(context: CompareContext, side: str) -> list[Record]:
    settings, records = context.profile.training, []
    why = "the formula's float64 operations in the scheduler's order: no room for rounding"
    for name, rates in context.side(side).items():
        formula = linear_schedule(settings.learning_rate, settings.warmup_ratio, len(rates) - 1)
        records.append(context.signed(judge_exact(f"formula.{side}.{name}", rates, formula, why)))
    return records
