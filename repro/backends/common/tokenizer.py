"""A library's WordPiece tokeniser behind the protocol. It keeps its answers: texts are tokenised word by word."""

from functools import lru_cache
from typing import Any


class WordPiece:
    """A ``BertTokenizer`` of either library, which has ``tokenize`` and ``convert_tokens_to_ids``."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._cached_split = lru_cache(maxsize=1 << 17)(self._split)

    def _split(self, text: str) -> tuple[str, ...]:
        return tuple(self._tokenizer.tokenize(text))

    def tokenize(self, text: str) -> list[str]:
        """Word pieces of a text; special tokens such as ``[MASK]`` stay whole."""
        return list(self._cached_split(text))

    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]:
        """Ids of word pieces; unknown ones become ``[UNK]``."""
        return list(self._tokenizer.convert_tokens_to_ids(tokens))
