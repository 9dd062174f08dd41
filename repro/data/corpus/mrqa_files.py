"""Question-answering files in the MRQA few-shot format, written from one seed.

A file holds a header line, then one JSON document a line: ``id``, ``context``, ``context_tokens`` ([token, character
offset] pairs) and ``qas``; spans have inclusive ends, as in the MRQA shared task.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from repro.config.paths import atomic_bytes
from repro.data.corpus.names import Split
from repro.data.corpus.passages import Fact, question_passage

SIZES = (16, 128, 1024)
SEEDS = (42, 43, 44, 45, 46)
DEV_FILE = "mini-dev.jsonl"
TRAIN_FILE = "mini-train-seed-{seed}-num-examples-{size}.jsonl"
DEV_QUESTIONS = 300
HELD_OUT_SHARE = 0.3
CLOSED_SHARE = 0.5
_TOKEN = re.compile(r"\w+|[^\w\s]")


def tokens(text: str) -> list[list[Any]]:
    """Words and punctuation marks with their character offsets."""
    return [[match.group(), match.start()] for match in _TOKEN.finditer(text)]


def detected_answer(context: str, context_tokens: list[list[Any]], answer: str) -> dict[str, Any]:
    """Every place of ``answer`` in ``context`` as whole words, in characters and in tokens, ends inclusive."""
    starts = {offset: index for index, (_, offset) in enumerate(context_tokens)}
    ends = {offset + len(token) - 1: index for index, (token, offset) in enumerate(context_tokens)}
    places = [match.start() for match in re.finditer(rf"\b{re.escape(answer)}\b", context)]
    char_spans = [[place, place + len(answer) - 1] for place in places]
    return {
        "text": answer,
        "char_spans": char_spans,
        "token_spans": [[starts[first], ends[last]] for first, last in char_spans],
    }


def _question(fact: Fact, rng: Random, *, dev: bool) -> str:
    templates = fact.relation.questions
    if dev and rng.random() < HELD_OUT_SHARE:
        templates = fact.relation.held_out
    return rng.choice(templates).replace("{s}", fact.subject)


def _document(context: str, asked: list[Fact], rng: Random, *, dev: bool) -> dict[str, Any]:
    context_tokens = tokens(context)
    qas = []
    for fact in asked:
        question = _question(fact, rng, dev=dev)
        identifier = hashlib.sha256(f"{context}\n{question}".encode()).hexdigest()[:32]
        qas.append(
            {
                "answers": [fact.object],
                "question": question,
                "id": identifier[:24],
                "qid": identifier,
                "question_tokens": tokens(question),
                "detected_answers": [detected_answer(context, context_tokens, fact.object)],
            }
        )
    return {"id": "", "context": context, "qas": qas, "context_tokens": context_tokens}


def documents(split: Split, questions: int, rng: Random) -> list[dict[str, Any]]:
    """Documents with ``questions`` questions in all: one a passage for training, up to two for evaluation."""
    dev = split == "dev"
    result, left = [], questions
    while left:
        context, facts = question_passage(rng, split)
        askable = [fact for fact in facts if not fact.relation.closed or rng.random() < CLOSED_SHARE]
        asked = rng.sample(askable, min(len(askable), left, 2 if dev else 1))
        if asked:
            result.append(_document(context, asked, rng, dev=dev))
            left -= len(asked)
    return result


def _bytes(split: Split, questions: int, rng: Random) -> bytes:
    header = {"header": {"dataset": "mini", "split": "dev" if split == "dev" else "train"}}
    lines = [header, *documents(split, questions, rng)]
    return "".join(json.dumps(line, ensure_ascii=True) + "\n" for line in lines).encode()


def write_corpus(
    directory: Path,
    *,
    seed: int,
    sizes: Sequence[int] = SIZES,
    seeds: Sequence[int] = SEEDS,
    dev_questions: int = DEV_QUESTIONS,
) -> dict[str, str]:
    """Write the dev file and the training files of every size and seed.

    Args:
        directory: created if missing; files of the same names are replaced.
        seed: seed of the whole corpus; each file has its separate stream, so their order does not matter.
        sizes, seeds: of the training files.

    Returns:
        File name -> sha256 (hex).
    """
    plan: list[tuple[str, Split, int]] = [(DEV_FILE, "dev", dev_questions)]
    plan += [(TRAIN_FILE.format(seed=s, size=size), "training", size) for size in sizes for s in seeds]
    digests = {}
    for name, split, questions in plan:
        content = _bytes(split, questions, Random(f"{seed}/{name}"))
        atomic_bytes(directory / name, content)
        digests[name] = hashlib.sha256(content).hexdigest()
    return digests
