"""Step 8: the same gradients at the first step, and the same losses over the first training steps, dropout 0.

Evidence: gradients in the order of the backward pass, judged by float64 (``gradients.py``); losses and gradient norms,
judged by float64 as far as it goes, and beyond it by the growth of a perturbation (``perturbation_growth.py``).
"""

import math
from collections.abc import Sequence

from repro.alignment import claim_verdicts
from repro.alignment.step08_backward.gradients import (
    backward_order,
    first_divergence,
    masked_note,
    module_table,
    shift_note,
)
from repro.alignment.step08_backward.perturbation_growth import decided, growth_sentence, growth_table, losses_table
from repro.analysis.gradients import GRADIENT
from repro.context.compare import CompareContext, find
from repro.context.start_weights import start_shapes
from repro.markdown import number
from repro.numerics.difference import relative_l2
from repro.numerics.perturb import PREFIX
from repro.numerics.verdict import EPS32, summation_error
from repro.results import Record, StepComparison, Table

TITLE = "Backward pass"
CLAIMS = ("8.loss20",)
CONTEXT = CompareContext
DOCUMENTED_STEPS = 20


def compare(context: CompareContext) -> StepComparison:
    """Gradients in backward order, and losses, between the frameworks."""
    floor = summation_error(sum(map(math.prod, start_shapes(context.run).values())))
    floors = {name: floor for name in context.side("pytorch") if name.startswith("grad_norms")}
    records = backward_order(context.records(floors=floors, skip=lambda name: name.startswith(PREFIX)))
    records = [decided(context, record, floors.get(record.name, EPS32)) for record in records]
    losses = find(records, "losses")
    gradients = [record for record in records if record.name.startswith(GRADIENT)]
    comparable = claim_verdicts.same_weights(context) and context.profile.alignment.training_steps == DOCUMENTED_STEPS
    what = "the weights, the loss and the number of steps"
    claim = claim_verdicts.size(context, CLAIMS[0], losses, comparable=comparable, what=what)
    a, b = (dump["losses"] for dump in context.dumps())
    summary = (
        f"{sum(record.passed for record in gradients)} of {len(gradients)} gradients agree to rounding; first"
        f" divergence in backward order: {first_divergence(records)}. Losses of {a.size} training steps differ by a"
        f" mean of {number(losses.mean_abs, 3)}, {relative_l2(a, b):.3g} relative: {losses.verdict}."
        f"{_first_steps(records)}{growth_sentence(context)}"
    )
    sizes = module_table(context, gradients), _largest_gaps(gradients)
    tables = losses_table(context), *growth_table(context), *sizes
    differ = any(r.verdict == "different semantics" for r in records if r.name.startswith("losses"))
    hint = "The first loss is that of step 4's batch; step 4 shows where two cross entropies can differ."
    notes = (shift_note(context), masked_note(context), hint if differ else "")
    return StepComparison(
        records=tuple(records), claims=(claim,), summary=summary, tables=tables, notes=tuple(filter(None, notes))
    )


def _first_steps(records: Sequence[Record]) -> str:
    """What float64 says about the first steps where it does not do them all."""
    first = next((record for record in records if record.name.startswith("losses.first")), None)
    return f" The first {first.shape[0]} steps, repeated in float64: {first.verdict}." if first is not None else ""


def _largest_gaps(gradients: Sequence[Record]) -> Table:
    """The ten gradients with the largest float64 gap."""
    worst = sorted(gradients, key=lambda record: record.gap64 or 0.0, reverse=True)[:10]
    rows = [[r.name, r.relative_l2, r.error_a, r.error_b, r.gap64, r.tolerance, r.verdict] for r in worst]
    columns = ["gradient", "relative L2", "error PyTorch", "error Paddle", "float64 gap", "tolerance", "verdict"]
    return Table(title="Gradients with the largest float64 gap", columns=columns, rows=rows)
