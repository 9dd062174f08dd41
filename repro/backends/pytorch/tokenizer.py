"""WordPiece by ``transformers``."""

from pathlib import Path

from transformers import BertTokenizer
from transformers.models.bert.tokenization_bert import BasicTokenizer

from repro.backends.common.tokenizer import WordPiece
from repro.data.vocabulary import read_vocabulary


class PunctuationTokenizer(BasicTokenizer):
    """Splits words at punctuation and composes no characters, as the original's ``transformers`` 2.9.

    ``transformers`` 4 composes them first (NFC): a letter and its combining accent would get other word pieces.
    """

    def tokenize(self, text: str, never_split: list[str] | None = None) -> list[str]:
        keep = self.never_split.union(never_split or ())
        words = self._tokenize_chinese_chars(self._clean_text(text)).split()
        prepared = (word if word in keep else self._prepared(word) for word in words)
        return [part for word in prepared for part in self._run_split_on_punc(word, keep)]

    def _prepared(self, word: str) -> str:
        word = word.lower() if self.do_lower_case else word
        strip = self.do_lower_case if self.strip_accents is None else self.strip_accents
        return self._run_strip_accents(word) if strip else word


def load_tokenizer(vocab: Path) -> WordPiece:
    """Tokeniser of a ``vocab.txt`` and its casing."""
    vocabulary = read_vocabulary(vocab)
    casing = {"do_lower_case": vocabulary.lower_case, "strip_accents": vocabulary.strip_accents}
    tokenizer = BertTokenizer(str(vocab), **casing)
    tokenizer.basic_tokenizer = PunctuationTokenizer(**casing)
    return WordPiece(tokenizer)
