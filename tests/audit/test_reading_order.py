"""What a reader sees first: few, ranked findings; ten lines; a page that stands alone and trusts no foreign name."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from repro.audit import audit
from repro.audit.findings import KINDS, finding, ranked
from repro.audit.overview import overview
from repro.audit.pictures import pictures
from repro.audit.render import page, render, terminal
from repro.dumps import write_dump
from repro.pages import Html, Markdown
from repro.results.audit import AuditReport
from repro.translations import translations
from tests.audit.habits.layouts import HABITS
from tests.audit.habits.numbers import healthy
from tests.audit.habits.writing import Project
from tests.audit.planted import run

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> AuditReport:
    return run("large masked logits", 1, tmp_path_factory.mktemp("faulty"))


def test_findings_are_one_group_a_kind_with_the_worst_first() -> None:
    notes = [finding("refused", f"{number}.npy", "no") for number in range(5)]
    faults = [finding("shapes differ", f"{number}", "no", severity=number) for number in (1, 9, 4, 7)]
    groups = ranked([*notes, *faults, finding("document differs", "README.md:7", "no")])
    assert [group.kind for group in groups] == ["document differs", "shapes differ", "refused"]
    assert [item.severity for item in groups[1].worst] == [9, 7, 4] and groups[1].count == 4
    assert groups[0].contradicts and not groups[1].contradicts


def test_every_kind_that_contradicts_a_claim_is_a_fault() -> None:
    assert all(kind.level == "fault" for kind in KINDS.values() if kind.contradicts)


def test_the_first_screen_says_four_things_in_ten_lines(report: AuditReport) -> None:
    labels = [line.label.text for line in overview(report)]
    assert labels == ["Result", "Checked", "Holds", "Does not hold", "Not checked"]
    first, _, rest = terminal(report, 100).partition("\n\n")
    assert len(first.splitlines()) <= 10 and max(map(len, terminal(report, 100).splitlines())) <= 100
    assert all(f"{group.kind} ({group.count})" in rest for group in report.ranked)


def test_a_thousand_refused_files_still_fit_on_the_first_screen(report: AuditReport) -> None:
    refused = {f"{'deep/' * 20}{number}.npy": "cut off" for number in range(1000)}
    many = report.replace(refused=refused, left_aside=tuple(refused))
    first = terminal(many, 100).partition("\n\n")[0]
    assert len(first.splitlines()) <= 10 and "1000 files refused" in first.replace("\n", " ")


def test_every_finding_is_in_the_texts(report: AuditReport) -> None:
    markdown, html, words = render(report), page(report), Html(translations())
    for item in report.findings:
        assert f"`{item.where}`: {Markdown().text(item.text)}" in markdown
        assert f"<code>{item.where}</code>: {words.text(item.text)}" in html
    assert not re.search(r"\n{3,}", markdown) and markdown.endswith("\n")


class _Elements(HTMLParser):
    """Elements of a page and what they ask a browser to fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attributes if name in ("src", "href", "xlink:href", "action")]
        self.ids += [value or "" for name, value in attributes if name == "id"]


def test_the_page_fetches_nothing_and_has_the_picture_of_each_series(tmp_path: Path) -> None:
    text = page(audit(Project(HABITS[4], healthy(np.random.default_rng(1))).write(tmp_path)))
    elements = _Elements(text)
    assert all(link.startswith(("#", "data:")) for link in elements.links)
    assert "url(http" not in text and "@import" not in text
    assert len(elements.ids) == len(set(elements.ids))
    figures = [tag for tag in elements.tags if tag == "figure"]
    assert figures and elements.tags.count("svg") == len(figures)
    assert "<text" in text and "one float32 rounding" in text


def test_foreign_names_are_text(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=12).astype(np.float32)
    folder = tmp_path / "published"
    for side, more in (("torch", 0), ("paddle", 1e-6)):
        series = {f"loss {HOSTILE} $x$": values + np.float32(more)}
        write_dump(folder / f"out&<b>_{side}.npy", series)
    (folder / "<i>.md").write_text(f"# {HOSTILE}\n\n| {HOSTILE} |\n|---|\n| 0.25 |\n")
    report = audit(folder)
    text = page(report)
    assert not {"img", "b", "i"} & set(_Elements(text).tags)
    assert "&lt;img" in text and "out&amp;&lt;b&gt;" in text
    assert pictures(report)


def test_pictures_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    monkeypatch.setattr("repro.audit.pictures.MOST", 2)
    for side in ("torch", "paddle"):
        write_dump(tmp_path / f"a_{side}.npy", {f"{n}.loss": rng.normal(size=9) for n in range(5)})
    assert len(pictures(audit(tmp_path))) == 2
