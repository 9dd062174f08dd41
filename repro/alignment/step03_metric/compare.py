"""Step 3: both frameworks' logits choose the same answers, so the SQuAD metric is the same in all ten keys.

Evidence: the keys and the predicted texts, which must be equal; the logits, which may round; and for every question,
whether the error of the logits is large enough to change its answer (``answer_stability.py``).
"""

from collections.abc import Sequence

import numpy as np

from repro.alignment import claim_verdicts
from repro.alignment.step03_metric import answer_stability
from repro.alignment.step03_metric.capture import KEYS
from repro.analysis.activations import attended
from repro.analysis.invariances import invariance_table
from repro.config.profile import BACKENDS
from repro.context.compare import CompareContext, find
from repro.context.data import questions
from repro.dumps.sketch import text_number
from repro.numerics.verdict import judge_exact, judge_floats
from repro.results import Record, StepComparison, Table

TITLE = "Evaluation metric"
CLAIMS = tuple(f"3.{key}" for key in KEYS)
CONTEXT = CompareContext
UNMASKED = "logits[unmasked]"


def compare(context: CompareContext) -> StepComparison:
    """Equality of every key and of every predicted text; what the logits' error could do to them."""
    records = context.records(exact=lambda _: True, skip={"logits"}.__contains__)
    claims = tuple(claim_verdicts.zero(context, f"3.{key}", find(records, key)) for key in KEYS)
    a, b = context.dumps()
    _, features = questions(context.data["pytorch"])
    mask = attended(features.arrays())
    runs = answer_stability.compared_runs(context)
    same = int((a["answers"] == b["answers"]).sum())
    summary = (
        f"{same} of {a['answers'].size} predicted answers are the same text; exact match {float(a['exact']):.2f} and"
        f" {float(b['exact']):.2f}, F1 {float(a['f1']):.2f} and {float(b['f1']):.2f}."
        f" {answer_stability.sentence(runs)}"
    )
    notes = (
        "Candidates and metric are one implementation for both frameworks (the tests compare it with that of"
        " transformers); what the frameworks contribute is their logits, so the step shows that these choose the same"
        " answers.",
        "An answer can change only if its margin is no larger than twice the largest change of a start logit plus twice"
        " that of an end logit in its windows.",
    )
    keys = Table(
        title="The ten keys",
        columns=["key", "PyTorch", "Paddle"],
        rows=[[key, float(a[key]), float(b[key])] for key in KEYS],
    )
    logits = invariance_table({"logits": a["logits"]}, {"logits": b["logits"]}, mask)
    between = runs[0]
    recomputed = _recomputed(context, (between.first.texts, between.second.texts if between.second else ()))
    return StepComparison(
        records=(*records, *recomputed, _unmasked(context, mask)),
        claims=claims,
        summary=summary,
        tables=(keys, *answer_stability.tables(runs), logits),
        notes=notes,
    )


def _unmasked(context: CompareContext, mask: np.ndarray) -> Record:
    """The logits of the positions that can be an answer; they may round, the documented keys may not."""
    arrays = [dump["logits"][:, mask == 1] for dtype in ("float32", "float64") for dump in context.dumps(dtype)]
    return context.signed(judge_floats(UNMASKED, *arrays))


def _recomputed(context: CompareContext, answers: Sequence[Sequence[str]]) -> list[Record]:
    """The recorded answers against those that the recorded logits lead to, so that both are of one run."""
    records = []
    for side, texts in zip(BACKENDS, answers, strict=True):
        numbers = np.array([text_number(text) for text in texts], dtype=np.int64)
        records.append(judge_exact(f"recomputed.{side}.answers", context.side(side)["answers"], numbers))
    return [context.signed(record) for record in records]
