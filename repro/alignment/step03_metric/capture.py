"""Step 3, capture: the SQuAD metric of the framework's predictions on the first dev questions.

Evidence: the ten keys of the metric, the predicted texts as numbers, and the logits behind them. Candidates and metric
are the same code for both frameworks; what a framework contributes is its logits.
"""

import numpy as np

from repro.backends import Backend
from repro.context.capture import CaptureContext, Dumps
from repro.context.data import questions
from repro.data.candidates import best_answers
from repro.data.metric import squad_metric
from repro.dumps.sketch import text_number

FIELDS: tuple[str, ...] = ("training.n_best", "training.max_answer_length")

KEYS = (
    *("exact", "f1", "total", "HasAns_exact", "HasAns_f1", "HasAns_total"),
    *("best_exact", "best_exact_thresh", "best_f1", "best_f1_thresh"),
)


def capture(framework: Backend, context: CaptureContext) -> Dumps:
    """The metric and what it is computed from.

    Yields:
        ``float32`` and arrays: the ten keys () float64, counts int64; ``answers`` (questions,) int64, a number for each
        predicted text; ``logits`` (2, N, T), start and end. Then ``float64`` and ``logits``.
    """
    examples, features = questions(context)
    rows = np.flatnonzero(context.features("dev").example_index < len(examples))
    start, end = context.logits("float32", rows, context.features("dev"))
    predictions, _ = best_answers(examples, features, start, end, context.vocabulary(), **context.answer_limits)
    scores = squad_metric(examples, predictions)
    scores = dict.fromkeys(KEYS, 0.0) | scores  # without any answer in the file, those of such questions are missing
    arrays = {key: np.array(scores[key], dtype=np.int64 if key.endswith("total") else np.float64) for key in KEYS}
    arrays["answers"] = np.array([text_number(predictions[e.qas_id]) for e in examples], dtype=np.int64)
    arrays["logits"] = np.stack([start, end])
    yield "float32", arrays
    yield "float64", {"logits": np.stack(context.logits("float64", rows, context.features("dev")))}
