"""Step 6: the learning rate of every step of the schedule, for every training size."""

from __future__ import annotations

from typing import Any

import numpy as np

from repro.numerics.record import ClaimResult, Record
from repro.numerics.schedule import linear_schedule
from repro.numerics.verdict import judge_exact
from repro.steps import answers
from repro.steps.context import CaptureContext, Dumps
from repro.steps.outcome import Outcome
from repro.steps.pair import NAMES, SIDES, CompareContext

TITLE = "Learning rate"
CLAIMS = ("6.learning_rate",)
PREFIX = "learning_rate."


def capture(framework: Any, context: CaptureContext) -> Dumps:
    """``learning_rate.{size}``: float64 (steps + 1,), by the framework's own scheduler."""
    settings = context.profile.training
    found = {
        f"{PREFIX}{size}": framework.learning_rates(settings=settings, total_steps=steps)
        for size, steps in context.schedule_steps().items()
    }
    yield "float32", found


def _against_formula(context: CompareContext) -> list[Record]:
    settings, records = context.profile.training, []
    for side in SIDES:
        for name, rates in context.side(side).items():
            formula = linear_schedule(settings.learning_rate, settings.warmup_ratio, len(rates) - 1)
            why = "the formula's float64 operations in the scheduler's order: no room for rounding"
            records.append(context.signed(judge_exact(f"formula.{side}.{name}", rates, formula, why)))
    return records


def compare(context: CompareContext) -> Outcome:
    """Equality between the frameworks, and with the formula."""
    pairs = context.records(exact=lambda _: True)
    records = [*pairs, *_against_formula(context)]
    worst = max(pairs, key=lambda record: record.mean_abs if record.mean_abs is not None else np.inf)
    claim: ClaimResult = answers.zero(context, CLAIMS[0], worst)
    steps = {name.removeprefix(PREFIX): len(rates) - 1 for name, rates in context.side("pytorch").items()}
    seed = context.profile.alignment.seed
    told = ", ".join(f"{count} steps for {size} examples" for size, count in steps.items())
    equal = all(record.verdict == "equal" for record in pairs)
    formula = {
        side: all(r.verdict == "equal" for r in records if r.name.startswith(f"formula.{side}.")) for side in SIDES
    }
    summary = f"Whole schedules ({told}) {'are equal in every step' if equal else 'are not equal'}"
    told = " and ".join(f"{NAMES[side]} {'equals' if formula[side] else 'departs from'} it" for side in SIDES)
    summary += f"; against the float64 formula: {told}."
    rows = [[r.name, r.mean_abs, r.max_abs, r.max_ulp] for r in records]
    columns = ["schedule", "mean |diff|", "max |diff|", "units in the last place"]
    table = {"title": "Schedules", "columns": columns, "rows": rows}
    alone = [size for size in steps if not context.inputs["pytorch"].has_features(f"train-{size}-{seed}")]
    notes = (
        f"This run has no features of the files of {', '.join(alone)} examples: as many windows as examples are"
        " reckoned with.",
    )
    return Outcome(tuple(records), (claim,), summary, (table,), notes if alone else ())
