"""What a few-shot file comes to, before any framework is loaded: questions, windows, unknown word pieces.

The frameworks' tokenisers cut the words; the counts here are those that they will give (``tests/data/test_counts.py``).
"""

import re
from collections.abc import Container, Sequence
from functools import lru_cache

from repro.data.basic_tokenizer import split_word
from repro.data.features import SPECIAL_TOKENS, answer_is_there, window_spans
from repro.data.mrqa import Example
from repro.data.vocabulary import SPECIAL, Vocabulary
from repro.results.inputs import SplitCounts

_LONGEST_WORD = 100  # characters; WordPiece takes a longer one for unknown
_SPECIAL = re.compile("(" + "|".join(map(re.escape, SPECIAL.values())) + ")")


class PieceCounter:
    """Counts word pieces of texts, and how many of them are ``[UNK]``."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._known, self._lower_case = vocabulary.ids, vocabulary.lower_case
        self.of_word = lru_cache(maxsize=1 << 17)(self._of_word)

    def _of_word(self, word: str) -> tuple[int, int]:
        """(word pieces, unknown ones) of a word or any other text."""
        pieces = unknown = 0
        for number, part in enumerate(_SPECIAL.split(word)):
            if number % 2:
                pieces, unknown = pieces + 1, unknown + (part == SPECIAL["unk"])
                continue
            for token in split_word(part, self._lower_case):
                count = pieces_of(token, self._known)
                pieces, unknown = pieces + max(count, 1), unknown + (count == 0)
        return pieces, unknown

    def of_words(self, words: Sequence[str]) -> tuple[int, int]:
        """The same of several words together."""
        counts = [self.of_word(word) for word in words]
        return sum(pieces for pieces, _ in counts), sum(unknown for _, unknown in counts)


def pieces_of(token: str, known: Container[str]) -> int:
    """How many word pieces spell a token, the longest taken first; 0 if none do."""
    if len(token) > _LONGEST_WORD:
        return 0
    count = start = 0
    while start < len(token):
        prefix = "##" if start else ""
        for end in range(len(token), start, -1):
            if prefix + token[start:end] in known:
                break
        else:
            return 0
        start, count = end, count + 1
    return count


def count_split(
    examples: Sequence[Example],
    vocabulary: Vocabulary,
    *,
    max_seq_length: int,
    doc_stride: int,
    max_query_length: int,
    training: bool,
) -> SplitCounts:
    """Counts of a file's examples, for windows of these lengths (``make_features``)."""
    counter = PieceCounter(vocabulary)
    skipped = windows = tokens = unknown = 0
    last: tuple[str, ...] | None = None
    context = (0, 0)
    for example in examples:
        question = counter.of_word(example.question_text)
        tokens, unknown = tokens + question[0], unknown + question[1]
        if example.doc_tokens is not last:
            last, context = example.doc_tokens, counter.of_words(example.doc_tokens)
            tokens, unknown = tokens + context[0], unknown + context[1]
        kept = max_seq_length - min(question[0], max_query_length) - SPECIAL_TOKENS
        fits = not training or answer_is_there(example)
        spans = len(window_spans(context[0], kept, doc_stride)) if fits else 0
        windows, skipped = windows + spans, skipped + (spans == 0)
    return SplitCounts(examples=len(examples), skipped=skipped, windows=windows, tokens=tokens, unknown=unknown)
