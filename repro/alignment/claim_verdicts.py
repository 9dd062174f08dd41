"""From records to verdicts on documented claims. One rule per kind of claim; none is relaxed to let a claim pass."""

from collections.abc import Iterable
from decimal import Decimal

from repro.context.compare import CompareContext
from repro.results import ClaimResult, ClaimVerdict, Record

ORDER = 10.0  # rounding on other hardware and library versions has the same size within one order of magnitude
BASE_GEOMETRY = {"hidden_size": 768, "num_hidden_layers": 12}


def same_weights(context: CompareContext) -> bool:
    """Whether the run starts from the published weights, so that sizes can be compared with the document."""
    return context.profile.weights.source == "fetched"


def same_geometry(context: CompareContext) -> bool:
    """Whether the model has the published shape: outputs of its LayerNorms then have about the published scale."""
    geometry = context.profile.weights.geometry or {}
    return same_weights(context) or all(geometry.get(name) == value for name, value in BASE_GEOMETRY.items())


def zero(context: CompareContext, claim_id: str, record: Record) -> ClaimResult:
    """Verdict on a documented difference of exactly 0."""
    verdict: ClaimVerdict = "reproduced" if record.passed and record.mean_abs == 0.0 else "differs"
    if record.outcome != "compared":
        if record.verdict == "undecidable at this precision":
            verdict = "not comparable in this profile"
        return measured(context, claim_id, record, verdict, f"{record.name}: {record.outcome}, {record.reason}.")
    reason = f"{record.reason[0].upper()}{record.reason[1:]}"
    reason += f"; shape {record.shape} and dtype {record.dtype} on both sides."
    return measured(context, claim_id, record, verdict, reason)


def size(context: CompareContext, claim_id: str, record: Record, *, comparable: bool, what: str) -> ClaimResult:
    """Verdict on a documented difference that is not zero.

    Where sizes can be compared with the document (``comparable``), the claim is reproduced if the difference is
    rounding only and within one order of magnitude. Elsewhere the absolute size says nothing.

    Args:
        what: what the absolute size depends on, for the reason.
    """
    if record.outcome != "compared" or record.mean_abs is None:
        return statement(context, claim_id, "differs", None, f"{record.name}: {record.outcome}, {record.reason}.")
    relative = "" if record.relative_l2 is None else f"relative size {record.relative_l2:.3g}; "
    factor = record.mean_abs / float(Decimal(context.claims[claim_id].value))
    verdict: ClaimVerdict = "not comparable in this profile"
    if record.verdict == "different semantics":
        verdict, reason = "differs", f"{relative}{record.reason}."
    elif not comparable:
        reason = f"The absolute size depends on {what}; {relative}{record.verdict}: {record.reason}."
    elif not record.passed:
        reason = f"{relative}{record.verdict}: {record.reason}."
    elif 1 / ORDER <= factor <= ORDER:
        verdict = "reproduced"
        reason = f"Rounding of {factor:.2g} times the documented size; {relative}{record.reason}."
    else:
        verdict = "differs"
        reason = f"{factor:.2g} times the documented size, more than rounding varies; {relative}{record.reason}."
    return measured(context, claim_id, record, verdict, reason)


def measured(context: CompareContext, claim_id: str, record: Record, verdict: ClaimVerdict, reason: str) -> ClaimResult:
    """A verdict with the record's mean absolute difference as the number measured."""
    claim = statement(context, claim_id, verdict, record.mean_abs, reason)
    semantics = record.verdict if record.outcome == "compared" else None
    return claim.replace(relative=record.relative_l2, semantics=semantics)


def statement(
    context: CompareContext, claim_id: str, verdict: ClaimVerdict, measured: float | str | None, reason: str
) -> ClaimResult:
    """A verdict that rests on the step's dumps."""
    return ClaimResult(id=claim_id, measured=measured, verdict=verdict, reason=reason, evidence=context.evidence())


def without_number(
    context: CompareContext, claim_id: str, records: Iterable[Record], measured: str, summary: str
) -> ClaimResult:
    """Verdict on a claim for which the document gives no number of its own but points to step 8."""
    records = list(records)
    verdict: ClaimVerdict = "not comparable in this profile"
    if any(record.verdict == "different semantics" for record in records):
        verdict = "differs"
    elif all(record.passed for record in records):
        verdict = "reproduced"
    reason = f"The document gives no number of its own and points to step 8. {summary}"
    return statement(context, claim_id, verdict, measured, reason)
