"""Step 2: both tokenisers and both data loaders give the same dev features.

Evidence: random rows and the first batches. The published dumps hold, under ``start_pos_list`` and ``end_pos_list``,
the window number and a constant 0 (what the original's evaluation loader yields in those places). Here they are answer
positions, computed by each tokeniser for these rows, so that the two keys mean what their names say and can differ.
"""

from repro.alignment import claim_verdicts
from repro.alignment.step02_dev_data.capture import KEYS
from repro.context.compare import CompareContext, find
from repro.results import StepComparison

TITLE = "Validation and test data"
CLAIMS = tuple(f"2.{key}{suffix}" for suffix in ("", "2") for key in KEYS.values())
CONTEXT = CompareContext


def compare(context: CompareContext) -> StepComparison:
    """Equality of the ten documented keys."""
    records = context.records()
    claims = tuple(claim_verdicts.zero(context, claim, find(records, claim.removeprefix("2."))) for claim in CLAIMS)
    settings = context.profile.alignment
    rows, batches = (context.side("pytorch")[key].shape for key in ("input_ids_list", "input_ids_list2"))
    equal = sum(record.verdict == "equal" for record in records)
    summary = (
        f"{equal} of {len(records)} arrays are equal: {rows[0]} random rows and {batches[0]} batches of {batches[1]}"
        f" windows of {rows[1]} tokens, each from the framework's own tokeniser and data loader."
    )
    if rows[0] < settings.random_rows or batches[0] < settings.batches:
        summary += (
            f" The dev file has too few windows for {settings.random_rows} rows and {settings.batches} full batches."
        )
    notes = (
        "start_pos_list and end_pos_list are answer positions here; the published dumps hold the window number and a"
        " constant 0 under these names.",
    )
    return StepComparison(records=tuple(records), claims=claims, summary=summary, notes=notes)
