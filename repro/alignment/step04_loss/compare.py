"""Step 4: both frameworks compute the same loss, up to rounding.

Evidence: the loss of fixed logits, and of each framework's own logits of the first training batch, each judged by its
float64 result. These logits differ by rounding; ``loss_floor`` bounds what that does to the loss. ``loss_cap.py`` shows
where Paddle's cross entropy on the CPU stops growing.
"""

import numpy as np

from repro.alignment import claim_verdicts
from repro.alignment.step04_loss.loss_cap import cap_note
from repro.context.compare import CompareContext, find
from repro.markdown import number
from repro.results import ClaimResult, Record, StepComparison, Table

TITLE = "Loss function"
CLAIMS = ("4.fake_data", "4.model_output")
CONTEXT = CompareContext

LOSSES = ("fake_data", "model_output", "model_loss")
MASKED_BELOW = -5000.0  # the mask adds -10000
FEW_ULP = 4.0  # of the loss of fixed logits: rounding of the documented kind


def compare(context: CompareContext) -> StepComparison:
    """The two documented losses, and the loss that the model itself computes."""
    floor = loss_floor(context)
    records = context.records(floors={"model_output": floor, "model_loss": floor})
    fake, real = find(records, "fake_data"), find(records, "model_output")
    summary = (
        f"Loss of fixed logits differs by {number(fake.mean_abs, 3)} ({number(fake.relative_l2, 3)} relative), loss of"
        f" each framework's own logits by {number(real.mean_abs, 3)} ({number(real.relative_l2, 3)} relative)."
    )
    rows = [[key, *(float(dump[key]) for dump in context.dumps())] for key in LOSSES]
    table = Table(title="Losses", columns=["loss", "PyTorch", "Paddle"], rows=rows)
    bound = f"An error of the logits can move this loss by a relative {floor:.3g} at most (twice the largest error)."
    return StepComparison(
        records=tuple(records),
        claims=(_fake_claim(context, fake), _real_claim(context, real)),
        summary=summary,
        tables=(table,),
        notes=(bound, cap_note(context)),
    )


def loss_floor(context: CompareContext) -> float:
    """Relative error of the loss that the error of the logits leads to, at most.

    The gradient of a cross entropy is softmax minus one-hot, whose absolute values sum to 2 at most: the loss moves by
    no more than twice the largest error of a logit. The error of the loss itself may be small by luck.
    """
    bounds = []
    for f32, f64 in zip(context.dumps(), context.dumps("float64"), strict=True):
        unmasked = f64["model_logits"] > MASKED_BELOW
        errors = np.abs(f32["model_logits"].astype(np.float64) - f64["model_logits"])[unmasked]
        bounds.append(2 * float(errors.max()) / abs(float(f64["model_output"])))
    return max(bounds)


def _fake_claim(context: CompareContext, record: Record) -> ClaimResult:
    """Verdict on the loss of fixed logits.

    The documented difference is 1 ulp of a loss between 4 and 8; the fixed logits are other ones here, so ulp is the
    unit in which the two can be compared.
    """
    if record.max_ulp is None:  # not compared
        return claim_verdicts.size(context, "4.fake_data", record, comparable=True, what="")
    distance = f"{record.max_ulp:.0f} ulp of a loss of {record.scale:.3g}; documented is one"
    if record.passed and record.max_ulp <= FEW_ULP:
        reason = f"{distance}: rounding of the same kind; {record.reason}."
        return claim_verdicts.measured(context, "4.fake_data", record, "reproduced", reason)
    return claim_verdicts.measured(context, "4.fake_data", record, "differs", f"{distance}; {record.reason}.")


def _real_claim(context: CompareContext, record: Record) -> ClaimResult:
    """Verdict on the loss of each framework's own logits."""
    comparable = claim_verdicts.same_weights(context)
    what = "the weights and the size of the logits"
    return claim_verdicts.size(context, "4.model_output", record, comparable=comparable, what=what)
