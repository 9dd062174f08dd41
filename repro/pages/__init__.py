"""Pages for a reader, in Markdown, HTML and plain text, English and Chinese: no content, only how it is written.

A content template is written once, with the macros of ``markdown.j2`` or ``html.j2`` for headings, tables and folded
parts. Whatever it prints goes through one ``Writer``, which escapes for its format and picks the language.
"""

from repro.pages.environment import environment
from repro.pages.inline import Anchor, Code, Joined, Link, Original, Phrase, Strong, Verdict, phrase
from repro.pages.sentences import Translations
from repro.pages.writers import Html, Markdown, Plain, Writer

__all__ = [
    "Anchor",
    "Code",
    "Html",
    "Joined",
    "Link",
    "Markdown",
    "Original",
    "Phrase",
    "Plain",
    "Strong",
    "Translations",
    "Verdict",
    "Writer",
    "environment",
    "phrase",
]
