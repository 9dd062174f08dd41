"""What stands within a line: text and numbers are themselves, the rest is one of these values."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Phrase:
    """A sentence of the page itself: English, with ``{names}`` for its values, and translated as a whole."""

    text: str
    values: Mapping[str, object] = field(default_factory=dict)


def phrase(text: str, /, **values: object) -> Phrase:
    """A phrase; tests look for its text in the translations, so write it as one literal."""
    return Phrase(text, values)


@dataclass(frozen=True)
class Verdict:
    """A verdict or status, which a page marks by colour and sign."""

    text: str

    @property
    def tone(self) -> str:
        """``good``, ``bad`` or ``open``."""
        if self.text in GOOD:
            return "good"
        return "bad" if self.text in BAD else "open"


GOOD = frozenset(
    {
        "passed",
        "reproduced",
        "equal",
        "same semantics, rounding only",
        "as declared",
        "equivalent within the margin",
    }
)
BAD = frozenset({"failed", "differs", "different semantics", "different", "fault"})


@dataclass(frozen=True)
class Code:
    """A file, a name or a command, as a machine reads it."""

    text: str


@dataclass(frozen=True)
class Strong:
    """Words that a reader's eye must find."""

    content: object


@dataclass(frozen=True)
class Link:
    """A way to an anchor of the page (``#name``) or to a file of the run."""

    content: object
    target: str


@dataclass(frozen=True)
class Anchor:
    """A place that links lead to."""

    name: str
    content: object


@dataclass(frozen=True)
class Original:
    """Words of the Chinese document with their English translation, which only an English reader sees."""

    text: str
    english: str


@dataclass(frozen=True)
class Joined:
    """Several contents with a separator between them."""

    parts: tuple[object, ...]
    separator: str = ", "
