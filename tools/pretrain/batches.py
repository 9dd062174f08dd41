"""Pretraining data: tokenised passages and batches of masked passages. No framework.

Each random choice has a stream named by its purpose (seed, stage, step), so that a run can resume at any step.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers

from repro.data.corpus.names import Split
from repro.data.corpus.relations import relations
from repro.numerics.arrays import Arrays
from tools.pretrain.passages import pretraining_passage, template_words
from tools.pretrain.recipe import Recipe
from tools.pretrain.spans import QUESTION, Cluster, MaskedPassage, MaskingLimits, mask_spans, recurring_spans, words_of
from tools.pretrain.vocabulary import SPECIAL_IDS, train_vocabulary

PAD, CLS, SEP = SPECIAL_IDS["[PAD]"], SPECIAL_IDS["[CLS]"], SPECIAL_IDS["[SEP]"]
IGNORED = -1


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
    rng, settings = Random(f"{recipe.seed}/vocabulary"), recipe.vocabulary
    texts = [pretraining_passage(rng, hard=True) for _ in range(settings.passages)]
    for relation in relations():
        for question in relation.questions + relation.held_out:
            texts += [question.replace("{s}", "")] * settings.question_repeats
    return train_vocabulary(texts, size=settings.size)


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


def masked_batch(chosen: Sequence[Passage], pieces: Pieces, rng: Random, limits: MaskingLimits) -> Arrays:
    """Mask passages and put them into arrays; leave out a passage where no cluster could be chosen.

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
