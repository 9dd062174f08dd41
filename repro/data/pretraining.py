"""Pretraining data: the recipe, tokenised passages and batches of masked passages. No framework.

Every random choice has a stream named by what it is for (seed, stage, step), so that a run can go on at any step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tokenizers import Tokenizer, models, pre_tokenizers

from repro.data.corpus.names import Split
from repro.data.corpus.passages import pretraining_passage
from repro.data.corpus.relations import relations, template_words
from repro.data.corpus.vocabulary import SPECIAL_IDS, train_vocabulary
from repro.data.spans import QUESTION, Cluster, MaskedPassage, MaskingLimits, mask_spans, recurring_spans, words_of
from repro.errors import InputError

PAD, CLS, SEP = SPECIAL_IDS["[PAD]"], SPECIAL_IDS["[CLS]"], SPECIAL_IDS["[SEP]"]
IGNORED = -1


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VocabularyRecipe(_Section):
    """How the vocabulary is trained: hard passages, and every question form repeated."""

    passages: int = Field(ge=1)
    question_repeats: int = Field(ge=1)
    size: int = Field(ge=100, description="pieces that the trainer may make, before rare ones are dropped")


class Stage(_Section):
    """Training steps over one kind of passage; linear decay over the last half of the steps."""

    hard: bool
    passages: int = Field(ge=1)
    steps: int = Field(ge=0)
    learning_rate: float = Field(gt=0)
    warmup_steps: int = Field(ge=0)


class Start(_Section):
    """What is changed on the seeded start weights, so that copying is found soon and whatever the seed.

    Factors of W_q = W_k (how far attention looks at first), of positions and of segments.
    """

    query_factor: float = Field(1.0, gt=0)
    position_factor: float = Field(1.0, gt=0)
    segment_factor: float = Field(1.0, gt=0)

    def applied(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Copy of the weights (hub names) with the changes, float32."""
        changed = {name: array.copy() for name, array in arrays.items()}
        for name, array in changed.items():
            if name.endswith(("attention.self.query.weight", "attention.self.key.weight")):
                array *= np.float32(self.query_factor)
            elif name.endswith("position_embeddings.weight"):
                array *= np.float32(self.position_factor)
            elif name.endswith("token_type_embeddings.weight"):
                array *= np.float32(self.segment_factor)
        return changed


class Recipe(_Section):
    """Everything that decides the weights, up to the machine's arithmetic."""

    seed: int
    geometry: dict[str, Any]
    features: dict[str, int] = Field(description="lengths that fine-tuning should use; written into config.json")
    start: Start = Start()
    vocabulary: VocabularyRecipe
    clusters: int = Field(6, ge=1)
    questions: int = Field(8, ge=1)
    frequent_share: float = Field(0.15, ge=0, le=1)
    batch_size: int = Field(ge=1)
    betas: tuple[float, float]
    weight_decay: float = Field(ge=0)
    max_grad_norm: float = Field(gt=0)
    stages: tuple[Stage, ...]

    @property
    def limits(self) -> MaskingLimits:
        """How much of a passage is masked."""
        return MaskingLimits(self.clusters, self.questions, self.frequent_share)

    @property
    def length(self) -> int:
        """Longest passage in tokens, special ones included."""
        return int(self.geometry["max_position_embeddings"])


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        InputError: no such file, not YAML, or a field is missing, unknown or out of range.
    """
    try:
        return Recipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"cannot read the recipe: {error}", where=path) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "recipe"
        raise InputError(f"{place}: {first['msg']}", where=path) from error


@dataclass(frozen=True)
class Passage:
    """Words of a passage that fits the length, and its clusters."""

    words: list[str]
    clusters: list[Cluster]


class Pieces:
    """WordPiece ids of single words, remembered."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        ids = {token: number for number, token in enumerate(vocabulary)}
        self._tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
        self._tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        self._known = {QUESTION: [SPECIAL_IDS[QUESTION]]}

    def __call__(self, word: str) -> list[int]:
        if word not in self._known:
            self._known[word] = self._tokenizer.encode(word, add_special_tokens=False).ids
        return self._known[word]


def vocabulary_of(recipe: Recipe) -> list[str]:
    """Train the vocabulary on passages and question forms."""
    rng, wanted = Random(f"{recipe.seed}/vocabulary"), recipe.vocabulary
    texts = [pretraining_passage(rng, hard=True) for _ in range(wanted.passages)]
    for relation in relations():
        for question in relation.questions + relation.held_out:
            texts += [question.replace("{s}", "")] * wanted.question_repeats
    return train_vocabulary(texts, size=wanted.size)


def whole_sentences(words: list[str], pieces: Pieces, length: int) -> list[str]:
    """The leading sentences that fit into ``length`` tokens with ``[CLS]`` and ``[SEP]``."""
    used, fitting = 2, 0
    for number, word in enumerate(words, 1):
        used += len(pieces(word))
        if used > length:
            break
        if word == ".":
            fitting = number
    return words[:fitting]


def passages(
    recipe: Recipe, pieces: Pieces, *, hard: bool, count: int, split: Split = "pretraining"
) -> Iterator[Passage]:
    """``count`` passages with at least one cluster each."""
    rng, stop_words = Random(f"{recipe.seed}/{split}/{hard}"), template_words()
    while count:
        words = whole_sentences(words_of(pretraining_passage(rng, hard=hard, split=split)), pieces, recipe.length)
        clusters = recurring_spans(words, stop_words)
        if clusters:
            yield Passage(words, clusters)
            count -= 1


@lru_cache(maxsize=2)
def _order(seed: str, count: int, epoch: int) -> tuple[int, ...]:
    order = list(range(count))
    Random(f"{seed}/epoch {epoch}").shuffle(order)
    return tuple(order)


def batch_numbers(seed: str, count: int, size: int, step: int) -> tuple[int, ...]:
    """Passages of one step: a new order every epoch, incomplete batches left out."""
    epoch, place = divmod(step, count // size)
    return _order(seed, count, epoch)[place * size : (place + 1) * size]


def _row(masked: MaskedPassage, pieces: Pieces) -> tuple[list[int], list[int], list[int], list[int]]:
    """Token ids, question positions, first and last answer positions of one passage."""
    ids, first, last = [CLS], [], []
    for word in masked.words:
        first.append(len(ids))
        ids += pieces(word)
        last.append(len(ids) - 1)
    ids.append(SEP)
    return (
        ids,
        [first[number] for number in masked.questions],
        [first[start] for start, _ in masked.answers],
        [last[end] for _, end in masked.answers],
    )


def _padded(rows: Sequence[Sequence[int]], value: int) -> np.ndarray:
    width = max(len(row) for row in rows)
    return np.array([[*row, *[value] * (width - len(row))] for row in rows], dtype=np.int64)


def masked_batch(
    chosen: Sequence[Passage], pieces: Pieces, rng: Random, limits: MaskingLimits
) -> dict[str, np.ndarray]:
    """Mask passages and put them into arrays; a passage without a choice is left out.

    Returns:
        int64 arrays ``input_ids``, ``attention_mask`` (B, T; 0 at padding and ``[SEP]``), ``questions``, ``starts``,
        ``ends`` (B, Q; the latter two -1 where a passage has fewer questions).
    """
    masked = (mask_spans(passage.words, passage.clusters, rng, limits) for passage in chosen)
    ids, questions, starts, ends = zip(*[_row(one, pieces) for one in masked if one is not None], strict=True)
    input_ids = _padded(ids, PAD)
    return {
        "input_ids": input_ids,
        "attention_mask": ((input_ids != PAD) & (input_ids != SEP)).astype(np.int64),
        "questions": _padded(questions, 0),
        "starts": _padded(starts, IGNORED),
        "ends": _padded(ends, IGNORED),
    }
