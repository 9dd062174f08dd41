"""Step 11 against the document: a verdict on every documented F1.

Means come first. A row is a single run, which by itself shows next to nothing: it is reproduced if it is within the
margin itself, or if the average of its size is and the row lies where the other rows let one expect it. Where the data
are too noisy for a verdict, there is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from repro.alignment.step11_training.document_spread import spread_comparison
from repro.alignment.step11_training.documented import Comparison, comparisons, incomparable
from repro.config.profile import BACKEND_NAMES
from repro.context.trainings import TrainingContext
from repro.numerics.equivalence import ALPHA, DECIMALS, POWER, Conclusion, Difference, holm
from repro.results import ClaimResult, ClaimVerdict, Table
from repro.results.inputs import NOT_VERIFIED, read_inputs

NO_VERDICT: ClaimVerdict = "not comparable in this profile"
VERDICTS: dict[Conclusion, ClaimVerdict] = {
    "equivalent within the margin": "reproduced",
    "different": "differs",
    "not shown": NO_VERDICT,
}


@dataclass(frozen=True)
class DocumentComparison:
    """What step 11 says about the document."""

    claims: list[ClaimResult]
    tables: list[Table]
    summary: str = ""


def compare_document(context: TrainingContext) -> DocumentComparison:
    """A verdict on every claim of the step; tables where the run can be compared with the document."""
    items = [*comparisons(context)]
    if why := incomparable(context):
        return DocumentComparison([_claim(context, item, NO_VERDICT, f"{why}.") for item in items], [])
    margin = context.profile.training.margin
    means = [item for item in items if item.kind != "row" and item.difference]
    conclusions = {
        **_conclusions(means, margin),
        **_conclusions([item for item in items if item.kind == "row" and item.difference], margin),
    }
    averages = {item.size: conclusions[item.claim.id] for item in means if item.kind == "average"}
    claims = [_judged(context, item, conclusions.get(item.claim.id), averages.get(item.size)) for item in items]
    if context.profile.weights.path is not None and not read_inputs(context.run).weights.published:
        claims = [claim.replace(reason=f"{claim.reason} {NOT_VERIFIED}") for claim in claims]
    spreads = spread_comparison(context)
    return DocumentComparison(claims, [*_means_table(means, conclusions, margin), *spreads.tables], spreads.summary)


def _conclusions(family: Sequence[Comparison], margin: float) -> dict[str, Conclusion]:
    """Claim -> what the data show; p values are corrected within the family."""
    differences = {item.claim.id: item.difference for item in family if item.difference}
    corrected = holm([difference.p_difference for difference in differences.values()])
    return {name: differences[name].conclusion(margin, p) for name, p in zip(differences, corrected, strict=True)}


def _judged(
    context: TrainingContext, item: Comparison, conclusion: Conclusion | None, average: Conclusion | None
) -> ClaimResult:
    """The verdict on one claim; ``average``: what is concluded on the average of its size."""
    if item.difference is None or conclusion is None:
        return _claim(context, item, NO_VERDICT, "the document has no run on these training files.")
    if item.kind == "row" and conclusion == "not shown" and average == "equivalent within the margin":
        text = "the average of this size is reproduced, and this row is no further off than the scatter of the others."
        return _claim(context, item, "reproduced", text)
    return _claim(context, item, VERDICTS[conclusion], _reason(item.difference, conclusion, context))


def _reason(difference: Difference, conclusion: Conclusion, context: TrainingContext) -> str:
    margin = context.profile.training.margin
    if difference.count == 1:
        return "one training file alone does not show how far they scatter."
    low, high = difference.interval()
    text = (
        f"{difference.mean:+.2f} points from the document, {100 * (1 - ALPHA):g} % interval"
        f" [{low:+.2f}, {high:+.2f}] from {difference.count} files"
    )
    if conclusion != "not shown":
        return f"{text}: {conclusion}, {margin:g} points."
    return f"{text}; these data would show equivalence within {difference.smallest_margin:.2f} points only."


def _claim(context: TrainingContext, item: Comparison, verdict: ClaimVerdict, reason: str) -> ClaimResult:
    """The answer; ``not run`` where the profile does not train what the claim is about."""
    name = f"{BACKEND_NAMES[item.backend]}{context.profile.training.reduced}"
    if not item.seeds:
        seed = f" with seed {item.claim.id.rsplit('.', 1)[1]}" if item.kind == "row" else ""
        reason = f"The profile does not train {item.size} examples{seed}."
        return ClaimResult(id=item.claim.id, measured=None, verdict="not run", reason=reason)
    what = "F1" if item.kind == "row" else f"mean F1 over {len(item.seeds)} training files"
    cell = (item.backend, "pretrained", item.size)
    behind = [
        (side, key) for side, key in context.results if (side, key.init, key.size) == cell and key.seed in item.seeds
    ]
    return ClaimResult(
        id=item.claim.id,
        measured=item.measured,
        verdict=verdict,
        reason=f"{name}, {what}: {reason}",
        evidence=context.evidence(behind),
    )


def _means_table(means: Sequence[Comparison], conclusions: dict[str, Conclusion], margin: float) -> list[Table]:
    """Documented means beside measured ones; no table without any."""
    rows = []
    for item in means:
        if item.difference and item.difference.count > 1:
            difference = item.difference
            numbers = (round(difference.mean, DECIMALS), *difference.summary(len(means)))
            source = "paper" if item.kind == "paper" else "published rows"
            row = (source, item.size, BACKEND_NAMES[item.backend], round(item.measured, DECIMALS), difference.count)
            rows.append((*row, *numbers, conclusions[item.claim.id]))
    if not rows:
        return []
    columns = ["source", "examples", "framework", "mean F1", "files", "difference to the document", "from", "to"]
    columns += ["smallest margin shown", f"found with {100 * POWER:.0f} % power", f"verdict, margin {margin:g}"]
    title = f"Mean F1 against the document (points; {100 * (1 - ALPHA):g} % interval)"
    return [Table(title=title, columns=tuple(columns), rows=tuple(rows))]
