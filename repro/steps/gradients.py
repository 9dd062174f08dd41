"""Step 8's gradients in the order in which the backward pass makes them, module by module."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from repro.checkpoint.names import parameters
from repro.numerics.invariance import zero_by_shift
from repro.numerics.record import Record
from repro.numerics.verdict import RATIO, SCATTER, UNCLEAR
from repro.steps.outcome import verdict_on_all
from repro.steps.pair import NAMES, SIDES, CompareContext
from repro.steps.s01_forward import attended
from repro.steps.s03_metric import text_number
from repro.steps.thin import FULL, thin

GRADIENT = "gradient."
EPS64 = 2.0**-52
_LAYER = re.compile(r"\.encoder\.layer\.(\d+)\.(attention)?")


def dumped(gradients: Iterable[tuple[str, np.ndarray]], full: int = FULL) -> Iterator[tuple[str, np.ndarray]]:
    """Gradients by hub name as they stand in the dump, each let go of when it is thinned."""
    for name, gradient in gradients:
        yield from thin({f"{GRADIENT}{name}": gradient}, full).items()


def parameter_of(name: str) -> str:
    """Hub name behind a record or a key of the dump: without the prefix, and without ``[sample]`` or the like."""
    return name.removeprefix(GRADIENT).partition("[")[0]


def module_of(parameter: str) -> str:
    """Module of a parameter as the table names it."""
    if found := _LAYER.search(parameter):
        return f"layer {found[1]}, {'attention' if found[2] else 'feed-forward'}"
    return "QASS head" if parameter.startswith("splinter_qass.") else "embeddings"


def backward_order(records: Sequence[Record]) -> list[Record]:
    """Gradient records from the head through the last to the first layer to the embeddings; others behind them."""
    gradients = [record for record in records if record.name.startswith(GRADIENT)]
    layers = [int(found[1]) for record in gradients if (found := _LAYER.search(record.name))]
    known = [p.hub for p in parameters(max(layers, default=-1) + 1)]
    place = {name: -number for number, name in enumerate(known)}
    ordered = sorted(gradients, key=lambda record: place.get(parameter_of(record.name), 1))
    return [*ordered, *(record for record in records if record not in gradients)]


def first_divergence(records: Sequence[Record]) -> str:
    """The first gradient in backward order that does not pass, in words."""
    for record in backward_order(records):
        if record.name.startswith(GRADIENT) and not record.passed:
            told = record.verdict if record.outcome == "compared" else record.outcome
            return f"{parameter_of(record.name)} ({told})"
    return "none"


def _paired(context: CompareContext) -> dict[int, bool]:
    """Whether both frameworks started from the same array of this name: shape and every bit."""
    sides = []
    for side in SIDES:
        dump = context.side(side)
        digests = map(bytes, dump["start_weights"].astype(np.uint8))
        sides.append(dict(zip(dump["start_names"].tolist(), digests, strict=True)))
    return {name: sides[0].get(name) == sides[1].get(name) for name in {*sides[0], *sides[1]}}


def _largest(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def module_table(context: CompareContext, records: Sequence[Record]) -> dict[str, Any]:
    """One row per module in backward order: what it was paired by, and the largest of each measure."""
    paired = _paired(context)
    modules: dict[str, list[Record]] = {}
    for record in backward_order(records):
        if record.name.startswith(GRADIENT):
            modules.setdefault(module_of(parameter_of(record.name)), []).append(record)
    rows: list[list[Any]] = []
    for module, own in modules.items():
        names = list(dict.fromkeys(parameter_of(record.name) for record in own))
        same = sum(paired.get(text_number(name), False) for name in names)
        sized = [record for record in own if not zero_by_shift(record.name)]
        largest = [_largest([getattr(r, key) for r in sized]) for key in ("relative_l2", "error_a", "error_b", "gap64")]
        rows.append([module, len(names), f"{same} of {len(names)}", *largest, verdict_on_all(own)])
    columns = ["module, in backward order", "parameters", "same name, shape and start weights", "largest relative L2"]
    columns += ["largest error PyTorch", "largest error Paddle", "largest float64 gap", "verdict"]
    title = "Gradients by module (sizes without the gradients that are zero by softmax shift)"
    return {"title": title, "columns": columns, "rows": rows}


def shift_note(context: CompareContext) -> str:
    """What the gradients that must be zero are here; empty where the model has none."""
    names = [name for name in context.side("pytorch") if name.startswith(GRADIENT) and zero_by_shift(name)]
    if not names:
        return ""
    left = {dtype: max(_left(context, dtype, name) for name in names) for dtype in ("float32", "float64")}
    held = left["float64"] <= SCATTER * UNCLEAR * RATIO * left["float32"]
    told = "it vanishes with the precision, as declared" if held else "it does not vanish with the precision"
    keys = sum(".key." in name for name in names)
    return (
        "Declared invariance: softmax ignores a number that is added to all logits of a row. A key bias adds one to a"
        " row of attention, the last LayerNorm bias before the span logits one to all positions, so the gradients of"
        f" {keys} attention key biases and {len(names) - keys} LayerNorm biases of the head are exactly zero and their"
        " relative errors mean nothing. Left of them, relative to the gradient of the query bias or LayerNorm weight"
        f" beside: at most {left['float32']:.2g} in float32 and {left['float64']:.2g} in float64: {told}."
    )


def masked_note(context: CompareContext) -> str:
    """Whether the positions that should not matter get no gradient; empty where the dump cannot tell."""
    batch = context.inputs["pytorch"].first_batch()
    seen = attended(batch) == 1
    chosen = {
        "word": np.setdiff1d(batch["input_ids"], batch["input_ids"][seen]),
        "position": np.flatnonzero(~seen.any(0)),
    }
    keys = {kind: f"{GRADIENT}splinter.embeddings.{kind}_embeddings.weight" for kind in chosen}
    kinds = [kind for kind, key in keys.items() if chosen[kind].size and key in context.side("pytorch")]
    if not kinds:
        return ""
    told = []
    for side in SIDES:
        dump = context.side(side)
        whole = max(float(np.abs(dump[keys[kind]]).max()) for kind in kinds)
        left = max(float(np.abs(dump[keys[kind]][chosen[kind]]).max()) for kind in kinds)
        told.append(f"{NAMES[side]} {_masked_words(left, left / whole if whole else 0.0)}")
    rows = sum(chosen[kind].size for kind in kinds)
    return (
        "Declared invariance: masked positions do not matter. Gradient of the embeddings of the words and places that"
        f" only padding and [SEP] have in the first batch ({rows} rows): {', '.join(told)}."
    )


def _masked_words(left: float, share: float) -> str:
    """Paddle's softmax lets no probability fall below exp(-64) = 1.6e-28 (its ``softmax_impl.h``), so some is left."""
    if left == 0.0:
        return "exactly zero"
    below = "below one float64 unit, so nothing can tell it from zero" if share < EPS64 else "not declared"
    return f"{left:.2g} or {share:.2g} of the largest element ({below})"


def _left(context: CompareContext, dtype: str, name: str) -> float:
    """Size of a gradient that should be zero, relative to one beside it that need not be; the larger of both sides."""
    neighbour = name.replace(".key.", ".query.") if ".key." in name else name.replace(".bias", ".weight")
    norms = [[float(np.linalg.norm(dump[key])) for key in (name, neighbour)] for dump in context.dumps(dtype)]
    return max(own / beside if beside else 0.0 for own, beside in norms)
