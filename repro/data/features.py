"""Examples to model inputs: sliding windows over the context.

Equal to ``squad_convert_examples_to_features`` of ``transformers`` (``data/processors/squad.py``; the
original uses version 2.9) with a BERT tokeniser. Unlike there, an example without any window does not shift
the index of others.

One window is ``[CLS] question [SEP] part of the context [SEP]``, padded on the right.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from repro.config.paths import atomic_npz
from repro.data.mrqa import Example
from repro.errors import InputError
from repro.numerics.arrays import Arrays

SPECIAL_TOKENS = 3  # [CLS], and a [SEP] after each part
MODEL_ARRAYS = ("input_ids", "attention_mask", "token_type_ids", "start_positions", "end_positions")


class Tokenizer(Protocol):
    """WordPiece of one library. ``[MASK]`` in a text stays one token."""

    def tokenize(self, text: str) -> list[str]:
        """Word pieces of a text."""

    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]:
        """Ids of word pieces; unknown ones become ``[UNK]``."""


@dataclass(frozen=True, eq=False)
class Features:
    """Windows of examples, in the examples' order; N windows of T tokens.

    Attributes:
        input_ids: (N, T) int64.
        attention_mask: (N, T) int64, 0 at padding.
        token_type_ids: (N, T) int64, 1 from the first context token to the last ``[SEP]``.
        start_positions: (N,) int64, first answer token; 0 where the window lacks the answer, and in
            evaluation.
        end_positions: (N,) int64, last answer token (inclusive); 0 likewise.
        example_index: (N,) int64, row of the example in the list that was converted.
        token_to_word: (N, T) int32, word number of each context token, -1 elsewhere.
        max_context: (N, T) bool, whether no other window shows more context around this context token.
        token_counts: (N,) int64, tokens before the first ``[PAD]``.
        skipped: (K,) int64, examples without a window: the text lacks the answer, or there is nothing to tokenise.
    """

    input_ids: np.ndarray
    attention_mask: np.ndarray
    token_type_ids: np.ndarray
    start_positions: np.ndarray
    end_positions: np.ndarray
    example_index: np.ndarray
    token_to_word: np.ndarray
    max_context: np.ndarray
    token_counts: np.ndarray
    skipped: np.ndarray

    def __len__(self) -> int:
        return len(self.input_ids)

    def arrays(self) -> Arrays:
        """The five arrays that go into a model, by name."""
        return {name: getattr(self, name) for name in MODEL_ARRAYS}

    def take(self, rows: Sequence[int] | np.ndarray) -> Features:
        """These windows, in this order; ``example_index`` and ``skipped`` still count the same examples."""
        chosen = np.asarray(rows, dtype=np.int64)
        per_window = {f.name: getattr(self, f.name)[chosen] for f in fields(self) if f.name != "skipped"}
        return Features(**per_window, skipped=self.skipped)

    def save(self, path: Path) -> None:
        """Write all arrays to an ``.npz``, atomically and without pickles."""
        atomic_npz(path, {field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Features:
        """Read what ``save`` wrote.

        Raises:
            InputError: the file is missing, damaged, or does not hold exactly these arrays.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(
                f"cannot read features: {error}", where=path, next_step="delete the file and run the same command again"
            ) from error
        expected = [field.name for field in fields(cls)]
        if sorted(arrays) != sorted(expected):
            raise InputError(f"features file holds {sorted(arrays)}, not {sorted(expected)}", where=path)
        return cls(**arrays)


class _Document(NamedTuple):
    """A tokenised context: tokens, their ids, the word of each token, the first token of each word."""

    tokens: list[str]
    ids: np.ndarray
    word_of_token: np.ndarray
    token_of_word: list[int]


class _Windows(NamedTuple):
    """Windows of one example: question ids, context, (first token, length) of each, answer tokens."""

    example: int
    question: list[int]
    document: _Document
    spans: list[tuple[int, int]]
    answer: tuple[int, int] | None


class _CachedTokenizer:
    """Tokenises each distinct word once, and each context once for all its questions."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokens, self.ids = tokenizer.tokenize, tokenizer.convert_tokens_to_ids
        self._words: dict[str, tuple[list[str], list[int]]] = {}
        self._last: tuple[tuple[str, ...], _Document] | None = None

    def document(self, words: tuple[str, ...]) -> _Document:
        if self._last is None or self._last[0] is not words:
            self._last = (words, self._document(words))
        return self._last[1]

    def _document(self, words: tuple[str, ...]) -> _Document:
        tokens: list[str] = []
        ids: list[int] = []
        counts, token_of_word = [], []
        for word in words:
            known = self._words.get(word)
            if known is None:
                pieces = self.tokens(word)
                known = self._words[word] = (pieces, self.ids(pieces))
            token_of_word.append(len(tokens))
            counts.append(len(known[0]))
            tokens += known[0]
            ids += known[1]
        word_of_token = np.repeat(np.arange(len(words), dtype=np.int32), counts)
        return _Document(tokens, np.array(ids, dtype=np.int64), word_of_token, token_of_word)


def make_features(
    examples: Sequence[Example],
    tokenizer: Tokenizer,
    *,
    max_seq_length: int,
    doc_stride: int,
    max_query_length: int,
    training: bool,
) -> Features:
    """Windows of all examples.

    Args:
        examples: for training, each with the place of its answer.
        tokenizer: WordPiece; ``[MASK]`` in a question must stay one token.
        max_seq_length: T, tokens in a window, special tokens and padding included.
        doc_stride: tokens between the starts of two windows of one context.
        max_query_length: question tokens kept, counted from the left.
        training: fill in answer positions; skip examples whose answer is not in the text at its place.

    Raises:
        InputError: lengths that leave no room for the context, or would skip tokens between two windows.
        ValueError: training features of an example without the place of its answer.
    """
    room = max_seq_length - max_query_length - SPECIAL_TOKENS
    if max_query_length < 1 or not 1 <= doc_stride <= room:
        raise InputError(
            f"window of {max_seq_length} tokens with questions of up to {max_query_length} leaves {room} for "
            f"the context; stride {doc_stride} does not fit",
            next_step=f"choose a document stride from 1 to {room}" if room > 0 else "choose a longer window",
        )
    cached = _CachedTokenizer(tokenizer)
    plans: list[_Windows] = []
    skipped = []
    for index, example in enumerate(examples):
        if training and not answer_is_there(example):
            skipped.append(index)
            continue
        document = cached.document(example.doc_tokens)
        question = cached.ids(cached.tokens(example.question_text)[:max_query_length])
        kept = max_seq_length - len(question) - SPECIAL_TOKENS
        spans = window_spans(len(document.tokens), kept, doc_stride)
        answer = _answer_tokens(example, document, cached) if training and spans else None
        if spans:
            plans.append(_Windows(index, question, document, spans, answer))
        else:
            skipped.append(index)
    special = cached.ids(["[CLS]", "[SEP]", "[PAD]"])
    return _assemble(plans, max_seq_length, special, np.array(skipped, dtype=np.int64))


def answer_is_there(example: Example) -> bool:
    """Whether the words at the answer's place contain its text, runs of spaces counted as one."""
    if example.answer_text is None:
        raise ValueError(f"{example.qas_id}: holds no answer position to train on")
    text = " ".join(example.doc_tokens[example.start_position : example.end_position + 1])
    return " ".join(example.answer_text.split()) in text


def window_spans(count: int, kept: int, stride: int) -> list[tuple[int, int]]:
    """(first token, length) of each window over ``count`` context tokens; the last one reaches the end."""
    spans = []
    for start in range(0, count, stride):
        spans.append((start, min(count - start, kept)))
        if start + kept >= count:
            break
    return spans


def _answer_tokens(example: Example, document: _Document, cached: _CachedTokenizer) -> tuple[int, int]:
    """First and last answer token: only those that spell the answer, where its words hold more."""
    first = document.token_of_word[example.start_position]
    if example.end_position < len(document.token_of_word) - 1:
        last = document.token_of_word[example.end_position + 1] - 1
    else:
        last = len(document.tokens) - 1
    assert example.answer_text is not None
    answer = " ".join(cached.tokens(example.answer_text))
    for start in range(first, last + 1):
        for end in range(last, start - 1, -1):
            if " ".join(document.tokens[start : end + 1]) == answer:
                return start, end
    return first, last


def _max_context(spans: list[tuple[int, int]], count: int) -> np.ndarray:
    """(windows, tokens) bool: the window in which a token's smaller side is largest, the first of equals.

    The score includes 0.01 of the window's length, in the original's order of operations, so that ties agree.
    """
    if len(spans) == 1:
        return np.ones((1, count), dtype=bool)
    start = np.array([first for first, _ in spans])[:, None]
    length = np.array([size for _, size in spans])[:, None]
    position = np.arange(count)[None, :]
    left, right = position - start, start + length - 1 - position
    score = np.minimum(left, right) + 0.01 * length
    score[(left < 0) | (right < 0)] = -np.inf
    best: np.ndarray = np.arange(len(spans))[:, None] == score.argmax(axis=0)
    return best


def _assemble(plans: list[_Windows], width: int, special: list[int], skipped: np.ndarray) -> Features:
    """Allocate the arrays once, then fill in window after window."""
    cls_id, sep_id, pad_id = special
    rows = sum(len(plan.spans) for plan in plans)
    ids = np.full((rows, width), pad_id, dtype=np.int64)
    mask, segments = np.zeros_like(ids), np.zeros_like(ids)
    words = np.full((rows, width), -1, dtype=np.int32)
    best = np.zeros((rows, width), dtype=bool)
    starts, ends, owners = (np.zeros(rows, dtype=np.int64) for _ in range(3))
    row = 0
    for plan in plans:
        context = len(plan.question) + 2  # column of the first context token
        max_context = _max_context(plan.spans, len(plan.document.tokens))
        for number, (first, length) in enumerate(plan.spans):
            end = context + length
            ids[row, 0] = cls_id
            ids[row, 1 : context - 1] = plan.question
            ids[row, context - 1] = ids[row, end] = sep_id
            ids[row, context:end] = plan.document.ids[first : first + length]
            mask[row, : end + 1] = 1
            segments[row, context : end + 1] = 1
            words[row, context:end] = plan.document.word_of_token[first : first + length]
            best[row, context:end] = max_context[number, first : first + length]
            owners[row] = plan.example
            if plan.answer and first <= plan.answer[0] and plan.answer[1] < first + length:
                starts[row], ends[row] = (token - first + context for token in plan.answer)
            row += 1
    padded = ids == pad_id
    counts = np.where(padded.any(axis=1), padded.argmax(axis=1), width).astype(np.int64)
    return Features(ids, mask, segments, starts, ends, owners, words, best, counts, skipped)
