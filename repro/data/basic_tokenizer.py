"""Words and punctuation marks of a text, as ``transformers``' ``BasicTokenizer`` splits it.

Candidate extraction needs it to align predicted WordPieces with the words of the context. Nothing here looks
beyond a single word: NFC never composes across a space, so a text may be split word by word.
"""

import re
import unicodedata
from functools import lru_cache

# Blocks of CJK ideographs: each one becomes a word. Hangul, Hiragana and Katakana are not among them.
_IDEOGRAPH = re.compile(
    "([\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f"
    "\U0002b820-\U0002ceaf\uf900-\ufaff\U0002f800-\U0002fa1f])"
)
_PLAIN = re.compile(r"[0-9A-Za-z]+")
_ASCII_MARKS = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_REPLACEMENT = "\ufffd"


@lru_cache(maxsize=1 << 16)
def split_word(word: str, lower_case: bool = False) -> tuple[str, ...]:
    """Tokens of a word (or of any text): control characters dropped, ideographs and marks as tokens of their own.

    With ``lower_case`` also in lower case and without accents.
    """
    if _PLAIN.fullmatch(word):
        return (word.lower() if lower_case else word,)
    text = unicodedata.normalize("NFC", _IDEOGRAPH.sub(r" \1 ", _clean(word)))
    parts = [_without_accents(part.lower()) for part in text.split()] if lower_case else text.split()
    return tuple(token for part in parts for token in _split_marks(part))


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(char for char in decomposed if unicodedata.category(char) != "Mn")


def _clean(text: str) -> str:
    """Tabs, line ends and space separators become blanks; other characters of the categories C* go."""
    kept = []
    for char in text:
        category = unicodedata.category(char)
        if char in "\t\n\r" or category == "Zs":
            kept.append(" ")
        elif not category.startswith("C") and char != _REPLACEMENT:
            kept.append(char)
    return "".join(kept)


def _split_marks(part: str) -> list[str]:
    """A text without white space, cut before and after every punctuation mark."""
    tokens: list[str] = []
    inside = False
    for char in part:
        mark = char in _ASCII_MARKS or unicodedata.category(char).startswith("P")
        if inside and not mark:
            tokens[-1] += char
        else:
            tokens.append(char)
        inside = not mark
    return tokens
