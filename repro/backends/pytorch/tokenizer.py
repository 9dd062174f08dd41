"""WordPiece by ``transformers``."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from transformers import BertTokenizer
from transformers.models.bert.tokenization_bert import BasicTokenizer

from repro.errors import InputError


class PunctuationTokenizer(BasicTokenizer):
    """Splits words at punctuation and leaves characters as they are, as the original's ``transformers`` 2.9 does.

    ``transformers`` 4 composes characters first (NFC): a letter and its combining accent would get other word pieces.
    """

    def tokenize(self, text: str, never_split: list[str] | None = None) -> list[str]:
        keep = self.never_split.union(never_split or ())
        words = self._tokenize_chinese_chars(self._clean_text(text)).split()
        return [part for word in words for part in self._run_split_on_punc(word, keep)]


class WordPiece:
    """``transformers.BertTokenizer``, cased, with its answers remembered (texts are tokenised word by word)."""

    def __init__(self, vocab: Path) -> None:
        self._tokenizer = BertTokenizer(str(vocab), do_lower_case=False)
        self._tokenizer.basic_tokenizer = PunctuationTokenizer(do_lower_case=False)
        self._remember = lru_cache(maxsize=1 << 17)(self._split)

    def _split(self, text: str) -> tuple[str, ...]:
        return tuple(self._tokenizer.tokenize(text))

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
