"""WordPiece by ``paddlenlp``."""

import re
from pathlib import Path

from paddlenlp.transformers import BasicTokenizer, BertTokenizer
from paddlenlp.transformers.tokenizer_utils import _is_punctuation

from repro.backends.common.tokenizer import WordPiece
from repro.data.vocabulary import read_vocabulary


class PunctuationTokenizer(BasicTokenizer):
    """Splits words at punctuation alone, as BERT and the PaddleNLP of the published program do.

    ``paddlenlp`` 2.8.1 also splits at symbols outside ASCII, so that 0° or £10 get other word pieces.
    """

    def _run_split_on_punc(self, text: str, never_split: set[str] | None = None) -> list[str]:
        if never_split is not None and text in never_split:
            return [text]
        return "".join(f" {char} " if _is_punctuation(char) else char for char in text).split(" ")


class WholeSpecialTokens(WordPiece):
    """Cuts special tokens out of a text first: ``paddlenlp`` 2.8.1 splits ``[MASK]`` into ``[``, ``MA``, ``##S`` …

    Lower case is that of each character, as in ``transformers``, where a capital sigma ends no word.
    """

    def __init__(self, tokenizer: BertTokenizer) -> None:
        super().__init__(tokenizer)
        special = "|".join(re.escape(token) for token in tokenizer.all_special_tokens)
        self._special = re.compile(f"({special})")

    def _split(self, text: str) -> tuple[str, ...]:
        pieces: list[str] = []
        for number, part in enumerate(self._special.split(text)):
            if number % 2:
                pieces.append(part)
            else:
                lower = self._tokenizer.basic_tokenizer.do_lower_case
                pieces += self._tokenizer.tokenize("".join(map(str.lower, part)) if lower else part)
        return tuple(pieces)


def load_tokenizer(vocab: Path) -> WordPiece:
    """Tokeniser of a ``vocab.txt`` and its casing."""
    vocabulary = read_vocabulary(vocab)
    casing = {"do_lower_case": vocabulary.lower_case, "strip_accents": vocabulary.strip_accents}
    tokenizer = BertTokenizer(str(vocab), **casing)
    tokenizer.basic_tokenizer = PunctuationTokenizer(**casing)
    return WholeSpecialTokens(tokenizer)
