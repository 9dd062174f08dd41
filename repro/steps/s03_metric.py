"""Step 3: the SQuAD metric's ten keys, from each framework's own predictions on the first dev questions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from repro.data.candidates import best_answers
from repro.data.metric import squad_metric
from repro.numerics.record import Record
from repro.numerics.verdict import judge_exact, judge_floats
from repro.steps import answers, consequences
from repro.steps.context import CaptureContext, Dumps
from repro.steps.invariances import invariance_table
from repro.steps.outcome import Outcome
from repro.steps.pair import SIDES, CompareContext, find
from repro.steps.s01_forward import attended

TITLE = "Evaluation metric"
KEYS = (
    *("exact", "f1", "total", "HasAns_exact", "HasAns_f1", "HasAns_total"),
    *("best_exact", "best_exact_thresh", "best_f1", "best_f1_thresh"),
)
CLAIMS = tuple(f"3.{key}" for key in KEYS)
UNMASKED = "logits[unmasked]"


def text_number(text: str) -> int:
    """48 bits of a text's sha256: equal texts have equal numbers, and a dump holds numbers only."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "little")


def capture(framework: Any, context: CaptureContext) -> Dumps:
    """The ten keys, 0-d (float64, counts int64), ``answers``: a number for each predicted text, and the start and end
    ``logits`` (2, N, T) behind them, which float64 has as well."""
    profile = context.profile
    examples, features = consequences.questions(context)
    rows = np.flatnonzero(context.features("dev").example_index < len(examples))
    start, end = context.logits("float32", rows, context.features("dev"))
    predictions, _ = best_answers(
        examples,
        features,
        start,
        end,
        context.vocabulary(),
        n_best=profile.training.n_best,
        max_answer_length=profile.training.max_answer_length,
    )
    scores = squad_metric(examples, predictions)
    found = {key: np.array(scores[key], dtype=np.int64 if key.endswith("total") else np.float64) for key in KEYS}
    found["answers"] = np.array([text_number(predictions[e.qas_id]) for e in examples], dtype=np.int64)
    found["logits"] = np.stack([start, end])
    yield "float32", found
    yield "float64", {"logits": np.stack(context.logits("float64", rows, context.features("dev")))}


def _unmasked(context: CompareContext, mask: np.ndarray) -> Record:
    """The logits of the positions that can be an answer; they may round, the documented keys may not."""
    arrays = [dump["logits"][:, mask == 1] for dtype in ("float32", "float64") for dump in context.dumps(dtype)]
    return context.signed(judge_floats(UNMASKED, *arrays))


def _recomputed(context: CompareContext, given: Sequence[Sequence[str]]) -> list[Record]:
    """The recorded answers against those that the recorded logits give, so that both are of one run."""
    found = []
    for side, texts in zip(SIDES, given, strict=True):
        numbers = np.array([text_number(text) for text in texts], dtype=np.int64)
        found.append(judge_exact(f"recomputed.{side}.answers", context.side(side)["answers"], numbers))
    return [context.signed(record) for record in found]


def compare(context: CompareContext) -> Outcome:
    """Equality of every key and of every predicted text; what the logits' error could do to them."""
    records = context.records(exact=lambda _: True, skip={"logits"}.__contains__)
    claims = tuple(answers.zero(context, f"3.{key}", find(records, key)) for key in KEYS)
    a, b = context.dumps()
    _, features = consequences.questions(context.inputs["pytorch"])
    mask = attended(features.arrays())
    pairs = consequences.pairs(context)
    same = int((a["answers"] == b["answers"]).sum())
    summary = (
        f"{same} of {a['answers'].size} predicted answers are the same text; exact match {float(a['exact']):.2f} and"
        f" {float(b['exact']):.2f}, F1 {float(a['f1']):.2f} and {float(b['f1']):.2f}. {consequences.sentence(pairs)}"
    )
    notes = (
        "Candidates and metric are one implementation for both frameworks (checked in the tests against that of"
        " transformers); what the frameworks contribute is their logits, so the step shows that these choose the same"
        " answers.",
        "An answer can change only if its margin is no larger than twice the largest change of a start logit plus twice"
        " that of an end logit in its windows.",
    )
    rows = [[key, float(a[key]), float(b[key])] for key in KEYS]
    keys = {"title": "The ten keys", "columns": ["key", "PyTorch", "Paddle"], "rows": rows}
    logits = invariance_table({"logits": a["logits"]}, {"logits": b["logits"]}, mask)
    tables = (keys, *consequences.tables(pairs), logits)
    between = pairs[0]
    own = _recomputed(context, (between.first.texts, between.second.texts if between.second else ()))
    return Outcome((*records, *own, _unmasked(context, mask)), claims, summary, tables, notes)
