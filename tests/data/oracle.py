"""``transformers``' own feature and answer code, called the way the original calls it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from transformers import BertTokenizer
from transformers.data.metrics.squad_metrics import compute_predictions_logits
from transformers.data.processors import squad

from repro.data.features import Features
from repro.data.mrqa import Example


def load_tokenizer(vocab: Path) -> BertTokenizer:
    return BertTokenizer(str(vocab), do_lower_case=False)


def _theirs(example: Example) -> SimpleNamespace:
    return SimpleNamespace(
        qas_id=example.qas_id,
        question_text=example.question_text,
        doc_tokens=list(example.doc_tokens),
        answer_text=example.answer_text,
        start_position=example.start_position,
        end_position=example.end_position,
        is_impossible=False,
        answers=[{"text": text} for text in example.answers],
    )


def raw_features(
    examples: Sequence[Example], tokenizer: Any, *, training: bool, **lengths: int
) -> tuple[list[Any], list[int]]:
    """Feature objects, numbered; and the examples that have none."""
    squad.squad_convert_example_to_features_init(tokenizer)
    result, skipped = [], []
    for index, example in enumerate(examples):
        made = squad.squad_convert_example_to_features(
            _theirs(example), padding_strategy="max_length", is_training=training, **lengths
        )
        for feature in made:
            feature.example_index, feature.unique_id = index, len(result)
            result.append(feature)
        if not made:
            skipped.append(index)
    return result, skipped


def expected_features(examples: Sequence[Example], tokenizer: Any, *, training: bool, **lengths: int) -> Features:
    raw, skipped = raw_features(examples, tokenizer, training=training, **lengths)
    width = lengths["max_seq_length"]

    def stack(values: list[Any], *shape: int) -> np.ndarray:
        return np.array(values, dtype=np.int64).reshape(len(raw), *shape)

    words = [[feature.token_to_orig_map.get(i, -1) for i in range(width)] for feature in raw]
    best = [[feature.token_is_max_context.get(i, False) for i in range(width)] for feature in raw]
    return Features(
        input_ids=stack([feature.input_ids for feature in raw], width),
        attention_mask=stack([feature.attention_mask for feature in raw], width),
        token_type_ids=stack([feature.token_type_ids for feature in raw], width),
        start_positions=stack([feature.start_position for feature in raw]),
        end_positions=stack([feature.end_position for feature in raw]),
        example_index=stack([feature.example_index for feature in raw]),
        token_to_word=stack(words, width).astype(np.int32),
        max_context=stack(best, width).astype(bool),
        token_counts=stack([len(feature.tokens) for feature in raw]),
        skipped=np.array(skipped, dtype=np.int64),
    )


def expected_answers(
    examples: Sequence[Example],
    tokenizer: Any,
    logits: tuple[np.ndarray, np.ndarray],
    *,
    n_best: int,
    max_answer_length: int,
    **lengths: int,
) -> tuple[dict[str, str], str]:
    """Predictions, and the text of the file of n-best candidates."""
    raw, _ = raw_features(examples, tokenizer, training=False, **lengths)
    return answers_from(examples, raw, tokenizer, logits, n_best=n_best, max_answer_length=max_answer_length)


def answers_from(
    examples: Sequence[Example],
    raw: list[Any],
    tokenizer: Any,
    logits: tuple[np.ndarray, np.ndarray],
    *,
    n_best: int,
    max_answer_length: int,
) -> tuple[dict[str, str], str]:
    """The same from feature objects made before."""
    results = [
        squad.SquadResult(feature.unique_id, start.tolist(), end.tolist())
        for feature, start, end in zip(raw, *logits, strict=True)
    ]
    with tempfile.TemporaryDirectory() as directory:
        nbest = Path(directory, "nbest.json")
        predictions = compute_predictions_logits(
            [_theirs(example) for example in examples],
            raw,
            results,
            n_best,
            max_answer_length,
            False,
            None,
            str(nbest),
            None,
            False,
            False,
            0.0,
            tokenizer,
        )
        return dict(predictions), nbest.read_text()


def differing(left: Features, right: Features) -> list[str]:
    """Names of the arrays that differ in shape, dtype or any element."""
    names = []
    for field in fields(Features):
        one, other = getattr(left, field.name), getattr(right, field.name)
        if one.dtype != other.dtype or not np.array_equal(one, other):
            names.append(field.name)
    return names
