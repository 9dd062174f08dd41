"""Sentences that reach a page finished, as text of a result's file, found among the phrases that have a translation.

What the steps say is stored in English (``records/stepNN.json``), its values filled in. A page in Chinese matches it
with the templates of the translations: each sentence whole, then clause by clause, then its values. Tests hold that
there is a template for everything that the steps can say.
"""

import re
from collections.abc import Mapping
from functools import cache, cached_property
from string import Formatter

from repro.pages.inline import BAD, GOOD, Joined, Phrase

CLAUSES = ("; ", ": ")
MOST = 40  # parts of a list, or clauses of a sentence, that are told apart
LONGEST = 1000  # characters of a sentence that is matched with templates
ENGLISH = re.compile(r"\b[^\W\d_]{2,} [a-z]{2,}\b")  # two words that are no names
SENTENCE = re.compile(r"\. (?![^“]*”)")  # where one ends, other than in what is quoted, as “1. Forward pass”
WORD = re.compile(r"[A-Za-z]\w+")
NUMBER = r"[-+−\d.,e]+"
# values by name: numbers, words of a library, words of a document; any other value ends where its clause does
VALUES = {"n": NUMBER, "m": NUMBER, "total": NUMBER, "why": ".+?", "section": "[^”]+"}
FOREIGN = {"why", "section"}
VALUE = "(?:(?![;:] ).)+?"


class Translations(dict[str, str]):
    """English phrase -> the same in Chinese. Every writer of them shares what was found before."""

    @cached_property
    def sentences(self) -> "Sentences":
        """Finds them in text."""
        return Sentences(self)


class Sentences:
    """Finds the phrases that a text consists of.

    Args:
        translations: their keys are the templates, text with ``{names}`` for values.
    """

    def __init__(self, translations: Mapping[str, str]) -> None:
        self._texts = translations.keys()
        patterns = [_pattern_of(text) for text in translations if "{" in text]
        patterns.sort(key=lambda pattern: -pattern.length)
        self._telling = [pattern for pattern in patterns if pattern.words > 1]
        self._short = [pattern for pattern in patterns if pattern.words == 1]
        self.find = cache(self._find)

    def _find(self, text: str) -> object | None:
        """The phrases in place of a text of several words; None for one that is not known."""
        if " " not in text or not WORD.search(text):
            return None
        *first, last = SENTENCE.split(text)
        sentences = [*first, last.removesuffix(".")]
        phrases = [self._clause(sentence) for sentence in sentences]
        if not any(phrases):
            return None
        parts = (phrase or sentence for phrase, sentence in zip(phrases, sentences, strict=True))
        whole = Joined(tuple(parts), ". ")
        return Joined((whole, ""), ".") if last.endswith(".") else whole

    def _clause(self, text: str) -> object | None:
        if phrase := self._exact(text) or self._match(text, self._telling):
            return phrase
        for separator in CLAUSES:
            if separator in text:
                return self._both(text, separator)
        return self._match(text, self._short) or (self._both(text, ", ") if ", " in text else None)

    def _exact(self, text: str) -> Phrase | None:
        """The phrase without values; one word alone may be a name, unless it begins a sentence or is a verdict."""
        if " " not in text and not text[:1].isupper() and text not in GOOD | BAD:
            return None
        spellings = (text, text[0].lower() + text[1:], text[0].upper() + text[1:]) if " " in text else (text,)
        return next((Phrase(each) for each in spellings if each in self._texts), None)

    def _match(self, text: str, patterns: "list[_Pattern]") -> Phrase | None:
        for pattern in patterns:
            values = pattern.values(text)
            if values is not None and all(name in FOREIGN or self._is_value(value) for name, value in values.items()):
                return Phrase(pattern.text, values)
        return None

    def _both(self, text: str, separator: str) -> Joined | None:
        """Each part by itself; None where both are names and numbers, or one is not known and no clause of its own."""
        parts = text.split(separator)
        if len(parts) > MOST:
            return None
        heads = (separator.join(parts[:count]) for count in range(1, len(parts)))
        first = next(filter(_is_closed, heads), parts[0])
        rest = text[len(first + separator) :]
        phrases = self._clause(first), self._clause(rest)
        if not any(phrases) or not (separator == "; " or (self._said(first) and self._said(rest))):
            return None
        return Joined((phrases[0] or first, phrases[1] or rest), separator)

    def _is_value(self, text: str) -> bool:
        """Whether a text is a value, and not the end of one with the beginning of the next."""
        return _is_closed(text) and self._said(text)

    def _said(self, text: str) -> bool:
        """Whether nothing of a part is left in English but names."""
        return not ENGLISH.search(text) or self.find(text) is not None


class _Pattern:
    """A template as what its sentences match."""

    def __init__(self, text: str) -> None:
        parts = [(literal, name) for literal, name, _, _ in Formatter().parse(text)]
        self.text = text
        self.literal = max((literal for literal, _ in parts), key=len)
        self.length = sum(len(literal) for literal, _ in parts)
        self.words = sum(len(WORD.findall(literal)) for literal, _ in parts)
        self._parts = parts

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Most templates are never said in a page, and to compile all of them takes longer than to write it."""
        pattern = "".join(re.escape(literal) + _value(name) for literal, name in self._parts)
        first = re.match(r"[^\W\d_]", self.text)
        return re.compile(f"(?i:{first[0]}){pattern[1:]}" if first else pattern)

    def values(self, text: str) -> dict[str, str] | None:
        """The values of a sentence; None where it is another one."""
        match = self._pattern.fullmatch(text) if self.literal[1:] in text and len(text) <= LONGEST else None
        return match.groupdict() if match else None


_pattern_of = cache(_Pattern)  # the pages and figures of a report share them


def _is_closed(text: str) -> bool:
    """Whether every bracket in a text has its other half there."""
    return all(text.find(a) <= text.find(b) and text.count(a) == text.count(b) for a, b in ("()", "[]"))


def _value(name: str | None) -> str:
    if name is None:
        return ""
    return f"(?P<{name}>{VALUES.get(name, VALUE)})"
