"""From records to answers to documented claims. One rule per kind of claim; none is widened to let one pass."""

from __future__ import annotations

from decimal import Decimal

from repro.numerics.record import ClaimResult, ClaimVerdict, Record
from repro.steps.pair import CompareContext

ORDER = 10.0  # two sizes of rounding on other hardware and library versions: the same within one order of magnitude
BASE_GEOMETRY = {"hidden_size": 768, "num_hidden_layers": 12}


def same_weights(context: CompareContext) -> bool:
    """Whether the run starts from the published weights, so that sizes of numbers can be held against the document."""
    return context.profile.weights.source == "fetched"


def same_geometry(context: CompareContext) -> bool:
    """Whether the model has the published shape: outputs of its LayerNorms then have about the published scale."""
    geometry = context.profile.weights.geometry or {}
    return same_weights(context) or all(geometry.get(name) == value for name, value in BASE_GEOMETRY.items())


def zero(context: CompareContext, claim_id: str, record: Record) -> ClaimResult:
    """Answer to a documented difference of exactly 0."""
    evidence = context.evidence()
    if record.outcome != "compared":
        reason = f"{record.name}: {record.outcome}, {record.reason}."
        open_ = record.verdict == "undecidable at this precision"
        told: ClaimVerdict = "not comparable in this profile" if open_ else "differs"
        return ClaimResult(claim_id, None, told, reason, evidence=evidence)
    verdict: ClaimVerdict = "reproduced" if record.passed and record.mean_abs == 0.0 else "differs"
    text = (
        f"{record.reason[0].upper()}{record.reason[1:]}; shape {record.shape} and dtype {record.dtype} on both sides."
    )
    return ClaimResult(claim_id, record.mean_abs, verdict, text, record.relative_l2, evidence)


def size(context: CompareContext, claim_id: str, record: Record, *, comparable: bool, what: str) -> ClaimResult:
    """Answer to a documented difference that is not zero.

    Where the size can be held against the document (``comparable``) it is reproduced if the difference is rounding
    only and within one order of magnitude. Elsewhere its absolute size says nothing.

    Args:
        what: what the absolute size depends on, for the reason.
    """
    evidence = context.evidence()
    if record.outcome != "compared" or record.mean_abs is None:
        reason = f"{record.name}: {record.outcome}, {record.reason}."
        return ClaimResult(claim_id, None, "differs", reason, evidence=evidence)
    measured, relative = record.mean_abs, record.relative_l2
    size_text = "" if relative is None else f"relative size {relative:.3g}; "
    if record.verdict == "different semantics":
        return ClaimResult(claim_id, measured, "differs", f"{size_text}{record.reason}.", relative, evidence)
    if not comparable:
        reason = f"The absolute size depends on {what}; {size_text}{record.verdict}: {record.reason}."
        return ClaimResult(claim_id, measured, "not comparable in this profile", reason, relative, evidence)
    documented = float(Decimal(context.claims[claim_id].value))
    factor = measured / documented
    if not record.passed:
        reason = f"{size_text}{record.verdict}: {record.reason}."
        return ClaimResult(claim_id, measured, "not comparable in this profile", reason, relative, evidence)
    if 1 / ORDER <= factor <= ORDER:
        reason = f"Rounding of {factor:.2g} times the documented size; {size_text}{record.reason}."
        return ClaimResult(claim_id, measured, "reproduced", reason, relative, evidence)
    reason = f"{factor:.2g} times the documented size, more than rounding varies; {size_text}{record.reason}."
    return ClaimResult(claim_id, measured, "differs", reason, relative, evidence)


def statement(context: CompareContext, claim_id: str, verdict: ClaimVerdict, measured: str, reason: str) -> ClaimResult:
    """Answer to a claim in words."""
    return ClaimResult(claim_id, measured, verdict, reason, evidence=context.evidence())
