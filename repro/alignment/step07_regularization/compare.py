"""Step 7: the same parameters decay by the same factor, and gradients are clipped by the same factor.

Evidence: coefficients, which must be equal; measured decay and clipping, compared between the frameworks and each with
the formula under its rules.
"""

import math
from collections.abc import Mapping

import numpy as np

from repro.alignment import claim_verdicts
from repro.alignment.step07_regularization.capture import TIMES_THE_LIMIT, clip_gradients, variants
from repro.analysis.seeded_gradients import DECAY
from repro.config.profile import BACKEND_NAMES, BACKENDS
from repro.context.compare import CompareContext, find
from repro.context.start_weights import iterate_start, kept_shapes, start_shapes
from repro.numerics.adamw import clip_factor, decays
from repro.numerics.verdict import EPS32, judge_exact, judge_oracle, summation_error
from repro.results import Record, StepComparison, Table

TITLE = "Regularization"
CLAIMS = ("7.regularization",)
CONTEXT = CompareContext


def compare(context: CompareContext) -> StepComparison:
    """Names and coefficients equal; measured decay and clipping between the frameworks and with the formula."""
    # A norm adds the squares of all gradients, in an order of the framework's own.
    floor = summation_error(sum(map(math.prod, kept_shapes(context.run).values())))
    floors = dict.fromkeys(("clip_factor", "grad_norm"), floor)
    pairs = context.records(exact={"coefficients"}.__contains__, floors=floors)
    records = (*pairs, *_against_formula(context, floors))
    a, b = context.dumps()
    passed = all(record.passed for record in records)
    summary = (
        f"Decay of all {a['names'].size} parameters under three sets of rules, from an update without gradients, and"
        f" the clipping factor at {TIMES_THE_LIMIT[0]:g} and {TIMES_THE_LIMIT[1]:g} times the limit"
        f" (PyTorch {a['clip_factor'][0]:.6g} and {a['clip_factor'][1]:.6g}, Paddle {b['clip_factor'][0]:.6g} and"
        f" {b['clip_factor'][1]:.6g}):"
        f" {'both frameworks follow the rules' if passed else 'not everything follows the rules'}."
    )
    measured = f"clipping factors differ by {find(pairs, 'clip_factor').max_abs:.3g}"
    notes = (
        "The published Paddle program decays the encoder's LayerNorm weights, because its no-decay rule looks for the"
        " name LayerNorm.weight and Paddle's encoder calls them norm1, norm2 and layer_norm; the PyTorch program decays"
        " nothing.",
        f"Decay is measured with a coefficient of {DECAY:g}, which float32 holds exactly, not the published 0.01:"
        " Paddle's AdamW keeps its coefficient in float32, even in a float64 model.",
    )
    return StepComparison(
        records=records,
        claims=(claim_verdicts.without_number(context, CLAIMS[0], records, measured, summary),),
        summary=summary,
        tables=(_decayed(context),),
        notes=notes,
    )


def _against_formula(context: CompareContext, floors: Mapping[str, float]) -> list[Record]:
    """Coefficients against the rules; effects, clipping factors and norms against the float64 formula.

    Args:
        floors: relative float32 error of a key that may be expected, as between the frameworks.
    """
    names, limit = list(start_shapes(context.run)), context.profile.training.max_grad_norm
    norms = np.array([_gradient_norm(context, times) for times in TIMES_THE_LIMIT])
    factors = np.array([clip_factor(float(norm), limit) for norm in norms])
    zeros = np.array([not array.any() for _, array in iterate_start(context.run, names=names)])
    records = []
    for side in BACKENDS:
        f32, f64 = context.side(side), context.side(side, "float64")
        rules = variants(context.data[side].rules).values()
        expected = np.array([[r.weight_decay * decays(n, r.decay_layer_norms) for n in names] for r in rules])
        why = "coefficients are set, not computed"
        records.append(judge_exact(f"rule.{side}.coefficients", f64["coefficients"], expected, why))
        oracles = {"effects": np.where(zeros, 0.0, -expected), "clip_factor": factors, "grad_norm": norms}
        for key, oracle in oracles.items():
            floor = floors.get(key, EPS32)
            records.append(
                judge_oracle(f"formula.{side}.{key}", f32[key], f64[key], oracle, BACKEND_NAMES[side], floor)
            )
    return [context.signed(record) for record in records]


def _gradient_norm(context: CompareContext, times: float) -> float:
    """Global L2 norm of the gradients that were clipped, float64."""
    gradients = clip_gradients(kept_shapes(context.run), times, context.profile.training.max_grad_norm)
    return float(np.sqrt(sum(float(np.sum(gradient.astype(np.float64) ** 2)) for _, gradient in gradients)))


def _decayed(context: CompareContext) -> Table:
    """Number of parameters that decay, by kind, under each variant of the rules."""
    names = list(start_shapes(context.run))
    kinds = {
        "matrices and embeddings": [not n.endswith("bias") and not n.endswith("LayerNorm.weight") for n in names],
        "biases": [n.endswith("bias") for n in names],
        "LayerNorm weights": [n.endswith("LayerNorm.weight") for n in names],
    }
    rows = []
    for side in BACKENDS:
        coefficients = context.side(side, "float64")["coefficients"]
        for row, (title, rules) in zip(coefficients, variants(context.data[side].rules).items(), strict=True):
            counts = [f"{int((row[mask] > 0).sum())} of {sum(mask)}" for mask in map(np.array, kinds.values())]
            rows.append([BACKEND_NAMES[side], title, rules.weight_decay, *counts])
    columns = ["framework", "rules", "coefficient", *kinds]
    return Table(title="Parameters that decay", columns=columns, rows=rows)
