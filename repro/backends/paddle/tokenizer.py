"""WordPiece by ``paddlenlp``."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from paddlenlp.transformers import BasicTokenizer, BertTokenizer
from paddlenlp.transformers.tokenizer_utils import _is_punctuation

from repro.errors import InputError


class PunctuationTokenizer(BasicTokenizer):
    """Splits words at punctuation alone, as BERT and the PaddleNLP of the published program do.

    ``paddlenlp`` 2.8.1 also splits at symbols outside ASCII, so that 0° or £10 get other word pieces.
    """

    def _run_split_on_punc(self, text: str, never_split: set[str] | None = None) -> list[str]:
        if never_split is not None and text in never_split:
            return [text]
        return "".join(f" {char} " if _is_punctuation(char) else char for char in text).split(" ")


class WordPiece:
    """``paddlenlp``'s ``BertTokenizer``, cased, with its answers remembered (texts are tokenised word by word)."""

    def __init__(self, vocab: Path) -> None:
        self._tokenizer = BertTokenizer(str(vocab), do_lower_case=False)
        self._tokenizer.basic_tokenizer = PunctuationTokenizer(do_lower_case=False)
        special = "|".join(re.escape(token) for token in self._tokenizer.all_special_tokens)
        self._special = re.compile(f"({special})")
        self._remember = lru_cache(maxsize=1 << 17)(self._split)

    def _split(self, text: str) -> tuple[str, ...]:
        # paddlenlp 2.8.1 takes special tokens apart ([MASK] -> [, MA, ##S, ##K, ]): cut them out first.
        pieces: list[str] = []
        for number, part in enumerate(self._special.split(text)):
            pieces += [part] if number % 2 else self._tokenizer.tokenize(part)
        return tuple(pieces)

    def tokenize(self, text: str) -> list[str]:
        """Word pieces of a text; special tokens such as ``[MASK]`` stay whole."""
        return list(self._remember(text))

    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]:
        """Ids of word pieces; unknown ones become ``[UNK]``."""
        return list(self._tokenizer.convert_tokens_to_ids(tokens))


def load_tokenizer(vocab: Path) -> WordPiece:
    """Tokeniser of a ``vocab.txt``.

    Raises:
        InputError: there is no such file.
    """
    if not vocab.is_file():
        raise InputError("vocabulary is missing", where=vocab, next_step="name it with --vocab")
    return WordPiece(vocab)
