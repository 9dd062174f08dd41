"""Step 9: both frameworks train on the same windows in the same order, with the same dropout masks.

Evidence: features of the training file from both tokenisers, the batches of both data loaders, and the first mask; only
equality counts.
"""

from repro.alignment import claim_verdicts
from repro.alignment.step09_train_data.capture import EPOCHS
from repro.context.compare import CompareContext, find
from repro.data.features import MODEL_ARRAYS
from repro.results import StepComparison

TITLE = "Training data"
CLAIMS = ("9.train_data",)
CONTEXT = CompareContext


def compare(context: CompareContext) -> StepComparison:
    """Equality of features, first batch, order and mask; the claim needs all five arrays of the first batch."""
    records = context.records()
    five = [claim_verdicts.zero(context, CLAIMS[0], find(records, name)) for name in MODEL_ARRAYS]
    shape = context.side("pytorch")["input_ids"].shape
    reason = f"All five arrays of the first batch are equal, ids {shape}, shapes and dtypes included."
    claim = next((claim for claim in five if claim.verdict != "reproduced"), five[0].replace(reason=reason))
    rows = len(context.side("pytorch")["all.input_ids"])
    equal = sum(record.verdict == "equal" for record in records)
    summary = (
        f"{equal} of {len(records)} arrays are equal: the first batch, all {rows} windows of the training file and the"
        f" batches of {EPOCHS} epochs as each framework's data loader yields them."
    )
    notes = (
        "The order of rows is drawn outside the frameworks, so it is equal by construction unless their seeds differ;"
        " what is compared besides is what each framework's own loader did with it (row numbers, batch sizes,"
        " contents). The first dropout mask is what each framework's own dropout keeps on its device.",
    )
    return StepComparison(records=tuple(records), claims=(claim,), summary=summary, notes=notes)
