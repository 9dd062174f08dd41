"""AdamW taken apart: each part compared with the formula, and with what a program with this part wrong would give."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from repro.alignment.step05_optimizer.formula import decayed_update, expected_rates, formula
from repro.analysis.seeded_gradients import DECAY, DECAYED
from repro.config.profile import BACKENDS
from repro.context.compare import CompareContext
from repro.markdown import number
from repro.numerics.difference import relative_l2
from repro.results import Cell, Record, Table, verdict_on_all

RATES = "learning_rate"


class Part(NamedTuple):
    """One part of AdamW.

    Attributes:
        wrong: the fault that the part is distinguished from.
        quantity: where it shows: records ``formula.{side}.{step}.{quantity}.{group}``.
        fault: arguments of ``formula`` that cause it.
        other_eps: the fault is eps on the other side of the bias correction.
        elsewhere: further evidence.
    """

    name: str
    wrong: str
    quantity: str
    fault: dict[str, Any]
    other_eps: bool = False
    elsewhere: str = ""

    @property
    def with_decay(self) -> bool:
        """Whether it shows in the update with decay."""
        return self.quantity.startswith(DECAYED)


L2, NO_EPS = {"decay": DECAY, "decoupled": False}, {"clip_eps": 0.0}
PARTS = (
    Part("first moment", "beta1 0.95, not 0.9", "exp_avg", {"beta1": 0.95}),
    Part("second moment", "beta2 0.98, not 0.999", "exp_avg_sq", {"beta2": 0.98}),
    Part("bias correction", "none", "moved", {"bias_correction": False}),
    Part("place of eps", "on the other side of the bias correction", "moved", {}, other_eps=True),
    Part("decay, decoupled", "added to the gradient", f"{DECAYED}moved", L2, elsewhere="step 7: formula.*.effects"),
    Part("clipping", "1e-6 not added to the norm", "exp_avg", NO_EPS, elsewhere="step 7: formula.*.clip_factor"),
)


def parts_table(context: CompareContext, records: Sequence[Record]) -> Table:
    """One row per part.

    Args:
        records: those against the formula, ``formula.{side}.…``.
    """
    rows = [_row(context, part, records) for part in PARTS]
    of_rates = [record for record in records if record.name.endswith(f".{RATES}")]
    late = min(_late(context, side) for side in BACKENDS)
    distance = max((record.relative_l2 for record in of_rates if record.relative_l2 is not None), default=None)
    evidence = f"formula.*.{RATES}; step 6"
    rows.append(["rate", "one step late", distance, 0.0, late, "exact", verdict_on_all(of_rates), evidence])
    columns = ["part", "distinguished from", "distance to the formula", "tolerance", "distance of the wrong one"]
    columns += ["wrong one / tolerance", "verdict", "evidence"]
    title = "AdamW taken apart: relative L2 in float64, the worse of the two frameworks"
    return Table(title=title, columns=columns, rows=rows)


def _row(context: CompareContext, part: Part, records: Sequence[Record]) -> list[Cell]:
    of_part = [r for r in records if f".{part.quantity}." in r.name and (f".{DECAYED}" in r.name) == part.with_decay]
    arrays = [record for record in of_part if record.shape]  # single numbers that stand for a large array vary more
    distance = max((record.gap64 for record in arrays if record.gap64 is not None), default=None)
    tolerance = max((record.tolerance for record in arrays if record.tolerance is not None), default=None)
    wrong = min(_wrong(context, side, part) for side in BACKENDS)
    margin = number(wrong / tolerance, 3) if tolerance else None
    evidence = f"formula.*.{part.quantity}.*" if part.with_decay else f"formula.*.*.{part.quantity}.*"
    evidence += f"; {part.elsewhere}" if part.elsewhere else ""
    return [part.name, part.wrong, distance, tolerance, wrong, margin, verdict_on_all(of_part), evidence]


def _wrong(context: CompareContext, side: str, part: Part) -> float:
    """Distance of one framework's first update to the wrong formula, in the group of gradients where it shows best."""
    f64 = context.side(side, "float64")
    before = context.data[side].rules.eps_before_bias_correction != part.other_eps
    update, step = (decayed_update, "") if part.with_decay else (formula, "0.")
    wrong = update(context, side, f64[RATES][:1], before=before, **part.fault)
    keys = [key for key in wrong if key.startswith(f"{step}{part.quantity}.") and wrong[key].ndim]
    return max(relative_l2(f64[key], wrong[key]) for key in keys)


def _late(context: CompareContext, side: str) -> float:
    """Distance of the recorded learning rates to a schedule that is one step ahead."""
    rates = context.side(side, "float64")[RATES]
    return relative_l2(rates, expected_rates(context, rates.size)[1:])
