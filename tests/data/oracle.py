"""The feature and answer code of ``transformers``, called the way the original calls it."""

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

Logits = tuple[np.ndarray, np.ndarray]  # start and end


def load_tokenizer(vocab: Path, lower_case: bool = False) -> BertTokenizer:
    return BertTokenizer(str(vocab), do_lower_case=lower_case)


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
    result: list[Any] = []
    skipped = []
    for index, example in enumerate(examples):
        converted = squad.squad_convert_example_to_features(
            _theirs(example), padding_strategy="max_length", is_training=training, **lengths
        )
        for feature in converted:
            feature.example_index, feature.unique_id = index, len(result)
            result.append(feature)
        if not converted:
            skipped.append(index)
    return result, skipped


def expected_features(examples: Sequence[Example], tokenizer: Any, *, training: bool, **lengths: int) -> Features:
    raw, skipped = raw_features(examples, tokenizer, training=training, **lengths)
    width = lengths["max_seq_length"]

    def stack(values: list[Any], *shape: int) -> np.ndarray:
        return np.array(values, dtype=np.int64).reshape(len(raw), *shape)

    words = [[feature.token_to_orig_map.get(i, -1) for i in range(width)] for feature in raw]
    best = [[feature.token_is_max_context.get(i, False) for i in range(width)] for feature in raw]
    model_arrays = ("input_ids", "attention_mask", "token_type_ids")
    return Features(
        **{name: stack([getattr(feature, name) for feature in raw], width) for name in model_arrays},
        start_positions=stack([feature.start_position for feature in raw]),
        end_positions=stack([feature.end_position for feature in raw]),
        example_index=stack([feature.example_index for feature in raw]),
        token_to_word=stack(words, width).astype(np.int32),
        max_context=stack(best, width).astype(bool),
        token_counts=stack([len(feature.tokens) for feature in raw]),
        skipped=np.array(skipped, dtype=np.int64),
    )


def expected_answers(
    examples: Sequence[Example], tokenizer: Any, logits: Logits, limits: dict[str, int], **lengths: int
) -> tuple[dict[str, str], str]:
    """Predictions, and the text of the file of n-best candidates."""
    raw, _ = raw_features(examples, tokenizer, training=False, **lengths)
    return answers_from(examples, raw, tokenizer, logits, **limits)


def answers_from(
    examples: Sequence[Example], raw: list[Any], tokenizer: Any, logits: Logits, *, n_best: int, max_answer_length: int
) -> tuple[dict[str, str], str]:
    """The same from existing feature objects."""
    questions = [_theirs(example) for example in examples]
    results = [
        squad.SquadResult(feature.unique_id, start.tolist(), end.tolist())
        for feature, start, end in zip(raw, *logits, strict=True)
    ]
    with tempfile.TemporaryDirectory() as directory:
        nbest = f"{directory}/nbest.json"
        predictions = compute_predictions_logits(
            questions,
            raw,
            results,
            n_best,
            max_answer_length,
            tokenizer.do_lower_case,
            None,
            str(nbest),
            None,
            False,
            False,
            0.0,
            tokenizer,
        )
        return dict(predictions), Path(nbest).read_text()


def differing(left: Features, right: Features) -> list[str]:
    """Names of the arrays that differ in shape, dtype or any element."""

    def equal(name: str) -> bool:
        one, other = getattr(left, name), getattr(right, name)
        return one.dtype == other.dtype and np.array_equal(one, other)

    return [field.name for field in fields(Features) if not equal(field.name)]
