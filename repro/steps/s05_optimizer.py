"""Step 5: AdamW's moments and updates over several steps from the same gradients, against each other and the formula.

Gradients come from a seeded generator, not from a backward pass, so that both optimizers get the same ones. Every
fourth parameter gets gradients of the size of eps: only there does it show where eps is added. Moments and movements of
all parameters of a group stand in one array; float64 sees a fault in the smallest of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from repro.backends import Arrays
from repro.numerics.adamw import AdamW, clip_factor
from repro.numerics.difference import relative_l2
from repro.numerics.record import ClaimVerdict, Record
from repro.numerics.verdict import judge_oracle, summation_error
from repro.profile import Training
from repro.steps import answers
from repro.steps.context import CaptureContext, Dumps
from repro.steps.outcome import Outcome
from repro.steps.pair import NAMES, SIDES, CompareContext
from repro.steps.start_weights import kept_names, start_arrays
from repro.steps.thin import fixed_gradient, thin

TITLE = "Optimizer"
CLAIMS = ("5.optimizer",)
GROUPS = ("usual", "tiny")
QUANTITIES = ("exp_avg", "exp_avg_sq", "moved")
NORMS = (4.0, 0.5, 2.0, 8.0, 0.25)  # global gradient norm in units of the clipping norm, repeated


def group_of(number: int) -> str:
    """Group of the parameter with this number in the sorted list of names."""
    return "tiny" if number % 4 == 3 else "usual"


def settings_of(training: Training) -> Training:
    """The profile's settings without warm-up, so that the first update moves the weights."""
    return training.model_copy(update={"warmup_ratio": 0.0})


def gradients(shapes: dict[str, tuple[int, ...]], step: int, settings: Training) -> Iterator[tuple[str, np.ndarray]]:
    """Gradient of every parameter at one step, by name, one after the other (float32)."""
    total = sum(int(np.prod(shape)) for shape in shapes.values())
    scale = NORMS[step % len(NORMS)] * settings.max_grad_norm / np.sqrt(total)
    for number, name in enumerate(sorted(shapes)):
        size = settings.adam_epsilon if group_of(number) == "tiny" else scale
        yield name, fixed_gradient(name, shapes[name], step, size)


def grouped(arrays: Arrays, names: list[str], kept: list[str], prefix: str) -> Arrays:
    """Kept parameters of each group in one flat array; ``names`` is the sorted list of all."""
    found = {}
    for group in GROUPS:
        parts = [arrays[name].ravel() for i, name in enumerate(names) if name in kept and group_of(i) == group]
        found[f"{prefix}.{group}"] = np.concatenate(parts)
    return found


def capture(framework: Any, context: CaptureContext) -> Dumps:
    """``{step}.{exp_avg,exp_avg_sq,moved}.{usual,tiny}`` after every update; rates, norms and clipping factors."""
    found: Dumps = {}
    for dtype in ("float32", "float64"):
        context.release()
        found[dtype] = thin(_run(framework, context, dtype))
    return found


def _run(framework: Any, context: CaptureContext, dtype: str) -> Arrays:
    settings, updates = settings_of(context.profile.training), context.profile.alignment.optimizer_steps
    model = context.fresh_model(dtype)
    trainer = framework.make_trainer(model, rules=context.rules, settings=settings, total_steps=2 * updates)
    # float32 holds the start weights exactly, in either precision
    start = {name: array.astype(np.float32) for name, array in model.parameters().items()}
    shapes = {name: array.shape for name, array in start.items()}
    names, kept = sorted(shapes), kept_names(shapes)
    found: Arrays = {}
    told: dict[str, list[float]] = {"learning_rate": [], "grad_norm": [], "clip_factor": []}
    for step in range(updates):
        result = trainer.apply(dict(gradients(shapes, step, settings)))
        for key, values in told.items():
            values.append(result[key])
        state = trainer.state()
        for quantity in ("exp_avg", "exp_avg_sq"):
            found |= grouped({n: state[f"{n}.{quantity}"] for n in names}, names, kept, f"{step}.{quantity}")
        del state
        moved = {n: array - start[n].astype(dtype) for n, array in model.parameters().items()}
        found |= grouped(moved, names, kept, f"{step}.moved")
        found[f"{step}.norms"] = np.array([np.linalg.norm(moved[n].astype(np.float64)) for n in names], dtype=dtype)
        del moved
    found["learning_rate"] = np.array(told["learning_rate"], dtype=np.float64)
    found["grad_norm"] = np.array(told["grad_norm"], dtype=dtype)
    found["clip_factor"] = np.array(told["clip_factor"], dtype=dtype)
    return found


def formula(context: CompareContext, side: str, rates: np.ndarray, *, before: bool, correction: bool = True) -> Arrays:
    """What one side's dump holds according to the float64 formula.

    Args:
        before: eps is added before the bias correction.
        correction: off to show what its absence would look like.
    """
    settings, start = settings_of(context.profile.training), start_arrays(context.run)
    rules = context.inputs[side].rules
    shapes = {name: array.shape for name, array in start.items()}
    names, kept = sorted(shapes), kept_names(shapes)
    decayed = {n: rules.weight_decay if decays(n, rules.decay_layer_norms) else 0.0 for n in kept}
    states = {n: AdamW(start[n], settings.adam_epsilon, decayed[n], before, correction) for n in kept}
    found: Arrays = {}
    for step, rate in enumerate(rates):
        square, given = 0.0, {}
        for name, gradient in gradients(shapes, step, settings):
            square += float(np.sum(gradient.astype(np.float64) ** 2))
            if name in states:
                given[name] = gradient
        factor = clip_factor(float(np.sqrt(square)), settings.max_grad_norm)
        for name, gradient in given.items():
            states[name].step(gradient.astype(np.float64) * factor, float(rate))
        for quantity in ("exp_avg", "exp_avg_sq"):
            found |= grouped({n: getattr(s, quantity) for n, s in states.items()}, names, kept, f"{step}.{quantity}")
        moved = {n: s.parameter - start[n] for n, s in states.items()}
        found |= grouped(moved, names, kept, f"{step}.moved")
    return thin(found)


def decays(name: str, layer_norms: bool) -> bool:
    """The original's no-decay rule: neither biases nor LayerNorm weights; optionally the encoder's LayerNorms do."""
    if name.endswith("bias"):
        return False
    return not name.endswith("LayerNorm.weight") or (layer_norms and name.startswith("splinter."))


def _against_formula(context: CompareContext) -> tuple[list[Record], list[list[Any]]]:
    records: list[Record] = []
    rows: list[list[Any]] = []
    for side in SIDES:
        narrow, wide = context.side(side), context.side(side, "float64")
        rates = wide["learning_rate"]
        before = context.inputs[side].rules.eps_before_bias_correction
        expected = formula(context, side, rates, before=before)
        for key, oracle in expected.items():
            record = judge_oracle(f"formula.{side}.{key}", narrow[key], wide[key], oracle, NAMES[side])
            records.append(context.signed(record))
        others = {
            "before the bias correction": formula(context, side, rates[:1], before=True),
            "after the bias correction": formula(context, side, rates[:1], before=False),
            "no bias correction": formula(context, side, rates[:1], before=before, correction=False),
        }
        for group in GROUPS:
            key = next(k for k in wide if k.startswith(f"0.moved.{group}") and wide[k].ndim)
            distances = [relative_l2(wide[key], other[key]) for other in others.values()]
            rows.append([NAMES[side], group, "before" if before else "after", *distances])
    return records, rows


def compare(context: CompareContext) -> Outcome:
    """Between the frameworks, and each against the formula with the eps rule that the protocol asks for."""
    shapes = {name: array.shape for name, array in start_arrays(context.run).items()}
    floor = summation_error(sum(math.prod(shape) for shape in shapes.values()))
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
    kept = kept_names(shapes)
    notes = (
        f"Gradients are seeded numbers; a quarter of the parameters gets some of the size of eps. {len(kept)} of"
        f" {len(shapes)} parameters are compared element by element (large arrays at 65,536 fixed places, with norm and"
        " a random projection), the movement of every one by its norm.",
    )
    return Outcome(records, (claim,), summary, ({"title": title, "columns": columns, "rows": rows},), notes)
