"""Step 3: the SQuAD metric's ten keys, from each framework's own predictions on the first dev questions."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from repro.data.candidates import best_answers
from repro.data.metric import squad_metric
from repro.steps import answers
from repro.steps.context import CaptureContext, Dumps
from repro.steps.outcome import Outcome
from repro.steps.pair import CompareContext, find

TITLE = "Evaluation metric"
KEYS = (
    *("exact", "f1", "total", "HasAns_exact", "HasAns_f1", "HasAns_total"),
    *("best_exact", "best_exact_thresh", "best_f1", "best_f1_thresh"),
)
CLAIMS = tuple(f"3.{key}" for key in KEYS)


def text_number(text: str) -> int:
    """48 bits of a text's sha256: equal texts have equal numbers, and a dump holds numbers only."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "little")


def capture(framework: Any, context: CaptureContext) -> Dumps:
    """The ten keys, 0-d (float64, counts int64), and ``answers``: a number for each predicted text."""
    profile, features = context.profile, context.features("dev")
    examples = context.examples("dev", training=False)[: profile.alignment.metric_questions]
    rows = np.flatnonzero(features.example_index < len(examples))
    start, end = context.logits("float32", rows, features)
    predictions, _ = best_answers(
        examples,
        features.take(rows),
        start,
        end,
        context.vocabulary(),
        n_best=profile.training.n_best,
        max_answer_length=profile.training.max_answer_length,
    )
    scores = squad_metric(examples, predictions)
    found = {key: np.array(scores[key], dtype=np.int64 if key.endswith("total") else np.float64) for key in KEYS}
    found["answers"] = np.array([text_number(predictions[e.qas_id]) for e in examples], dtype=np.int64)
    return {"float32": found}


def compare(context: CompareContext) -> Outcome:
    """Equality of every key and of every predicted text."""
    records = context.records(exact=lambda _: True)
    claims = tuple(answers.zero(context, f"3.{key}", find(records, key)) for key in KEYS)
    a, b = context.dumps()
    same = int((a["answers"] == b["answers"]).sum())
    summary = (
        f"{same} of {a['answers'].size} predicted answers are the same text; exact match {float(a['exact']):.2f} and"
        f" {float(b['exact']):.2f}, F1 {float(a['f1']):.2f} and {float(b['f1']):.2f}."
    )
    notes = (
        "Candidates and metric are one implementation for both frameworks (checked in the tests against that of"
        " transformers); what the frameworks contribute is their logits, so the step shows that these choose the same"
        " answers.",
    )
    rows = [[key, float(a[key]), float(b[key])] for key in KEYS]
    table = {"title": "The ten keys", "columns": ["key", "PyTorch", "Paddle"], "rows": rows}
    return Outcome(tuple(records), claims, summary, (table,), notes)
