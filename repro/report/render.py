"""A report for its readers: one content, written as Markdown, as a page and as plain text."""

import functools
import re
from collections.abc import Iterable

from jinja2 import Environment

from repro.claims import load_document
from repro.pages import Html, Markdown, Plain, Translations, Writer, environment
from repro.pages.drawings import translated
from repro.report import evidence, f1, glossary, needs_attention, not_judged, run_tables, sections, summary
from repro.report.figures import Figure
from repro.results.report import Report
from repro.translations import phrases, sentences

PARTS = (evidence, f1, glossary, needs_attention, not_judged, run_tables, sections, summary)


@functools.cache
def translations() -> Translations:
    """English phrase -> Chinese; the titles of the steps have the document's own headings."""
    steps = load_document().steps.values()
    titles = {title: step.heading for step in steps for title in (step.title, f"{step.heading} · {step.title}")}
    return Translations(titles | phrases() | sentences())


@functools.cache
def _environment(writer: type[Writer], chinese: bool) -> Environment:
    result = environment("repro.report", writer(translations(), chinese=chinese))
    result.globals.update({part.__name__.rpartition(".")[2]: part for part in PARTS})
    return result


def _compact(text: str) -> str:
    """Without blank lines that separate nothing."""
    text = re.sub(r"\n{3,}", "\n\n", text)
    return text.replace("</details>\n\n<details>", "</details>\n<details>").strip() + "\n"


def render(report: Report, *, chinese: bool = False) -> str:
    """``report.md``: one text that stands alone, the same for the same report."""
    template = _environment(Markdown, chinese).get_template("report.md.j2")
    return _compact(template.render(report=report, drawings={}))


def render_html(report: Report, drawn: Iterable[Figure]) -> str:
    """``report.html``: one file in both languages, figures included."""
    writer = Html(translations())
    drawings = {figure.name: _prefixed(figure.name, translated(figure.svg, figure.labels, writer)) for figure in drawn}
    return _environment(Html, False).get_template("report.html.j2").render(report=report, drawings=drawings)


def chinese_drawing(figure: Figure) -> str:
    """The SVG of a figure with Chinese labels."""
    return translated(figure.svg, figure.labels, Plain(translations(), chinese=True))


def _prefixed(name: str, svg: str) -> str:
    """A drawing whose ids no other drawing of the page has."""
    return re.sub(r"""(\bid="|url\(#|href="#)""", rf"\g<1>{name}-", svg)


def render_text(report: Report) -> str:
    """The first screen for a terminal or a log."""
    return _compact(_environment(Plain, False).get_template("report.txt.j2").render(report=report))
