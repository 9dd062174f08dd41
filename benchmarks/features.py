"""Time of our features, answers and metric against ``transformers``', on generated text, in one process.

Command:  python -m benchmarks.features [--questions 200] [--repeat 3]
Prints:   per stage the best seconds of both and their ratio; stops with exit code 1 if any result differs.
Duration: about 20 s on one core.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from transformers.data.metrics.squad_metrics import squad_evaluate

from repro.data.candidates import best_answers
from repro.data.features import make_features
from repro.data.metric import squad_metric
from repro.data.mrqa import Example
from tests.data.oracle import answers_from, differing, expected_features, load_tokenizer, raw_features
from tests.data.samples import vocabulary, write_vocabulary

LENGTHS = {"max_seq_length": 384, "doc_stride": 128, "max_query_length": 64}
LIMITS = {"n_best": 20, "max_answer_length": 10}
QUESTIONS_PER_CONTEXT = 5  # as in SQuAD
WORDS_PER_CONTEXT = 140


def generate(questions: int, seed: int = 0) -> list[Example]:
    """Questions about contexts of random words, five a context."""
    rng = random.Random(seed)
    lexicon = ["".join(rng.choices("aeinorst", k=rng.randint(2, 7))) for _ in range(2000)] + list(".,;()") * 40
    examples: list[Example] = []
    while len(examples) < questions:
        words = tuple(rng.choices(lexicon, k=WORDS_PER_CONTEXT))
        for _ in range(min(QUESTIONS_PER_CONTEXT, questions - len(examples))):
            first = rng.randrange(len(words) - 3)
            asked = " ".join(rng.choices(lexicon, k=10)) + "? [MASK]."
            answer = " ".join(words[first : first + 3])
            examples.append(Example(f"q{len(examples)}", asked, words, answers=(answer,)))
    return examples


def best_time(repeat: int, function: Callable[[], Any]) -> tuple[float, Any]:
    """Least seconds of ``repeat`` calls, and the last result."""
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def report(stage: str, ours: float, theirs: float, count: int) -> None:
    print(
        f"{stage:<9} ours {ours:7.3f} s ({1e3 * ours / count:6.3f} ms a question)   "
        f"transformers {theirs:7.3f} s   {theirs / ours:5.1f} times faster"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare the speed of the data layer with transformers'.")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    repeat, examples = options.repeat, generate(options.questions)
    with tempfile.TemporaryDirectory() as directory:
        tokenizer = load_tokenizer(write_vocabulary(Path(directory)))

    ours, features = best_time(repeat, lambda: make_features(examples, tokenizer, training=False, **LENGTHS))
    theirs, (raw, _) = best_time(repeat, lambda: raw_features(examples, tokenizer, training=False, **LENGTHS))
    same = not differing(features, expected_features(examples, tokenizer, training=False, **LENGTHS))
    report("features", ours, theirs, len(examples))

    generator = np.random.default_rng(0)
    start, end = (generator.normal(size=features.input_ids.shape).astype(np.float32) for _ in range(2))
    ours, (predictions, nbest) = best_time(
        repeat, lambda: best_answers(examples, features, start, end, vocabulary(), **LIMITS)
    )
    theirs, (expected, file) = best_time(repeat, lambda: answers_from(examples, raw, tokenizer, (start, end), **LIMITS))
    same &= predictions == expected and json.dumps(nbest, indent=4) + "\n" == file
    report("answers", ours, theirs, len(examples))

    wrapped = [SimpleNamespace(qas_id=e.qas_id, answers=[{"text": a} for a in e.answers]) for e in examples]
    ours, metric = best_time(repeat, lambda: squad_metric(examples, predictions))
    theirs, reference = best_time(repeat, lambda: squad_evaluate(wrapped, predictions))
    same &= metric == dict(reference)
    report("metric", ours, theirs, len(examples))
    print("results equal" if same else "RESULTS DIFFER")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
