"""WordPiece by ``transformers``."""

from pathlib import Path

from transformers import BertTokenizer
from transformers.models.bert.tokenization_bert import BasicTokenizer

from repro.backends.common.tokenizer import WordPiece, check_vocabulary


class PunctuationTokenizer(BasicTokenizer):
    """Splits words at punctuation and leaves characters as they are, as the original's ``transformers`` 2.9 does.

    ``transformers`` 4 composes characters first (NFC): a letter and its combining accent would get other word pieces.
    """

    def tokenize(self, text: str, never_split: list[str] | None = None) -> list[str]:
        keep = self.never_split.union(never_split or ())
        words = self._tokenize_chinese_chars(self._clean_text(text)).split()
        return [part for word in words for part in self._run_split_on_punc(word, keep)]


def load_tokenizer(vocab: Path) -> WordPiece:
    """Tokeniser of a ``vocab.txt``."""
    check_vocabulary(vocab)
    tokenizer = BertTokenizer(str(vocab), do_lower_case=False)
    tokenizer.basic_tokenizer = PunctuationTokenizer(do_lower_case=False)
    return WordPiece(tokenizer)
