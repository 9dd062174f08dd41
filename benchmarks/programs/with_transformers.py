"""Splinter as a user of ``transformers`` would fine-tune it: its model, its SQuAD functions and a plain PyTorch loop.

Its ``Trainer`` needs ``accelerate``, which is no part of this environment.
"""

import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset
from transformers import BertTokenizer, SplinterForQuestionAnswering, get_linear_schedule_with_warmup
from transformers.data.metrics.squad_metrics import compute_predictions_logits, squad_evaluate
from transformers.data.processors.squad import SquadExample, SquadResult, squad_convert_examples_to_features

from benchmarks.programs.material import Material
from benchmarks.programs.protocol import LENGTHS, LIMITS, SETTINGS, Answers, Step
from repro.data.mrqa import Example

Batch = dict[str, torch.Tensor]
Converted = tuple[list[Any], TensorDataset]  # feature objects and the same as tensors


def as_squad(example: Example) -> SquadExample:
    """The library's example: a text that it splits into words at blanks, and the answer's first character."""
    words = example.doc_tokens
    first = len(" ".join([*words[: example.start_position], ""])) if example.answer_text is not None else None
    answers = [{"text": text} for text in example.answers]
    return SquadExample(
        example.qas_id, example.question_text, " ".join(words), example.answer_text, first, "", answers=answers
    )


class WithTransformers:
    """See ``Program``."""

    def __init__(self, material: Material, framework: str) -> None:
        self.material, self.name = material, framework
        torch.set_num_threads(1)
        torch.manual_seed(SETTINGS.seeds[0])

    def tokenizer(self) -> BertTokenizer:
        return BertTokenizer(self.material.vocab, do_lower_case=False)

    def features(self, examples: list[Example], *, training: bool) -> Converted:
        return squad_convert_examples_to_features(
            [as_squad(example) for example in examples],
            self.tokenizer(),
            is_training=training,
            return_dataset="pt",
            threads=1,
            tqdm_enabled=False,
            **LENGTHS,
        )

    def windows(self, features: Converted) -> tuple[np.ndarray, np.ndarray]:
        objects, (ids, *_) = features[0], features[1].tensors
        return ids.numpy(), np.array([(feature.start_position, feature.end_position) for feature in objects])

    def model(self, geometry: str) -> SplinterForQuestionAnswering:
        return SplinterForQuestionAnswering.from_pretrained(self.material.checkpoint(geometry, self.name))

    def inputs(self, ids: torch.Tensor, mask: torch.Tensor) -> Batch:
        """As the original feeds its model: the question ends in the question token, nothing attends to ``[SEP]``."""
        return {"input_ids": ids.masked_fill(ids == 103, 104), "attention_mask": mask.masked_fill(ids == 102, 0)}

    def batches(self, features: Converted, order: list[list[int]]) -> Iterator[Batch]:
        for ids, mask, _, starts, ends, *_ in DataLoader(features[1], batch_sampler=order):
            yield {**self.inputs(ids, mask), "start_positions": starts, "end_positions": ends}

    def loss(self, model: Any, batch: Batch) -> float:
        model.eval()
        with torch.no_grad():
            return model(**batch).loss.item()

    def trainer(self, model: Any, steps: int) -> Step:
        optimizer = torch.optim.AdamW(model.parameters(), SETTINGS.learning_rate, eps=SETTINGS.adam_epsilon)
        schedule = get_linear_schedule_with_warmup(optimizer, int(SETTINGS.warmup_ratio * steps), steps)

        def step(batch: Batch) -> float:
            model.train()
            loss = model(**batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), SETTINGS.max_grad_norm)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            return loss.item()

        return step

    def predict(self, model: Any, features: Converted) -> tuple[np.ndarray, np.ndarray]:
        model.eval()
        starts, ends = [], []
        for ids, mask, *_ in DataLoader(features[1], batch_size=SETTINGS.eval_batch_size):
            with torch.no_grad():
                output = model(**self.inputs(ids, mask))
            starts.append(output.start_logits.numpy())
            ends.append(output.end_logits.numpy())
        return np.concatenate(starts), np.concatenate(ends)

    def answers(self, examples: list[Example], features: Converted, start: np.ndarray, end: np.ndarray) -> Answers:
        results = [
            SquadResult(feature.unique_id, first.tolist(), last.tolist())
            for feature, first, last in zip(features[0], start, end, strict=True)
        ]
        with tempfile.TemporaryDirectory() as folder:
            predictions = compute_predictions_logits(
                all_examples=[as_squad(example) for example in examples],
                all_features=features[0],
                all_results=results,
                n_best_size=LIMITS["n_best"],
                max_answer_length=LIMITS["max_answer_length"],
                do_lower_case=False,
                output_prediction_file=f"{folder}/predictions.json",
                output_nbest_file=f"{folder}/nbest.json",
                output_null_log_odds_file=None,
                verbose_logging=False,
                version_2_with_negative=False,
                null_score_diff_threshold=0.0,
                tokenizer=self.tokenizer(),
            )
        return dict(predictions)

    def score(self, examples: list[Example], answers: Answers) -> dict[str, float]:
        return dict(squad_evaluate([as_squad(example) for example in examples], answers))
