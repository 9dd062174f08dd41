"""Step 1: the forward pass of the first training batch agrees, and where its differences come from.

Evidence: the record of every activation, judged by its float64 results. They show where precision is lost: a difference
grows relative to the size of its tensor, or it does not. Whether a product itself loses precision is shown by repeating
it in float64 on its float32 inputs, so that the error of the inputs does not count against it (``products.py``).
"""

from collections.abc import Sequence

from repro.alignment import claim_verdicts
from repro.alignment.step01_forward import error_tables
from repro.alignment.step01_forward.products import OPERATIONS, Product, products, products_table
from repro.analysis.activations import FACTOR, LARGER, SCALED, UNMASKED
from repro.analysis.invariances import invariance_table, reasons
from repro.context.compare import CompareContext, find
from repro.markdown import number
from repro.results import ClaimResult, ClaimVerdict, Record, StepComparison, Table
from repro.results.precision import Attribution

TITLE = "Model structure: forward pass"
CLAIMS = (
    "1.sequence_output",
    "1.model_output",
    *(f"1.bisect.{side}.{op}" for side in ("start", "end") for op in ("matmul1", "transpose", "matmul2")),
    "1.cause.matmul",
)
CONTEXT = CompareContext


def compare(context: CompareContext) -> StepComparison:
    """Records of every activation, the six operations of the documented bisection, and the cause of the error."""
    records = context.records(exact={FACTOR}.__contains__)
    attributions = error_tables.attributions(context)
    measured = products(context, records)
    cause = _cause(context, records, measured, attributions)
    encoder = find(records, "sequence_output")
    a, b = context.dumps()
    summary = (
        f"First training batch {a['attended'].shape}: encoder output differs by a mean of"
        f" {number(encoder.mean_abs, 3)}, {number(encoder.relative_l2, 3)} relative; {cause.reason}"
    )
    masked = (
        "The logits of masked positions carry -10000, where neighbouring float32 numbers are 9.8e-04 apart;"
        f" {UNMASKED} leaves them out."
    )
    tables = [
        _sizes(records),
        *([products_table(measured)] if measured else []),
        *_measurements(context, records, attributions),
        invariance_table(a, b, a["attended"]),
    ]
    sums = [error_tables.sum_record(side, attribution.shares) for side, attribution in attributions.items()]
    return StepComparison(
        records=(*records, *sums),
        claims=(*_size_claims(context, records), cause),
        summary=summary,
        tables=tuple(tables),
        notes=tuple(filter(None, (masked, reasons(), error_tables.not_measured(context)))),
    )


def _size_claims(context: CompareContext, records: Sequence[Record]) -> list[ClaimResult]:
    """Verdicts on the documented sizes of differences: encoder output, logits, and the six operations between."""
    geometry, weights = claim_verdicts.same_geometry(context), claim_verdicts.same_weights(context)

    def claim(claim_id: str, name: str, comparable: bool, what: str) -> ClaimResult:
        return claim_verdicts.size(context, claim_id, find(records, name), comparable=comparable, what=what)

    on_weights = "the weights and the size of the logits"
    logits = claim("1.model_output", "model_output", weights, on_weights)
    return [
        claim("1.sequence_output", "sequence_output", geometry, "width and depth"),
        logits.replace(relative=find(records, UNMASKED).relative_l2),
        *(
            claim(f"1.bisect.{side}.{operation}", name.format(side), weights, on_weights)
            for side in ("start", "end")
            for operation, name in OPERATIONS.items()
        ),
    ]


def _cause(
    context: CompareContext,
    records: Sequence[Record],
    measured: Sequence[Product],
    attributions: dict[str, Attribution],
) -> ClaimResult:
    """Verdict on the document's sentence that paddle.matmul() loses precision."""
    claim = "1.cause.matmul"
    if not measured:
        reason = "Without float64 results of both frameworks the size of a difference cannot be compared with rounding."
        return claim_verdicts.statement(context, claim, "not comparable in this profile", "undecided", reason)
    growth = max(item.growth for item in measured)
    local, bound = max((item.local_error, item.bound) for item in measured)
    text = (
        f"the absolute difference grows {_absolute_growth(records):.3g} times from inputs to output, the error relative"
        f" to float64 by at most {growth:.3g} times; repeated in float64, the same inputs give the same product to"
        f" {local:.2g} (rounding alone: {bound:.2g})"
    )
    larger = max((find(records, f"{LARGER}{name}") for name in SCALED), key=lambda record: record.mean_abs or 0.0)
    text += (
        f"; with logits scaled to {number(larger.scale, 3)} they differ by a mean of {number(larger.mean_abs, 3)},"
        f" still {number(larger.relative_l2, 3)} relative"
    )
    if attributions:
        text += f". {error_tables.sentence(attributions)}"
    measurement = f"relative error x {growth:.3g}"
    if not all(item.local_error <= item.bound for item in measured):
        reason = f"A product loses more than float32 rounding: {text}."
        return claim_verdicts.statement(context, claim, "reproduced", measurement, reason)
    comparable = claim_verdicts.same_geometry(context)
    # The document's own figures contradict its sentence: it compares absolute differences of tensors of unlike size.
    verdict: ClaimVerdict = "document inconsistent" if comparable else "not comparable in this profile"
    reason = f"paddle.matmul() loses nothing beyond float32 rounding: {text}. Larger numbers, not less accurate ones."
    if not comparable:
        reason += " How large they are depends on the weights, so the documented case itself is not judged here."
    return claim_verdicts.statement(context, claim, verdict, measurement, reason)


def _absolute_growth(records: Sequence[Record]) -> float:
    """How many times the absolute difference grows from the inputs of the start product to the larger output."""
    inputs = max(find(records, name).mean_abs or 0.0 for name in ("start_temp", "start_reps_transposed"))
    outputs = max(find(records, f"{side}_logits_unmasked").mean_abs or 0.0 for side in ("start", "end"))
    return outputs / max(inputs, 1e-300)


def _sizes(records: Sequence[Record]) -> Table:
    """Every float32 tensor with its differences and its size."""
    columns = ["tensor", "mean |diff|", "relative L2", "scale (rms)", "error PyTorch", "error Paddle", "float64 gap"]
    f32 = [record for record in records if record.dtype == "float32"]
    rows = [[r.name, r.mean_abs, r.relative_l2, r.scale, r.error_a, r.error_b, r.gap64] for r in f32]
    return Table(title="Every operation, with its size", columns=columns, rows=rows)


def _measurements(
    context: CompareContext, records: Sequence[Record], attributions: dict[str, Attribution]
) -> list[Table]:
    """Tables of the measurements behind the verdicts."""
    pairs = [(find(records, name), find(records, f"{LARGER}{name}")) for name in SCALED]
    tables = [error_tables.scaled_sizes(pairs, float(context.side("pytorch")[FACTOR]), attributions)]
    if attributions:
        tables.append(error_tables.by_operation(attributions, context.precision["pytorch"].rows))
    if context.precision:
        tables += [error_tables.noise_table(context), *error_tables.determinism_tables(context)]
    return tables
