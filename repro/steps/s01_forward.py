"""Step 1: encoder output and logits of the first training batch, and every operation of the head on the way.

Where precision goes is read off the float64 runs: a difference grows relative to the size of what it is a difference
of, or it does not. Whether a product itself loses any is told by grafting: its float32 inputs are multiplied again in
float64, so that errors which it was handed do not count against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from repro.backends import Arrays, Model
from repro.numerics.difference import relative_l2
from repro.numerics.record import ClaimResult, ClaimVerdict, Record
from repro.numerics.verdict import EPS32
from repro.steps import answers, error_tables, rows
from repro.steps.context import CaptureContext, Dumps
from repro.steps.invariances import invariance_table, reasons
from repro.steps.outcome import Outcome, number
from repro.steps.pair import NAMES, SIDES, CompareContext, find
from repro.steps.start_weights import start_arrays

TITLE = "Model structure: forward pass"
CLAIMS = (
    "1.sequence_output",
    "1.model_output",
    *(f"1.bisect.{side}.{op}" for side in ("start", "end") for op in ("matmul1", "transpose", "matmul2")),
    "1.cause.matmul",
)
SEP = 102
UNMASKED = "model_output[unmasked]"
CLASSIFIERS = tuple(f"splinter_qass.{side}_classifier.weight" for side in ("start", "end"))
SCALED = ("start_temp", "start_logits_unmasked", "end_temp", "end_logits_unmasked")  # what the classifiers reach
LARGER = "scaled."
FACTOR = "scaled.factor"
PUBLISHED_SIZE = 800.0  # of the logits in the published dumps
OPERATIONS = {"matmul1": "{}_temp", "transpose": "{}_reps_transposed", "matmul2": "{}_logits_unmasked"}


def attended(batch: Arrays) -> np.ndarray:
    """(B, T) int64: 1 where a token can be an answer; padding and ``[SEP]`` are masked as the model masks them."""
    mask: np.ndarray = batch["attention_mask"] * (batch["input_ids"] != SEP)
    return mask


def as_dumped(taps: Arrays, mask: np.ndarray) -> Arrays:
    """Taps with the two logits stacked (2, B, T), and those of them where an answer can be (2, positions)."""
    logits = np.stack([taps["start_logits"], taps["end_logits"]])
    others = {name: tap for name, tap in taps.items() if name not in ("start_logits", "end_logits")}
    return {**others, "model_output": logits, UNMASKED: logits[:, mask == 1]}


def scaled_weights(classifiers: Arrays, factor: float) -> Arrays:
    """Both classifiers times a factor, rounded to float32, so that either precision works with the same weights."""
    return {name: (array.astype(np.float64) * factor).astype(np.float32) for name, array in classifiers.items()}


def scale_to_published(logits: np.ndarray) -> float:
    """Factor that brings logits to the published size (root mean square), to three digits.

    From float64 logits, which are the same in both frameworks to thirteen digits, so that the factor is the same.
    """
    return float(f"{PUBLISHED_SIZE / float(np.sqrt(np.mean(logits**2))):.3g}")


def capture(framework: Any, context: CaptureContext) -> Dumps:
    """Every tap of the first training batch; the logits stacked (2, B, T) as ``model_output``.

    ``scaled.…``: the four operations behind the classifiers once more, these scaled to logits of the published size.
    """
    batch = context.first_batch()
    mask = attended(batch)
    classifiers = start_arrays(context.run, names=CLASSIFIERS)
    wide = as_dumped(rows.forward(context.model("float64"), batch, taps=True), mask)
    factor = scale_to_published(wide[UNMASKED])
    yield "float64", wide | _scaled(context.model("float64"), wide, classifiers, factor) | {"attended": mask}
    del wide
    narrow = as_dumped(context.model("float32").forward(batch, taps=True), mask)
    yield "float32", narrow | _scaled(context.model("float32"), narrow, classifiers, factor) | {"attended": mask}


def _scaled(model: Model, taps: Arrays, classifiers: Arrays, factor: float) -> Arrays:
    """The four operations once more with larger classifiers; the model is as before afterwards."""
    values, found = dict(taps), {FACTOR: np.array(factor)}
    model.replace(scaled_weights(classifiers, factor))
    for name in SCALED:
        found[f"{LARGER}{name}"] = values[name] = model.run(name, values)
    model.replace(classifiers)
    return found


def _product(dump: Arrays, which: str) -> dict[str, float]:
    """What the second product of one framework did to its float32 inputs, relative to the float64 product of them."""
    temp, reps = (dump[f"{which}_{name}"].astype(np.float64) for name in ("temp", "reps_transposed"))
    exact = np.matmul(temp, reps)
    condition = float(np.linalg.norm(np.matmul(np.abs(temp), np.abs(reps))) / np.linalg.norm(exact))
    return {
        "own": relative_l2(exact, dump[f"{which}_logits_unmasked"]),
        "condition": condition,
        "length": temp.shape[-1],
    }


def product_bound(condition: float, length: int) -> float:
    """Relative error that a float32 product over ``length`` terms may make by itself.

    Each result is a sum of ``length`` products: rounding errors of half a unit scatter to sqrt(length) / 2 units of the
    sum of absolute terms, whose size relative to the result is the condition number.
    """
    return condition * EPS32 / 2 * float(np.sqrt(length))


def _products(context: CompareContext, records: Sequence[Record]) -> tuple[list[list[Any]], bool, float]:
    """(rows, whether no product lost more than rounding, largest growth of the relative error)."""
    rows: list[list[Any]] = []
    innocent, growth = True, 0.0
    for which in ("start", "end"):
        temp, reps, logits = (find(records, f"{which}_{n}") for n in ("temp", "reps_transposed", "logits_unmasked"))
        for side in SIDES:
            own = _product(context.side(side), which)
            bound = product_bound(own["condition"], int(own["length"]))
            innocent &= own["own"] <= bound
            error = "error_a" if side == "pytorch" else "error_b"
            before, after = (max(getattr(temp, error), getattr(reps, error)), getattr(logits, error))
            growth = max(growth, after / before if before else 1.0)
            rows.append(
                [f"{which}, {NAMES[side]}", getattr(temp, error), getattr(reps, error), after, own["own"], bound]
            )
    return rows, innocent, growth


def _cause(
    context: CompareContext, records: Sequence[Record], found: dict[str, error_tables.Attribution]
) -> tuple[ClaimResult, dict[str, Any] | None]:
    claim = "1.cause.matmul"
    parts = [
        find(records, f"{which}_{n}")
        for which in ("start", "end")
        for n in ("temp", "reps_transposed", "logits_unmasked")
    ]
    if any(part.error_a is None or part.error_b is None for part in parts):
        reason = "Without float64 results of both frameworks the size of a difference cannot be held against rounding."
        return answers.statement(context, claim, "not comparable in this profile", "undecided", reason), None
    rows, innocent, growth = _products(context, records)
    table = {
        "title": "What the second product does: relative errors against float64, before and after",
        "columns": [
            "product",
            "error of temp",
            "error of reps",
            "error of logits",
            "its own error",
            "bound on its own",
        ],
        "rows": rows,
    }
    own, bound = max((row[4], row[5]) for row in rows)
    absolute = max((part.mean_abs or 0.0) for part in parts[2::3]) / max(
        max((p.mean_abs or 0.0) for p in parts[:2]), 1e-300
    )
    text = (
        f"the absolute difference grows {absolute:.3g} times from inputs to output, the error relative to float64 by at"
        f" most {growth:.3g} times; multiplied again in float64 the same inputs give the same product to {own:.2g}"
        f" (rounding alone: {bound:.2g})"
    )
    larger = max((find(records, f"{LARGER}{name}") for name in SCALED), key=lambda record: record.mean_abs or 0.0)
    text += (
        f"; with logits scaled to {number(larger.scale)} they differ by a mean of {number(larger.mean_abs)}, still"
        f" {number(larger.relative_l2)} relative"
    )
    if found:
        text += f". {error_tables.sentence(found)}"
    if innocent:
        judged = answers.same_geometry(context)
        # The document's own figures do not carry its sentence: it holds absolute differences of unlike sizes together.
        verdict: ClaimVerdict = "document inconsistent" if judged else "not comparable in this profile"
        reason = (
            f"paddle.matmul() loses nothing beyond float32 rounding: {text}. Larger numbers, not less accurate ones."
        )
        if not judged:
            reason += " How large they are depends on the weights, so the documented case itself is not judged here."
        return answers.statement(context, claim, verdict, f"relative error x {growth:.3g}", reason), table
    reason = f"A product loses more than float32 rounding: {text}."
    return answers.statement(context, claim, "reproduced", f"relative error x {growth:.3g}", reason), table


def _sizes(context: CompareContext, records: Sequence[Record]) -> dict[str, Any]:
    columns = ["tensor", "mean |diff|", "relative L2", "scale (rms)", "error PyTorch", "error Paddle", "float64 gap"]
    rows = [
        [r.name, r.mean_abs, r.relative_l2, r.scale, r.error_a, r.error_b, r.gap64]
        for r in records
        if r.dtype == "float32"
    ]
    return {"title": "Every operation, with its size", "columns": columns, "rows": rows}


def _measured(
    context: CompareContext, records: Sequence[Record], found: dict[str, error_tables.Attribution]
) -> list[dict[str, Any]]:
    """Tables of what the verdicts rest on."""
    by_name = {record.name: record for record in records}
    larger = {name: f"{LARGER}{name}" for name in SCALED}
    tables = [error_tables.scaled_sizes(by_name, float(context.side("pytorch")[FACTOR]), larger, found)]
    if found:
        tables.append(error_tables.by_operation(found, context.precision["pytorch"]["rows"]))
    if context.precision:
        tables += [error_tables.noise_table(context), *error_tables.certificates(context)]
    return tables


def compare(context: CompareContext) -> Outcome:
    """Records of every tap, the six operations of the documented bisection, and where the error comes from."""
    records = context.records(exact={FACTOR})
    geometry, weights = answers.same_geometry(context), answers.same_weights(context)
    on_weights = "the weights and the size of the logits"
    claims = [
        answers.size(
            context, "1.sequence_output", find(records, "sequence_output"), comparable=geometry, what="width and depth"
        ),
        replace(
            answers.size(context, "1.model_output", find(records, "model_output"), comparable=weights, what=on_weights),
            relative=find(records, UNMASKED).relative_l2,
        ),
    ]
    for which in ("start", "end"):
        for operation, pattern in OPERATIONS.items():
            record = find(records, pattern.format(which))
            claims.append(
                answers.size(context, f"1.bisect.{which}.{operation}", record, comparable=weights, what=on_weights)
            )
    found = error_tables.attributions(context)
    cause, table = _cause(context, records, found)
    encoder = find(records, "sequence_output")
    summary = (
        f"First training batch {context.side('pytorch')['attended'].shape}: encoder output differs by a mean of"
        f" {number(encoder.mean_abs)}, {number(encoder.relative_l2)} relative; {cause.reason}"
    )
    notes: tuple[str, ...] = (
        "The logits of masked positions carry -10000, where neighbouring float32 numbers are 9.8e-04 apart;"
        f" {UNMASKED} leaves them out.",
        reasons(),
    )
    a, b = context.dumps()
    invariances = invariance_table(a, b, a["attended"])
    measured = _measured(context, records, found)
    tables = [_sizes(context, records), *([table] if table else []), *measured, invariances]
    if why := error_tables.not_measured(context):
        notes = (*notes, why)
    return Outcome((*records, *error_tables.sum_records(found)), (*claims, cause), summary, tuple(tables), notes)
