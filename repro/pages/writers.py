"""How a value is written in each format. Nothing reaches a page but through ``Writer.text``, which escapes it."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from string import Formatter

from markupsafe import Markup, escape

from repro import markdown
from repro.pages.inline import Anchor, Code, Joined, Link, Original, Phrase, Strong, Verdict
from repro.pages.sentences import Translations

# what stands between the parts of a Chinese list, and between sentences
FULL_WIDTH = {", ": "、", "; ": "；", ": ": "：", ". ": "。", ".": "。"}
# what means something in Markdown: emphasis, tags, strikethrough, links, entities
MARKED = re.compile(r"[\\`*<~]|\](?=[(\[])|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)")


@cache
def _parsed(template: str) -> tuple[tuple[str, str | None], ...]:
    """Text and the name of the value after it, again and again."""
    return tuple((literal, name) for literal, name, _, _ in Formatter().parse(template))


def _joined(parts: Iterable[str]) -> str:
    """Parts that are written already, as one."""
    return Markup("".join(parts))


class Writer(ABC):
    """One format.

    Args:
        translations: English phrase -> the same in Chinese.
        chinese: write Chinese where there is a translation.
    """

    def __init__(self, translations: Mapping[str, str] | None = None, *, chinese: bool = False) -> None:
        self.translations = translations if isinstance(translations, Translations) else Translations(translations or {})
        self.chinese = chinese

    def text(self, value: object) -> str:
        """A value as it stands in the page; what is ``Markup`` is written already."""
        match value:
            case Markup():
                return value
            case None:
                return self.raw("—")
            case bool():
                return self.text(Phrase("yes" if value else "no"))
            case float():
                return self.raw(markdown.number(value))
            case Phrase():
                return self.phrase(value)
            case Verdict():
                return self.verdict(value)
            case Code():
                return self.code(value.text)
            case Strong():
                return self.strong(self.text(value.content))
            case Link():
                return self.link(self.text(value.content), value.target)
            case Anchor():
                return self.anchor(self.text(value.content), value.name)
            case Original():
                return self.original(value)
            case Joined():
                separator = FULL_WIDTH.get(value.separator, value.separator) if self.chinese else value.separator
                return Markup(self.raw(separator)).join(map(self.text, value.parts))
            case list() | tuple():
                return self.text(Joined(tuple(value), " × "))
        return self.sentences(" ".join(str(value).split()))

    def sentences(self, text: str) -> str:
        """Text that came finished, in the language of the page as far as there is a translation."""
        phrases = self.translations.sentences.find(text) if self.chinese else None
        return self._ticked(text) if phrases is None else self.text(phrases)

    def _ticked(self, text: str) -> str:
        """Text in which ``backticks`` mark code, as the sentences of the steps have it."""
        parts = text.split("`")
        if len(parts) % 2 == 0 or len(parts) == 1:
            return self.raw(text)
        return _joined(self.code(part) if index % 2 else self.raw(part) for index, part in enumerate(parts))

    def phrase(self, value: Phrase) -> str:
        """A phrase in the language of the page."""
        return self.filled(self.translations.get(value.text, value.text) if self.chinese else value.text, value)

    def filled(self, template: str, value: Phrase) -> str:
        """A template with the phrase's values in it."""
        parts = []
        for literal, name in _parsed(template):
            parts += [self._ticked(literal), self.text(value.values[name]) if name else ""]
        return _joined(parts)

    def original(self, value: Original) -> str:
        """The document's words, with the translation beside them for an English reader."""
        return self.raw(value.text if self.chinese else f"{value.text} ({value.english})")

    @abstractmethod
    def raw(self, text: str) -> str:
        """Text with everything escaped that means something in this format."""

    @abstractmethod
    def code(self, text: str) -> str: ...

    @abstractmethod
    def strong(self, text: str) -> str: ...

    @abstractmethod
    def link(self, text: str, target: str) -> str: ...

    @abstractmethod
    def anchor(self, text: str, name: str) -> str: ...

    def verdict(self, value: Verdict) -> str:
        """A verdict, in words."""
        return self.phrase(Phrase(value.text))


class Plain(Writer):
    """For terminals and logs."""

    def raw(self, text: str) -> str:
        return Markup(text)

    def code(self, text: str) -> str:
        return Markup(text)

    def strong(self, text: str) -> str:
        return text

    def link(self, text: str, target: str) -> str:
        return text

    def anchor(self, text: str, name: str) -> str:
        return text


class Markdown(Writer):
    """GitHub-flavoured Markdown. ``Markup`` marks here what is Markdown already."""

    def raw(self, text: str) -> str:
        return Markup(MARKED.sub(r"\\\g<0>", text))

    def code(self, text: str) -> str:
        fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
        return Markup(f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}")

    def strong(self, text: str) -> str:
        return Markup(f"**{text}**")

    def link(self, text: str, target: str) -> str:
        return Markup(f"[{text}]({target})")

    def anchor(self, text: str, name: str) -> str:
        return Markup(f'<a id="{escape(name)}"></a>{text}')

    def table(self, rows: Iterable[Sequence[object]], columns: Sequence[object]) -> str:
        """A table; raises ValueError where a row does not fit the columns."""
        texts = ([self.text(cell) for cell in row] for row in rows)
        return Markup("\n".join(markdown.table([self.text(column) for column in columns], texts)))


class Html(Writer):
    """HTML that holds both languages; the page shows one of them."""

    def raw(self, text: str) -> str:
        return escape(text)

    def code(self, text: str) -> str:
        return Markup("<code>{}</code>").format(text)

    def strong(self, text: str) -> str:
        return Markup("<strong>{}</strong>").format(text)

    def link(self, text: str, target: str) -> str:
        return Markup('<a href="{}">{}</a>').format(target, text)

    def anchor(self, text: str, name: str) -> str:
        return Markup('<span id="{}">{}</span>').format(name, text)

    def phrase(self, value: Phrase) -> str:
        return self._both(*(half.phrase(value) for half in self._halves))

    def sentences(self, text: str) -> str:
        if " " not in text:  # a number or a name, as most of very many cells are
            return super().sentences(text)
        return self._both(*(half.sentences(text) for half in self._halves))

    def _both(self, english: str, chinese: str) -> str:
        both = Markup('<span class="en">{}</span><span class="zh" lang="zh">{}</span>')
        return english if english == chinese else both.format(english, chinese)

    @cached_property
    def _halves(self) -> "tuple[OneLanguage, OneLanguage]":
        return OneLanguage(self.translations), OneLanguage(self.translations, chinese=True)

    def verdict(self, value: Verdict) -> str:
        return Markup('<span class="verdict {}">{}</span>').format(value.tone, super().verdict(value))

    def original(self, value: Original) -> str:
        text = Markup('<span lang="zh">{}</span><span class="en"> ({})</span>')
        return text.format(value.text, value.english)


class OneLanguage(Html):
    """What stands within a phrase of a page that holds both languages."""

    def phrase(self, value: Phrase) -> str:
        return Writer.phrase(self, value)

    def sentences(self, text: str) -> str:
        return Writer.sentences(self, text)
