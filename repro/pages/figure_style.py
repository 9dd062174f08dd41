"""One style for every figure: sizes, colours, and an SVG that suits a light and a dark page, a phone and a print.

Colours are of the palette of Okabe and Ito, which colour-blind readers can tell apart; shapes and dashes tell the
series apart without any colour. What matplotlib writes are the colours of a light page. A style sheet inside the SVG
changes them where the page is dark, so that programs which know no CSS still show the light ones.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure as Canvas
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, NullLocator

from repro.pages.inline import Phrase
from repro.pages.writers import Plain

WIDTH = 5.6  # inches, 538 px: text of 14 px stays legible where a phone shows it at 60 %
INK, MUTED, FAINT = "#1f2328", "#6e7781", "#d0d7de"
PYTORCH, PADDLE, PAPER = "#0072b2", "#d55e00", "#007a59"
SIDES = {"pytorch": PYTORCH, "paddle": PADDLE}
PALE = {"pytorch": "#9fcbe8", "paddle": "#f4bf96"}
DARK = {
    INK: "#e6edf3",
    MUTED: "#9aa4af",
    FAINT: "#3d444d",
    PYTORCH: "#56b4e9",
    PADDLE: "#ff9a4d",
    PAPER: "#2fd0a0",
    PALE["pytorch"]: "#1d4e6e",
    PALE["paddle"]: "#7a421a",
}
SETTINGS: Any = {  # matplotlib types each name of its settings
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "legend.fontsize": 9.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "grid.color": FAINT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "errorbar.capsize": 3,
}
# a style sheet does not reach into a mark that stands in many places: there it takes the colour of its place
MARKER = re.compile(r'(<path id="\w+" d="[^"]*" style=")stroke: #\w{6}(?:; )?')
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))  # the same bytes on every day


@contextmanager
def styled() -> Iterator[None]:
    """Within the block figures have this style, whatever a reader's own matplotlib settings say."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield


class Drawing(Canvas):
    """A figure that remembers its labels, so that a page can translate them."""

    def __init__(self, height: float) -> None:
        super().__init__(figsize=(WIDTH, height))
        self.phrases: dict[str, Phrase] = {}

    def say(self, label: Phrase) -> str:
        """The text of a label as it is drawn: English."""
        text = str(Plain().text(label))
        self.phrases[text] = label
        return text


def canvas(height: float) -> Drawing:
    """An empty figure, ``height`` inches high."""
    return Drawing(height)


def logarithmic(axes: Axes, *names: Literal["x", "y"]) -> None:
    """Make axes logarithmic, with ticks at powers of ten, written as in the text: ``1e-07``."""
    for name in names:
        axis: Axis = getattr(axes, f"{name}axis")
        axes.set(**{f"{name}scale": "log"})
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def legend(figure: Canvas, axes: Axes, columns: int = 2) -> None:
    """What the marks of some axes mean, above the whole figure."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=columns)


def svg(figure: Canvas, name: str, label: str) -> str:
    """The figure as an ``<svg>`` element.

    Args:
        name: of the figure: ids in the SVG depend on it, so that several stand in one page.
        label: what a screen reader says.
    """
    ConstrainedLayoutEngine().execute(figure)  # once: as a property of the figure it would draw everything twice
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, metadata=NO_METADATA)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    used = set(re.findall(r'(?:url\(|href=")#([\w.-]+)', text))
    text = re.sub(r' id="([\w.-]+)"', lambda match: match[0] if match[1] in used else "", text)
    text = text.replace(">*{", ">svg.figure *{")
    text = MARKER.sub(r"\1", text)
    opening = f'<svg class="figure" role="img" aria-label="{escape(label)}"'
    return text.replace("<svg", opening, 1).replace(">", f">\n{_style_sheet()}", 1)


def _style_sheet() -> str:
    rules = [
        "svg.figure:root { color-scheme: light dark }",
        "svg.figure { max-width: 100%; height: auto }",
        "svg.figure text { font-family: system-ui, sans-serif !important }",
    ]
    for light, dark in DARK.items():
        for part in ("fill", "stroke"):
            rules.append(f'.figure [style*="{part}: {light}"] {{ {part}: light-dark({light}, {dark}) !important }}')
    return "<style>\n" + "\n".join(rules) + "\n</style>"
