"""What a figure is: a picture, and the caption that says what to see in it."""

from collections.abc import Mapping
from dataclasses import dataclass

from repro.pages import Phrase


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
