"""Jinja2 environments in which everything that a template prints goes through a ``Writer``."""

import re

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from repro.pages.inline import Anchor, Code, Link, Phrase, Strong, Verdict, phrase
from repro.pages.writers import Markdown, Plain, Writer


def environment(package: str, writer: Writer) -> Environment:
    """Templates of ``package`` (its folder ``templates``) and of this one.

    Autoescaping is on in every format: it makes macros return ``Markup``, which the writer leaves alone.
    """
    result = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("repro.pages")]),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=writer.text,
    )
    plain = Plain(writer.translations, chinese=writer.chinese)

    def words(value: object) -> Markup:
        """Text without marks, for attributes and summaries."""
        text = str(plain.text(value))
        return Markup(text) if isinstance(writer, Plain) else escape(text)

    def numeric(value: object) -> bool:
        """Whether a cell holds one number, which no line break may tear."""
        return re.fullmatch(r"[-+]?[\d.,]+(e[-+]\d+)?", str(words(value))) is not None

    result.tests.update(numeric=numeric)
    result.filters.update(code=Code, strong=Strong, verdict=Verdict, raw=writer.raw, words=words, phrase=Phrase)
    result.globals.update(_=phrase, link=Link, anchor=Anchor, chinese=writer.chinese)
    if isinstance(writer, Markdown):
        result.filters.update(table=writer.table)
    return result
