"""Step 5: both AdamW implementations turn the same gradients into the same updates, and follow the formula.

Evidence: moments and movements of all parameters of a group in one array, compared between the frameworks and each with
the float64 formula (``formula.py``); float64 shows a fault in the smallest of them. ``adamw_parts.py`` shows for each
part of AdamW that a program with this part wrong would be detected.
"""

import math
from typing import Any

from repro.alignment import claim_verdicts
from repro.alignment.step05_optimizer.adamw_parts import RATES, parts_table
from repro.alignment.step05_optimizer.formula import decayed_update, expected_rates, formula
from repro.analysis.seeded_gradients import GROUPS
from repro.config.profile import BACKEND_NAMES, BACKENDS
from repro.context.compare import CompareContext
from repro.context.start_weights import kept_shapes, start_shapes
from repro.dumps.sketch import projection_error
from repro.numerics.difference import relative_l2
from repro.numerics.verdict import EPS32, judge_exact, judge_oracle, summation_error
from repro.results import Record, StepComparison, Table

TITLE = "Optimizer"
CLAIMS = ("5.optimizer",)
CONTEXT = CompareContext


def compare(context: CompareContext) -> StepComparison:
    """Between the frameworks, and each with the formula under the eps rule of the protocol."""
    shapes, kept = start_shapes(context.run), kept_shapes(context.run)
    floor = summation_error(sum(map(math.prod, kept.values())))
    floors = dict.fromkeys(context.side("pytorch"), floor)  # every gradient is divided by the global norm
    pairs = context.records(exact={RATES}.__contains__, floors=floors)
    formulas = [record for side in BACKENDS for record in _against_formula(context, side)] + _rates(context)
    updates = context.profile.alignment.optimizer_steps
    passed, followed = all(record.passed for record in pairs), all(record.passed for record in formulas)
    summary = f"{updates} updates from the same gradients: moments and movements of the two optimizers "
    summary += "agree to rounding" if passed else "do not all agree"
    follow = ", and both follow AdamW's formula with eps where the protocol puts it."
    summary += follow if followed else "; see the formula."
    if len({context.data[side].rules.eps_before_bias_correction for side in BACKENDS}) > 1:
        summary += " The protocol gives the two frameworks different eps rules, which is the deviation measured here."
    note = (
        f"Gradients are seeded numbers; a quarter of the parameters gets some of the size of eps. The optimizer updates"
        f" {len(kept)} of {len(shapes)} parameters (step 7 all of them), compared element by element (large arrays at"
        " 65,536 fixed places, with norm and a random projection)."
    )
    records = (*pairs, *formulas)
    gap = f"float64 gap at most {max((record.gap64 or 0.0 for record in pairs), default=0.0):.3g}"
    return StepComparison(
        records=records,
        claims=(claim_verdicts.without_number(context, CLAIMS[0], records, gap, summary),),
        summary=summary,
        tables=(parts_table(context, formulas), _formulas_table(context)),
        notes=(note,),
    )


def _against_formula(context: CompareContext, side: str) -> list[Record]:
    f32, f64 = context.side(side), context.side(side, "float64")
    before = context.data[side].rules.eps_before_bias_correction
    expected = formula(context, side, f64[RATES], before=before)
    expected |= decayed_update(context, side, f64[RATES], before=before)
    records = []
    for key, oracle in expected.items():
        floor = EPS32 * projection_error(key, f64)
        record = judge_oracle(f"formula.{side}.{key}", f32[key], f64[key], oracle, BACKEND_NAMES[side], floor)
        records.append(context.signed(record))
    return records


def _rates(context: CompareContext) -> list[Record]:
    """The learning rates that the optimizers report against the schedule's formula."""
    why = "the formula's float64 operations in the scheduler's order: no room for rounding"
    records = []
    for side in BACKENDS:
        rates = context.side(side, "float64")[RATES]
        records.append(judge_exact(f"formula.{side}.{RATES}", rates, expected_rates(context, rates.size)[:-1], why))
    return [context.signed(record) for record in records]


def _formulas_table(context: CompareContext) -> Table:
    """Distance of each framework's first update to three formulas, of which one is the protocol's."""
    rows = []
    for side in BACKENDS:
        f64 = context.side(side, "float64")
        before = context.data[side].rules.eps_before_bias_correction
        variants: list[dict[str, Any]] = [{"before": True}, {"before": False}]
        variants.append({"before": before, "bias_correction": False})
        formulas = [formula(context, side, f64[RATES][:1], **variant) for variant in variants]
        for group in GROUPS:
            key = next(k for k in f64 if k.startswith(f"0.moved.{group}") and f64[k].ndim)
            distances = [relative_l2(f64[key], arrays[key]) for arrays in formulas]
            rows.append([BACKEND_NAMES[side], group, "before" if before else "after", *distances])
    columns = ["framework", "gradients", "protocol's eps rule"]
    columns += ["to eps before", "to eps after", "to no bias correction"]
    title = "First update: relative distance of the float64 movement to three formulas"
    return Table(title=title, columns=columns, rows=rows)
