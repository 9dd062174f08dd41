"""``report.md`` of a report: the templates hold the static text, the modules beside this one the rows of the tables."""

import functools
import re
from collections.abc import Iterable, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from repro import markdown
from repro.report import evidence, f1, sections, summary, templates
from repro.results.report import Report


def _table(rows: Iterable[Sequence[object]], *columns: object) -> str:
    return "\n".join(markdown.table(columns, rows))


@functools.cache
def _environment() -> Environment:
    # nothing is escaped: Markdown is no HTML, and every cell is escaped by `markdown.table`
    environment = Environment(
        loader=PackageLoader(templates.__name__, "."), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        table=_table,
        line=lambda text: " ".join(text.split()),
        exact=markdown.exact,
    )
    environment.globals.update(summary=summary, sections=sections, evidence=evidence, f1=f1)
    return environment


def render(report: Report) -> str:
    """One text that stands alone, the same for the same report."""
    text = _environment().get_template("report.md.j2").render(report=report)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
