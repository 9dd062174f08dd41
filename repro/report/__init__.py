"""The report of a run: ``report.json`` and, rendered from it, ``report.md``, ``report.zh.md`` and ``report.html``."""

from pathlib import Path

from repro.claims import load_document
from repro.config.paths import RunPaths, atomic_json, atomic_text
from repro.pages import Phrase
from repro.report.assemble import assemble, exit_code
from repro.report.collect import collect
from repro.report.figures import Figure, figures
from repro.report.render import chinese_drawing, render, render_html, render_text
from repro.results.report import SCHEMA_NAME, Report, ReportedFigure, Sentence

__all__ = ["build_report", "exit_code", "render", "render_html", "render_text"]


def build_report(run: RunPaths, altered: frozenset[str] = frozenset()) -> Path:
    """Write ``report.json``, its schema and figures beside it, then the pages for readers, each atomically.

    Whatever is missing, unreadable or altered in the run stands in the report as ``not run`` with the reason.

    Args:
        altered: files of the run that are not as they were written.

    Returns:
        Path of ``report.md``; ``exit_code`` of the report beside it says how the run ended.

    Raises:
        InputError: the directory holds no run.
    """
    document = load_document()
    report = assemble(collect(run, document, altered), document)
    drawn = figures(run, report)
    report = report.replace(figures=tuple(map(_reported, drawn)))
    pages = {
        run.report_zh: render(report, chinese=True),
        run.report_html: render_html(report, drawn),
        run.report_md: render(report),
    }
    for figure in drawn:
        atomic_text(run.figure(figure.name), figure.svg)
        atomic_text(run.figure(f"{figure.name}.zh"), chinese_drawing(figure))
    atomic_json(run.root / SCHEMA_NAME, Report.model_json_schema())
    report.write(run.report_json)
    for path, text in pages.items():
        atomic_text(path, text)
    return run.report_md


def _reported(figure: Figure) -> ReportedFigure:
    caption = tuple(map(_sentence, figure.caption))
    return ReportedFigure(name=figure.name, step=figure.step, title=_sentence(figure.title), caption=caption)


def _sentence(words: Phrase) -> Sentence:
    return Sentence(text=words.text, values={name: str(value) for name, value in words.values.items()})
