"""An audit as ``audit.json``, for readers in both languages, and as lines for a terminal."""

import functools
import re
import textwrap
from pathlib import Path

from jinja2 import Template

from repro.audit import content
from repro.audit.overview import kind_line, overview
from repro.audit.pictures import equal_series, pictures
from repro.config.paths import atomic_text
from repro.pages import Code, Html, Markdown, Plain, Writer, environment
from repro.pages.drawings import translated
from repro.results.audit import AuditReport
from repro.translations import translations

NAME = "audit"
WIDTH = 120  # where no terminal says how wide it is
LABEL = 15


@functools.cache
def _template(name: str, writer: type[Writer], chinese: bool) -> Template:
    return environment("repro.audit", writer(translations(), chinese=chinese)).get_template(name)


def render(report: AuditReport, *, chinese: bool = False) -> str:
    """Text of ``audit.md`` or ``audit.zh.md``."""
    text = _template("audit.md.j2", Markdown, chinese).render(report=report, audit=content, pictures=(), equal=())
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def page(report: AuditReport) -> str:
    """Text of ``audit.html``: one file in both languages that asks nothing of any server."""
    writer = Html(translations())
    drawn = [picture._replace(svg=translated(picture.svg, picture.labels, writer)) for picture in pictures(report)]
    equal = [Code(name) for name in equal_series(report)]
    template = _template("audit.html.j2", Html, False)
    return template.render(report=report, audit=content, pictures=drawn, equal=equal) + "\n"


def write(report: AuditReport, folder: Path) -> Path:
    """Write ``audit.json``, ``audit.md``, ``audit.zh.md`` and ``audit.html``; returns the path of the last."""
    report.write(folder / f"{NAME}.json")
    atomic_text(folder / f"{NAME}.md", render(report))
    atomic_text(folder / f"{NAME}.zh.md", render(report, chinese=True))
    path = folder / f"{NAME}.html"
    atomic_text(path, page(report))
    return path


def _wrapped(label: str, content: object, width: int, lines: int = 1) -> list[str]:
    text = Plain().text(content)
    wrapper = textwrap.TextWrapper(width, max_lines=lines, placeholder=" …", break_on_hyphens=False)
    wrapper.initial_indent, wrapper.subsequent_indent = f"{label:{LABEL}}", " " * LABEL
    return wrapper.wrap(text)


def terminal(report: AuditReport, width: int = WIDTH) -> str:
    """The first screen, then every kind of finding: a fault with its worst case, a note with its places."""
    lines = []
    for line in overview(report):
        label = line.label.text
        for place, text in enumerate(line.texts):
            lines += _wrapped("" if place else label, text, width, 2 if label in ("Result", "Not checked") else 1)
    lines.append("")
    for kind in report.ranked:
        lines += _wrapped(kind.level, kind_line(kind), width)
        if kind.level == "fault":
            lines += _wrapped("", kind.worst[0].text, width, 2)
    return "\n".join(lines)
