"""Step 5: AdamW's moments and updates over several steps from the same gradients, against each other and the formula.

Gradients come from a seeded generator, not from a backward pass, so that both optimizers get the same ones. Every
fourth parameter gets gradients of the size of eps: only there does it show where eps is added. Moments and movements of
all parameters of a group stand in one array; float64 sees a fault in the smallest of them.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from repro.backends import Arrays, Model
from repro.numerics.difference import relative_l2
from repro.numerics.record import ClaimVerdict, Record
from repro.numerics.verdict import EPS32, judge_oracle, summation_error
from repro.steps import answers
from repro.steps.adamw_formula import DECAY, GROUPS, formula, gradients, grouped, optimized, settings_of
from repro.steps.adamw_parts import DECAYED, decay_oracle, parts_table, rate_records
from repro.steps.context import CaptureContext, Dumps
from repro.steps.outcome import Outcome
from repro.steps.pair import NAMES, SIDES, CompareContext
from repro.steps.start_weights import kept_shapes, start_shapes
from repro.steps.thin import projected

TITLE = "Optimizer"
CLAIMS = ("5.optimizer",)


def capture(framework: Any, context: CaptureContext) -> Dumps:
    """``{step}.{exp_avg,exp_avg_sq,moved}.{usual,tiny}`` after every update; rates, norms and clipping factors.

    ``decay.moved.{usual,tiny}``: the first update once more, from the start weights and with decay, whatever the
    protocol's coefficient is.
    """
    for dtype in ("float32", "float64"):
        yield dtype, _run(framework, context, dtype) | _decayed(framework, context, dtype)


def _run(framework: Any, context: CaptureContext, dtype: str) -> Arrays:
    settings, updates = settings_of(context.profile.training), context.profile.alignment.optimizer_steps
    model, start = context.fresh_model(dtype), optimized(context.run)
    shapes = {name: array.shape for name, array in start.items()}
    trainer = framework.make_trainer(
        model, rules=context.rules, settings=settings, total_steps=2 * updates, names=shapes
    )
    found: Arrays = {}
    told: dict[str, list[float]] = {"learning_rate": [], "grad_norm": [], "clip_factor": []}
    for step in range(updates):
        result = trainer.apply(gradients(shapes, step, settings))
        for key, values in told.items():
            values.append(result[key])
        state = trainer.state()
        for quantity in ("exp_avg", "exp_avg_sq"):
            found |= grouped({n: state.pop(f"{n}.{quantity}") for n in shapes}, f"{step}.{quantity}")
        moved = _moved(model, start)
        found |= grouped(moved, f"{step}.moved")
        norms = [np.linalg.norm(moved[name].astype(np.float64)) for name in sorted(moved)]
        found[f"{step}.norms"] = np.array(norms, dtype=dtype)
        del state, moved
    found["learning_rate"] = np.array(told["learning_rate"], dtype=np.float64)
    found["grad_norm"] = np.array(told["grad_norm"], dtype=dtype)
    found["clip_factor"] = np.array(told["clip_factor"], dtype=dtype)
    return found


def _decayed(framework: Any, context: CaptureContext, dtype: str) -> Arrays:
    settings, updates = settings_of(context.profile.training), context.profile.alignment.optimizer_steps
    rules = replace(context.rules, weight_decay=DECAY)
    model, start = context.fresh_model(dtype, rules), optimized(context.run)
    shapes = {name: array.shape for name, array in start.items()}
    trainer = framework.make_trainer(model, rules=rules, settings=settings, total_steps=2 * updates, names=shapes)
    trainer.apply(gradients(shapes, 0, settings))
    return grouped(_moved(model, start), f"{DECAYED}moved")


def _moved(model: Model, start: Arrays) -> Arrays:
    """How far parameters are from where they started, in the model's dtype, which holds the start exactly."""
    return {name: array - start[name].astype(array.dtype) for name, array in model.parameters(start).items()}


def _against_formula(context: CompareContext) -> tuple[list[Record], list[list[Any]]]:
    records: list[Record] = []
    rows: list[list[Any]] = []
    for side in SIDES:
        narrow, wide = context.side(side), context.side(side, "float64")
        rates = wide["learning_rate"]
        before = context.inputs[side].rules.eps_before_bias_correction
        expected = formula(context, side, rates, before=before)
        expected |= decay_oracle(context, side, rates, before=before)
        for key, oracle in expected.items():
            floor = EPS32 * projected(key, wide)
            record = judge_oracle(f"formula.{side}.{key}", narrow[key], wide[key], oracle, NAMES[side], floor)
            records.append(context.signed(record))
        others = {
            "before the bias correction": formula(context, side, rates[:1], before=True),
            "after the bias correction": formula(context, side, rates[:1], before=False),
            "no bias correction": formula(context, side, rates[:1], before=before, bias_correction=False),
        }
        for group in GROUPS:
            key = next(k for k in wide if k.startswith(f"0.moved.{group}") and wide[k].ndim)
            distances = [relative_l2(wide[key], other[key]) for other in others.values()]
            rows.append([NAMES[side], group, "before" if before else "after", *distances])
    return [*records, *rate_records(context)], rows


def compare(context: CompareContext) -> Outcome:
    """Between the frameworks, and each against the formula with the eps rule that the protocol asks for."""
    shapes, kept = start_shapes(context.run), kept_shapes(context.run)
    floor = summation_error(sum(map(math.prod, kept.values())))
    floors = dict.fromkeys(context.side("pytorch"), floor)  # every gradient is divided by the global norm
    pairs = context.records(exact={"learning_rate"}, floors=floors)
    own, rows = _against_formula(context)
    records = (*pairs, *own)
    updates = context.profile.alignment.optimizer_steps
    passed, followed = all(record.passed for record in pairs), all(record.passed for record in own)
    summary = f"{updates} updates from the same gradients: moments and movements of the two optimizers "
    summary += "agree to rounding" if passed else "do not all agree"
    summary += (
        ", and both follow AdamW's formula with eps where the protocol puts it." if followed else "; see the formula."
    )
    differ = {side: context.inputs[side].rules.eps_before_bias_correction for side in SIDES}
    if differ["pytorch"] != differ["paddle"]:
        summary += " The protocol gives the two frameworks different eps rules, which is the deviation measured here."
    failed = any(record.verdict == "different semantics" for record in records)
    verdict: ClaimVerdict = (
        "differs" if failed else "reproduced" if passed and followed else "not comparable in this profile"
    )
    reason = f"The document gives no number of its own and points to step 8. {summary}"
    worst = max((record.gap64 or 0.0 for record in pairs), default=0.0)
    claim = answers.statement(context, CLAIMS[0], verdict, f"float64 gap at most {worst:.3g}", reason)
    columns = [
        "framework",
        "gradients",
        "protocol's eps rule",
        "to eps before",
        "to eps after",
        "to no bias correction",
    ]
    title = "First update: relative distance of the float64 movement to three formulas"
    notes = (
        f"Gradients are seeded numbers; a quarter of the parameters gets some of the size of eps. The optimizer works"
        f" on {len(kept)} of {len(shapes)} parameters (step 7 on all), compared element by element (large arrays at"
        " 65,536 fixed places, with norm and a random projection).",
    )
    first = {"title": title, "columns": columns, "rows": rows}
    return Outcome(records, (claim,), summary, (parts_table(context, own), first), notes)
