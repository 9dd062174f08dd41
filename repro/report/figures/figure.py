"""What a figure is: a picture, and the caption that says what to see in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from repro.pages import Phrase

if TYPE_CHECKING:
    from repro.pages.figure_style import Drawing


@dataclass(frozen=True)
class Figure:
    """One figure of the report.

    Attributes:
        name: name of its file, without the suffix, and of its anchor.
        step: the step in whose section it stands. None: ``f1`` belongs on the first screen, the others in
            sections beside the steps.
        title: what it shows, for readers who do not see it.
        caption: sentences that say what to see, with the numbers that matter; values are text.
        svg: the whole ``<svg>`` element, in English. Its colours follow the CSS property ``color-scheme`` of the page
            around it.
        labels: its labels as they are drawn -> the phrases that a page translates.
    """

    name: str
    step: int | None
    title: Phrase
    caption: tuple[Phrase, ...]
    svg: str
    labels: Mapping[str, Phrase]

    @classmethod
    def of(cls, drawing: "Drawing", name: str, step: int | None, title: Phrase, caption: Iterable[Phrase]) -> Self:
        """The figure of a finished drawing, whose title is drawn for those who do not see it."""
        from repro.pages.figure_style import svg  # loads matplotlib, which only drawing needs

        picture = svg(drawing, name, drawing.say(title))
        return cls(name, step, title, tuple(caption), picture, drawing.phrases)
