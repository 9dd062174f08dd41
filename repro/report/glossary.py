"""What the terms of a report mean."""

from collections import Counter
from functools import cache
from importlib.resources import files

from repro.config.yaml_text import shipped
from repro.pages import Phrase, Verdict, phrase
from repro.pages.grids import Grid, grid
from repro.results.report import Report


@cache
def glossary() -> dict[str, dict[str, str]]:
    """Parts ``terms``, ``claims`` (verdicts) and ``steps`` (statuses): term -> meaning."""
    text = files("repro.report").joinpath("glossary.yaml").read_text(encoding="utf-8")
    parts: dict[str, dict[str, str]] = shipped(text)
    return parts


def verdicts_table(report: Report) -> Grid:
    """Every verdict on a claim, how often it was given, and its meaning."""
    counts: Counter[str] = Counter(claim.verdict for claim in report.claims)
    rows = [[Verdict(name), counts[name], Phrase(text)] for name, text in glossary()["claims"].items()]
    return grid([phrase("verdict"), phrase("claims"), phrase("meaning")], rows)


def statuses_table() -> Grid:
    """Verdicts on steps."""
    rows = [[Verdict(name), Phrase(text)] for name, text in glossary()["steps"].items()]
    return grid([phrase("verdict"), phrase("meaning")], rows)


def terms_table() -> Grid:
    """The other terms."""
    rows = [[Phrase(name), Phrase(text)] for name, text in glossary()["terms"].items()]
    return grid([phrase("term"), phrase("meaning")], rows)
