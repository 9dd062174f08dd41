"""Step 7: which parameters decay and by how much, measured from an update without gradients; the clipping factor."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from repro.backends import Arrays
from repro.numerics.adamw import BETA1, clip_factor
from repro.numerics.record import ClaimVerdict, Record
from repro.numerics.verdict import judge_exact, judge_oracle, summation_error
from repro.protocol import PUBLISHED_PADDLE, Rules
from repro.steps import answers
from repro.steps.adamw_formula import DECAY, decays, settings_of
from repro.steps.context import CaptureContext, Dumps
from repro.steps.outcome import Outcome
from repro.steps.pair import NAMES, SIDES, CompareContext, find
from repro.steps.s03_metric import text_number
from repro.steps.start_weights import iterate_start, kept_shapes, start_shapes
from repro.steps.thin import fixed_gradient

TITLE = "Regularization"
CLAIMS = ("7.regularization",)
TIMES_THE_LIMIT = (4.0, 0.5)  # gradient norms given, in units of the clipping norm: one above, one below
STEPS = 10
TOGETHER = 1 << 23  # elements of the parameters that one optimizer holds where every parameter needs one


def variants(own: Rules) -> dict[str, Rules]:
    """Rules under which decay is measured: the protocol's, the same with decay, the published Paddle program's."""
    return {
        "protocol": own,
        "protocol with decay": replace(own, weight_decay=DECAY),
        "published Paddle program": replace(
            own, weight_decay=DECAY, decay_layer_norms=PUBLISHED_PADDLE.decay_layer_norms
        ),
    }


def effect(before: np.ndarray, after: np.ndarray) -> float:
    """Factor by which a tensor shrank, least squares of (after - before) on before; 0 for a tensor of zeros."""
    wide = before.astype(np.float64).ravel()
    square = float(np.dot(wide, wide))
    return float(np.dot(wide, after.astype(np.float64, copy=False).ravel() - wide)) / square if square else 0.0


def capture(framework: Any, context: CaptureContext) -> Dumps:
    """``names``, ``coefficients`` and ``effects`` (variants, parameters), ``clip_factor`` and ``grad_norm`` (2,)."""
    for dtype in ("float32", "float64"):
        yield dtype, _run(framework, context, dtype)


def _run(framework: Any, context: CaptureContext, dtype: str) -> Arrays:
    decay = [_decay(framework, context, dtype, chosen) for chosen in variants(context.rules).values()]
    coefficients, effects = zip(*decay, strict=True)
    clipping = [_clip(framework, context, dtype, times) for times in TIMES_THE_LIMIT]
    factors, norms = zip(*clipping, strict=True)
    return {
        "names": np.array([text_number(name) for name in start_shapes(context.run)], dtype=np.int64),
        "coefficients": np.array(coefficients, dtype=np.float64),
        "effects": np.array(effects, dtype=dtype),
        "clip_factor": np.array(factors, dtype=dtype),
        "grad_norm": np.array(norms, dtype=dtype),
    }


def _decay(framework: Any, context: CaptureContext, dtype: str, chosen: Rules) -> tuple[list[float], list[float]]:
    """Coefficient of every parameter as the optimizer holds it, and effect of one update without gradients."""
    model, shapes = context.fresh_model(dtype, chosen), start_shapes(context.run)
    coefficients, effects = [], []
    for names in in_groups(shapes):
        trainer = framework.make_trainer(
            model, rules=chosen, settings=settings_of(context.profile.training), total_steps=STEPS, names=names
        )
        told = trainer.weight_decay()
        if sorted(told) != names:
            raise ValueError(f"the optimizer does not hold {sorted(set(told) ^ set(names))[:3]} as it was asked to")
        coefficients += [told[name] for name in names]
        rate = trainer.apply((name, np.zeros(shapes[name], np.float32)) for name in names)["learning_rate"]
        del trainer
        context.release()  # its moments, which only the collector finds
        for name, before in iterate_start(context.run, names=names):
            # a first step without a learning rate shows nothing, and NaN never passes
            effects.append(effect(before, model.parameters([name])[name]) / (rate or np.nan))
    return coefficients, effects


def in_groups(shapes: dict[str, tuple[int, ...]]) -> list[list[str]]:
    """The names in their order, in groups whose gradients and moments are held together."""
    found: list[list[str]] = []
    held = TOGETHER
    for name, shape in shapes.items():
        held += math.prod(shape)
        if held > TOGETHER:
            found.append([])
            held = math.prod(shape)
        found[-1].append(name)
    return found


def clip_gradients(shapes: dict[str, tuple[int, ...]], times: float, limit: float) -> Iterator[tuple[str, np.ndarray]]:
    """Seeded gradients whose global norm is about ``times`` the limit, one after the other."""
    total = sum(int(np.prod(shape)) for shape in shapes.values())
    for name, shape in shapes.items():
        yield name, fixed_gradient(name, shape, 0, times * limit / np.sqrt(total))


def _clip(framework: Any, context: CaptureContext, dtype: str, times: float) -> tuple[float, float]:
    """Factor seen in the first moment, which is 0.1 times the clipped gradient, and the norm reported.

    Clipped together are the gradients of the parameters that step 5's optimizer works on.
    """
    settings, shapes = settings_of(context.profile.training), kept_shapes(context.run)
    model = context.fresh_model(dtype)
    trainer = framework.make_trainer(model, rules=context.rules, settings=settings, total_steps=STEPS, names=shapes)
    norm = trainer.apply(clip_gradients(shapes, times, settings.max_grad_norm))["grad_norm"]
    above = below = 0.0
    for name, gradient in clip_gradients(shapes, times, settings.max_grad_norm):
        wide, first = gradient.astype(np.float64).ravel(), trainer.state([name])[f"{name}.exp_avg"]
        above += float(np.dot(first.astype(np.float64).ravel(), wide))
        below += float(np.dot(wide, wide))
    return above / ((1 - BETA1) * below), norm


def _against_formula(context: CompareContext) -> list[Record]:
    names, limit = list(start_shapes(context.run)), context.profile.training.max_grad_norm
    shapes = kept_shapes(context.run)
    norms = []
    for times in TIMES_THE_LIMIT:
        given = clip_gradients(shapes, times, limit)
        norms.append(float(np.sqrt(sum(float(np.sum(g.astype(np.float64) ** 2)) for _, g in given))))
    factors = np.array([clip_factor(norm, limit) for norm in norms])
    zeros = np.array([not array.any() for _, array in iterate_start(context.run, names=names)])
    records = []
    for side in SIDES:
        narrow, wide = context.side(side), context.side(side, "float64")
        rules = variants(context.inputs[side].rules).values()
        expected = np.array([[r.weight_decay * decays(n, r.decay_layer_norms) for n in names] for r in rules])
        why = "coefficients are set, not computed"
        records.append(judge_exact(f"rule.{side}.coefficients", wide["coefficients"], expected, why))
        shrunk = np.where(zeros, 0.0, -expected)
        for key, oracle in (("effects", shrunk), ("clip_factor", factors), ("grad_norm", np.array(norms))):
            records.append(judge_oracle(f"formula.{side}.{key}", narrow[key], wide[key], oracle, NAMES[side]))
    return [context.signed(record) for record in records]


def _decayed(context: CompareContext) -> dict[str, Any]:
    """Number of parameters that decay, by kind, under each variant."""
    names = list(start_shapes(context.run))
    kinds = {
        "matrices and embeddings": [not n.endswith("bias") and not n.endswith("LayerNorm.weight") for n in names],
        "biases": [n.endswith("bias") for n in names],
        "LayerNorm weights": [n.endswith("LayerNorm.weight") for n in names],
    }
    rows = []
    for side in SIDES:
        coefficients = context.side(side, "float64")["coefficients"]
        for row, (title, rules) in zip(coefficients, variants(context.inputs[side].rules).items(), strict=True):
            counts = [f"{int((row[mask] > 0).sum())} of {sum(mask)}" for mask in map(np.array, kinds.values())]
            rows.append([NAMES[side], title, rules.weight_decay, *counts])
    columns = ["framework", "rules", "coefficient", *kinds]
    return {"title": "Parameters that decay", "columns": columns, "rows": rows}


def compare(context: CompareContext) -> Outcome:
    """Names and coefficients equal; measured decay and clipping between the frameworks and against the formula."""
    floor = summation_error(sum(map(math.prod, kept_shapes(context.run).values())))
    pairs = context.records(exact={"coefficients"}, floors=dict.fromkeys(("clip_factor", "grad_norm"), floor))
    own = _against_formula(context)
    records = (*pairs, *own)
    table = _decayed(context)
    factor = find(pairs, "clip_factor")
    a, b = context.dumps()
    passed = all(record.passed for record in records)
    told = "both frameworks do what the rules say" if passed else "not everything is as the rules say"
    summary = (
        f"Decay of all {a['names'].size} parameters under three sets of rules, from an update without gradients, and"
        f" the clipping factor at {TIMES_THE_LIMIT[0]:g} and {TIMES_THE_LIMIT[1]:g} times the limit"
        f" (PyTorch {a['clip_factor'][0]:.6g} and {a['clip_factor'][1]:.6g}, Paddle {b['clip_factor'][0]:.6g} and"
        f" {b['clip_factor'][1]:.6g}): {told}."
    )
    failed = any(record.verdict == "different semantics" for record in records)
    verdict: ClaimVerdict = "differs" if failed else "reproduced" if passed else "not comparable in this profile"
    reason = f"The document gives no number of its own and points to step 8. {summary}"
    claim = answers.statement(context, CLAIMS[0], verdict, f"clipping factors differ by {factor.max_abs:.3g}", reason)
    notes = (
        "The published Paddle program decays the encoder's LayerNorm weights, because its no-decay rule looks for the"
        " name LayerNorm.weight and Paddle's encoder calls them norm1, norm2 and layer_norm; the PyTorch program decays"
        " nothing.",
        f"Decay is measured with a coefficient of {DECAY:g}, which float32 holds exactly, not the published 0.01:"
        " Paddle's AdamW keeps its coefficient in float32, also in a float64 model.",
    )
    return Outcome(records, (claim,), summary, (table,), notes)
