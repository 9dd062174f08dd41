"""Step 8's gradients in the order of the backward pass, module by module, and those that must be zero."""

import re
from collections.abc import Sequence

import numpy as np

from repro.analysis.activations import attended
from repro.analysis.gradients import GRADIENT, parameter_of
from repro.checkpoint.names import parameters
from repro.config.profile import BACKEND_NAMES, BACKENDS
from repro.context.compare import CompareContext
from repro.dumps.sketch import text_number
from repro.numerics.invariance import zero_by_shift
from repro.numerics.verdict import RATIO, SCATTER, UNCLEAR
from repro.results import Cell, Record, Table, verdict_on_all

EPS64 = 2.0**-52
_LAYER = re.compile(r"\.encoder\.layer\.(\d+)\.(attention)?")


def module_of(parameter: str) -> str:
    """Module of a parameter as the table names it."""
    if match := _LAYER.search(parameter):
        return f"layer {match[1]}, {'attention' if match[2] else 'feed-forward'}"
    return "QASS head" if parameter.startswith("splinter_qass.") else "embeddings"


def backward_order(records: Sequence[Record]) -> list[Record]:
    """Gradient records from the head through the last to the first layer to the embeddings; then the others."""
    gradients = [record for record in records if record.name.startswith(GRADIENT)]
    layers = [int(match[1]) for record in gradients if (match := _LAYER.search(record.name))]
    known = [p.hub for p in parameters(max(layers, default=-1) + 1)]
    place = {name: -number for number, name in enumerate(known)}
    ordered = sorted(gradients, key=lambda record: place.get(parameter_of(record.name), 1))
    return [*ordered, *(record for record in records if not record.name.startswith(GRADIENT))]


def first_divergence(records: Sequence[Record]) -> str:
    """The first gradient in backward order that does not pass, in words."""
    for record in backward_order(records):
        if record.name.startswith(GRADIENT) and not record.passed:
            finding = record.verdict if record.outcome == "compared" else record.outcome
            return f"{parameter_of(record.name)} ({finding})"
    return "none"


def _same_start(context: CompareContext) -> dict[int, bool]:
    """Number of a parameter's name -> whether both frameworks started from the same array: shape and every bit."""
    sides = []
    for side in BACKENDS:
        dump = context.side(side)
        digests = map(bytes, dump["start_weights"].astype(np.uint8))
        sides.append(dict(zip(dump["start_names"].tolist(), digests, strict=True)))
    return {name: sides[0].get(name) == sides[1].get(name) for name in {*sides[0], *sides[1]}}


def _largest(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def module_table(context: CompareContext, records: Sequence[Record]) -> Table:
    """One row per module in backward order: parameters with the same start weights, and the largest of each measure."""
    same_start = _same_start(context)
    modules: dict[str, list[Record]] = {}
    for record in backward_order(records):
        if record.name.startswith(GRADIENT):
            modules.setdefault(module_of(parameter_of(record.name)), []).append(record)
    rows: list[list[Cell]] = []
    for module, gradients in modules.items():
        names = list(dict.fromkeys(parameter_of(record.name) for record in gradients))
        same = sum(same_start.get(text_number(name), False) for name in names)
        sized = [record for record in gradients if not zero_by_shift(record.name)]
        largest = [_largest([getattr(r, key) for r in sized]) for key in ("relative_l2", "error_a", "error_b", "gap64")]
        rows.append([module, len(names), f"{same} of {len(names)}", *largest, verdict_on_all(gradients)])
    columns = ["module, in backward order", "parameters", "same name, shape and start weights", "largest relative L2"]
    columns += ["largest error PyTorch", "largest error Paddle", "largest float64 gap", "verdict"]
    title = "Gradients by module (sizes without the gradients that are zero by softmax shift)"
    return Table(title=title, columns=columns, rows=rows)


def shift_note(context: CompareContext) -> str:
    """How large the gradients that must be zero are; empty where the model has none."""
    names = [name for name in context.side("pytorch") if name.startswith(GRADIENT) and zero_by_shift(name)]
    if not names:
        return ""
    left = {dtype: max(_left(context, dtype, name) for name in names) for dtype in ("float32", "float64")}
    vanishes = left["float64"] <= SCATTER * UNCLEAR * RATIO * left["float32"]
    finding = "it vanishes with the precision, as declared" if vanishes else "it does not vanish with the precision"
    keys = sum(".key." in name for name in names)
    return (
        "Declared invariance: softmax ignores a number that is added to all logits of a row. A key bias adds one to a"
        " row of attention, the last LayerNorm bias before the span logits one to all positions, so the gradients of"
        f" {keys} attention key biases and {len(names) - keys} LayerNorm biases of the head are exactly zero and their"
        " relative errors mean nothing. What is left of them, relative to the gradient of the query bias or LayerNorm"
        f" weight beside: at most {left['float32']:.2g} in float32 and {left['float64']:.2g} in float64: {finding}."
    )


def masked_note(context: CompareContext) -> str:
    """Whether the positions that should not matter get no gradient; empty where the dump does not show it."""
    batch = context.data["pytorch"].first_batch()
    seen = attended(batch) == 1
    chosen = {
        "word": np.setdiff1d(batch["input_ids"], batch["input_ids"][seen]),
        "position": np.flatnonzero(~seen.any(0)),
    }
    keys = {kind: f"{GRADIENT}splinter.embeddings.{kind}_embeddings.weight" for kind in chosen}
    kinds = [kind for kind, key in keys.items() if chosen[kind].size and key in context.side("pytorch")]
    if not kinds:
        return ""
    findings = []
    for side in BACKENDS:
        dump = context.side(side)
        whole = max(float(np.abs(dump[keys[kind]]).max()) for kind in kinds)
        left = max(float(np.abs(dump[keys[kind]][chosen[kind]]).max()) for kind in kinds)
        findings.append(f"{BACKEND_NAMES[side]} {_masked_words(left, left / whole if whole else 0.0)}")
    rows = sum(chosen[kind].size for kind in kinds)
    return (
        "Declared invariance: masked positions do not matter. Gradient of the embeddings of the words and places that"
        f" only padding and [SEP] have in the first batch ({rows} rows): {', '.join(findings)}."
    )


def _masked_words(left: float, share: float) -> str:
    """Paddle's softmax lets no probability fall below exp(-64) = 1.6e-28 (its ``softmax_impl.h``), so some is left."""
    if left == 0.0:
        return "exactly zero"
    below = "below one ulp of float64, so it cannot be told from zero" if share < EPS64 else "not declared"
    return f"{left:.2g} or {share:.2g} of the largest element ({below})"


def _left(context: CompareContext, dtype: str, name: str) -> float:
    """Size of a gradient that should be zero, relative to one beside it that need not be; the larger of both sides."""
    neighbour = name.replace(".key.", ".query.") if ".key." in name else name.replace(".bias", ".weight")
    norms = [[float(np.linalg.norm(dump[key])) for key in (name, neighbour)] for dump in context.dumps(dtype)]
    return max(norm / beside if beside else 0.0 for norm, beside in norms)
