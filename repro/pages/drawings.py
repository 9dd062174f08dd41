"""A drawing in the language of its page: its labels are text, and each is written as the page writes a phrase."""

import re
from collections.abc import Mapping
from html import unescape

from markupsafe import escape

from repro.pages.inline import Phrase
from repro.pages.writers import Html, Writer

LABEL = re.compile(r'(?<=>)[^<>]+(?=</text>)|(?<= aria-label=")[^"]*')


def translated(svg: str, labels: Mapping[str, Phrase], writer: Writer) -> str:
    """The drawing with its labels in the writer's language; a page in two languages gets each label in both.

    Args:
        labels: as they are drawn -> what they say. Numbers, names of tensors and of frameworks have none.
    """

    def written(match: re.Match[str]) -> str:
        label = labels.get(unescape(match[0]))
        if label is None:
            return match[0]
        if not isinstance(writer, Html):
            return str(escape(str(writer.text(label))))
        attribute = match.string[match.end()] == '"'
        return match[0] if attribute else re.sub(r"(</?)span\b", r"\1tspan", str(writer.text(label)))

    return LABEL.sub(written, svg)
