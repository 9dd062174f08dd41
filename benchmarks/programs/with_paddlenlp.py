"""Splinter as a user of ``paddlenlp`` would fine-tune it: its BERT, tokeniser and metric, and a plain Paddle loop.

``paddlenlp`` has no Splinter, so the span selection head is written here, as the published reproduction had to do.
"""

import zlib  # noqa: F401  before paddle: libpaddle exports zlib symbols that break a later first use
from collections.abc import Iterator

import numpy as np
import paddle
from datasets import Dataset
from paddle import nn
from paddle.io import BatchSampler, DataLoader, TensorDataset
from paddle.nn import functional
from paddlenlp.metrics.squad import compute_prediction, squad_evaluate
from paddlenlp.transformers import BertConfig, BertModel, BertTokenizer, LinearDecayWithWarmup
from safetensors.numpy import load_file

from benchmarks.programs.material import Material
from benchmarks.programs.protocol import LENGTHS, LIMITS, SETTINGS, Answers, Step
from repro.checkpoint import read_config
from repro.data.mrqa import Example

COLUMNS = ("overflow_to_sample", "input_ids", "attention_mask", "token_type_ids", "offset_mapping")
Places = list[tuple[int, int] | None]  # characters of each token of the context
Batch = tuple[paddle.Tensor, ...]  # ids and mask (B, T), first and last answer token (B,)


class WholeMaskTokenizer(BertTokenizer):
    """``paddlenlp`` 2.8.1 splits ``[MASK]`` into word pieces; the question needs it whole."""

    def _tokenize(self, text: str) -> list[str]:
        before, mask, after = text.partition(self.mask_token)
        return [*super()._tokenize(before), mask, *super()._tokenize(after)] if mask else super()._tokenize(text)


class Window(dict):
    """One window of a question, with the keys that ``compute_prediction`` reads."""

    def __init__(self, name: str, ids: list[int], mask: list[int], places: Places, answer: tuple[int, int]) -> None:
        super().__init__(example_id=name, offset_mapping=places)
        self.ids, self.mask, self.answer = ids, mask, answer


def answer_tokens(example: Example, places: Places) -> tuple[int, int]:
    """First and last token of the answer, (0, 0) if the window does not hold all of it."""
    assert example.answer_text is not None
    begin = len(" ".join([*example.doc_tokens[: example.start_position], ""]))
    ends = (begin, begin + len(example.answer_text) - 1)
    holders = [[i for i, place in enumerate(places) if place and place[0] <= char < place[1]] for char in ends]
    return (holders[0][0], holders[1][0]) if all(holders) else (0, 0)


def as_squad(examples: list[Example]) -> Dataset:
    """The questions as ``datasets`` has SQuAD."""
    return Dataset.from_list(
        [
            {
                "id": example.qas_id,
                "context": " ".join(example.doc_tokens),
                "answers": {"text": list(example.answers), "answer_start": [0] * len(example.answers)},
            }
            for example in examples
        ]
    )


class Transform(nn.Layer):
    """Linear, gelu, LayerNorm."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.dense, self.LayerNorm = nn.Linear(size, size), nn.LayerNorm(size)

    def forward(self, states: paddle.Tensor) -> paddle.Tensor:
        return self.LayerNorm(functional.gelu(self.dense(states)))


class SpanSelection(nn.Layer):
    """Scores of every token as start and end of the answer that the question token asks for."""

    def __init__(self, size: int) -> None:
        super().__init__()
        for side in ("start", "end"):
            setattr(self, f"query_{side}_transform", Transform(size))
            setattr(self, f"{side}_transform", Transform(size))
            setattr(self, f"{side}_classifier", self.create_parameter([size, size]))

    def forward(self, states: paddle.Tensor, positions: paddle.Tensor) -> list[paddle.Tensor]:
        """Start and end logits (B, T) from states (B, T, D) and the question's position (B,)."""
        question = paddle.stack([row[place] for row, place in zip(states, positions, strict=True)])  # (B, D)
        logits = []
        for side in ("start", "end"):
            query = paddle.matmul(
                getattr(self, f"query_{side}_transform")(question), getattr(self, f"{side}_classifier")
            )
            keys = getattr(self, f"{side}_transform")(states)
            logits.append(paddle.matmul(keys, query.unsqueeze(-1)).squeeze(-1))
        return logits


class Splinter(nn.Layer):
    """Encoder and head under the names of the checkpoint."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.bert, self.cls = BertModel(config), nn.Layer()
        self.cls.span_predictions = SpanSelection(config.hidden_size)

    def forward(self, ids: paddle.Tensor, mask: paddle.Tensor) -> list[paddle.Tensor]:
        """Start and end logits (B, T); nothing attends to ``[SEP]``, and the question ends in the question token."""
        mask = mask * (ids != 102).astype("int64")
        ids = paddle.where(ids == 103, paddle.full_like(ids, 104), ids)
        positions = (ids == 104).astype("int64").argmax(-1)
        states, _ = self.bert(ids, attention_mask=mask)
        closed = (1 - mask).astype("float32") * -10000.0
        return [logits + closed for logits in self.cls.span_predictions(states, positions)]


class InOrder(BatchSampler):
    """Batches of these rows; Paddle's data loader takes no plain list."""

    def __init__(self, order: list[list[int]]) -> None:
        self.order = order

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.order)

    def __len__(self) -> int:
        return len(self.order)


class WithPaddlenlp:
    """See ``Program``."""

    def __init__(self, material: Material, framework: str) -> None:
        self.material, self.name = material, framework
        paddle.set_device("cpu")
        paddle.seed(SETTINGS.seeds[0])

    def features(self, examples: list[Example], *, training: bool) -> list[Window]:
        tokenizer = WholeMaskTokenizer(self.material.vocab, do_lower_case=False)
        encoded = tokenizer(
            [example.question_text for example in examples],
            [" ".join(example.doc_tokens) for example in examples],
            max_length=LENGTHS["max_seq_length"],
            stride=LENGTHS["doc_stride"],
            padding="max_length",
            truncation="only_second",
            return_attention_mask=True,
        )
        windows = []
        for owner, ids, mask, segments, spans in zip(*(encoded[name] for name in COLUMNS), strict=True):
            places = [span if segment and any(span) else None for segment, span in zip(segments, spans, strict=True)]
            example = examples[owner]
            answer = answer_tokens(example, places) if training else (0, 0)
            windows.append(Window(example.qas_id, ids, mask, places, answer))
        return windows

    def windows(self, features: list[Window]) -> tuple[np.ndarray, np.ndarray]:
        return np.array([f.ids for f in features]), np.array([f.answer for f in features])

    def model(self, geometry: str) -> Splinter:
        folder = self.material.checkpoint(geometry, self.name)
        model = Splinter(BertConfig(**read_config(folder)))
        model.set_state_dict(load_file(folder / "model.safetensors"))
        return model

    def dataset(self, features: list[Window]) -> TensorDataset:
        starts, ends = zip(*(f.answer for f in features), strict=True)
        columns = ([f.ids for f in features], [f.mask for f in features], starts, ends)
        return TensorDataset([paddle.to_tensor(column, dtype="int64") for column in columns])

    def batches(self, features: list[Window], order: list[list[int]]) -> Iterator[Batch]:
        yield from DataLoader(self.dataset(features), batch_sampler=InOrder(order))

    def batch_loss(self, model: Splinter, batch: Batch) -> paddle.Tensor:
        ids, mask, *places = batch
        losses = [functional.cross_entropy(*pair) for pair in zip(model(ids, mask), places, strict=True)]
        return (losses[0] + losses[1]) / 2

    def loss(self, model: Splinter, batch: Batch) -> float:
        model.eval()
        with paddle.no_grad():
            return self.batch_loss(model, batch).item()

    def trainer(self, model: Splinter, steps: int) -> Step:
        schedule = LinearDecayWithWarmup(SETTINGS.learning_rate, steps, SETTINGS.warmup_ratio)
        optimizer = paddle.optimizer.AdamW(
            schedule,
            epsilon=SETTINGS.adam_epsilon,
            parameters=model.parameters(),
            grad_clip=nn.ClipGradByGlobalNorm(SETTINGS.max_grad_norm),
        )

        def step(batch: Batch) -> float:
            model.train()
            loss = self.batch_loss(model, batch)
            loss.backward()
            optimizer.step()
            schedule.step()
            optimizer.clear_grad()
            return loss.item()

        return step

    def predict(self, model: Splinter, features: list[Window]) -> tuple[np.ndarray, np.ndarray]:
        model.eval()
        logits = []
        for ids, mask, *_ in DataLoader(self.dataset(features), batch_size=SETTINGS.eval_batch_size):
            with paddle.no_grad():
                logits.append([side.numpy() for side in model(ids, mask)])
        start, end = (np.concatenate(side) for side in zip(*logits, strict=True))
        return start, end

    def answers(self, examples: list[Example], features: list[Window], start: np.ndarray, end: np.ndarray) -> Answers:
        limits = {"n_best_size": LIMITS["n_best"], "max_answer_length": LIMITS["max_answer_length"]}
        return dict(compute_prediction(as_squad(examples), features, (start, end), **limits)[0])

    def score(self, examples: list[Example], answers: Answers) -> dict[str, float]:
        return dict(squad_evaluate(as_squad(examples), answers))
