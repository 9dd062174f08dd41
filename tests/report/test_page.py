"""``report.html`` in a browser: what it asks for, how it folds, searches and sorts, and what a screen reader finds.

With ``SCREENSHOTS=DIR`` pictures are left in DIR; with ``SCREENSHOT_PAGE=FILE`` they are of that page.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from repro.claims import load_document
from repro.pages import phrase
from repro.report import render_html
from repro.report.assemble import assemble
from repro.report.collect import collect
from repro.report.figures import Figure
from repro.results.report import ReportedFigure, Sentence
from tests.report.synthetic_run import write_run

CHROMIUM = Path("/usr/bin/chromium")
SVG = '<svg viewBox="0 0 9 9" role="img" aria-label="F1"><text id="a">look</text></svg>'
LOOK = phrase("training step")
pytestmark = pytest.mark.skipif(not CHROMIUM.is_file(), reason=f"there is no {CHROMIUM} (Debian: apt install chromium)")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a synthetic run."""
    root = tmp_path_factory.mktemp("page")
    document = load_document()
    report = assemble(collect(write_run(root / "run", steps=(4, 11)), document), document)
    look = Sentence(text=LOOK.text)
    figures = [Figure(name, step, LOOK, (LOOK,), SVG, {"look": LOOK}) for name, step in (("f1", None), ("x", 4))]
    reported = [ReportedFigure(name=item.name, step=item.step, title=look, caption=(look,)) for item in figures]
    path = root / "report.html"
    path.write_text(render_html(report.replace(figures=tuple(reported)), figures), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page, opened; at the end it must have complained about nothing and asked for nothing."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: complaints.append(request.url) if request.url != address else None)
    opened.goto(address)
    yield opened
    opened.close()
    assert complaints == []


def test_parts_fold_and_links_unfold_them(page: Page) -> None:
    evidence = page.locator("#evidence-4")
    assert evidence.get_attribute("open") is None
    page.locator('#step-4 a[href="#claim-4.fake_data"]').first.click()
    assert evidence.get_attribute("open") is not None and page.locator("[id='claim-4.fake_data']").is_visible()
    page.locator("#unfold").click()
    assert page.locator("main details:not([open])").count() == 0
    page.locator("#unfold").click()
    assert page.locator("main details[open]").count() == 0


def test_every_link_leads_somewhere(page: Page) -> None:
    dead_ends = page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href').slice(1))"
        ".filter(name => !document.getElementById(name))"
    )
    twice = page.evaluate(
        "[...document.querySelectorAll('[id]')].map(node => node.id).filter((id, i, all) => all.indexOf(id) !== i)"
    )
    assert dead_ends == [] and twice == []
    for number in page.locator("main table td.number a").all():
        assert (number.get_attribute("href") or "").startswith(("#claim-", "#evidence-"))


def test_search_leaves_what_it_finds(page: Page) -> None:
    page.locator("#search").fill("Fake_data reproduced")
    assert page.locator("#matches").inner_text() == "0"
    page.locator("#search").fill("4.fake_data")
    assert int(page.locator("#matches").inner_text()) > 0
    assert page.locator("[id='claim-4.fake_data']").is_visible() and not page.locator("#step-9").is_visible()
    page.locator("#search").press("Escape")
    assert page.locator("#step-9").is_visible() and page.locator("#matches").inner_text() == ""


def test_tables_sort_by_number(page: Page) -> None:
    page.locator("#unfold").click()
    heads = page.locator("#step-11 table").first.locator("thead th")
    cells = page.locator("#step-11 table").first.locator("tbody tr td:nth-child(2)")
    heads.nth(1).locator("button").click()
    ascending = [float(text) for text in cells.all_inner_texts()]
    assert heads.nth(1).get_attribute("aria-sort") == "ascending" and ascending == sorted(ascending)
    heads.nth(1).locator("button").press("Enter")
    assert [float(text) for text in cells.all_inner_texts()] == sorted(ascending, reverse=True)


def test_the_keyboard_reaches_everything(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    summary = page.locator("#evidence-1 > summary")
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("#evidence-1").get_attribute("open") is not None


@pytest.mark.parametrize("width", [320, 1280, 3840])
def test_nothing_is_wider_than_the_screen(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.locator("#unfold").click()
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_axe_finds_nothing(page: Page) -> None:
    page.locator("#step-4 details").evaluate_all("parts => parts.forEach(part => part.open = true)")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    page.emulate_media(color_scheme="dark")
    results = Axe().run(page, context="#first", options={"runOnly": ["color-contrast"]})
    assert results.violations_count == 0, results.generate_report()


def test_chinese_by_a_switch(page: Page) -> None:
    assert page.locator("h1").inner_text() == "Reproduction report: profile synthetic"
    page.locator("#language").click()
    assert page.locator("h1").inner_text() == "复现报告：配置 synthetic"
    assert page.evaluate("document.documentElement.lang") == "zh"
    assert page.locator("#step-4 svg tspan.zh").is_visible() and not page.locator("#step-4 svg tspan.en").is_visible()
    page.locator("#language").click()
    assert page.locator("#language").inner_text() == "中文"


@pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="pictures are made with SCREENSHOTS=FOLDER")
def test_pictures(browser: Browser, address: str) -> None:
    folder = Path(os.environ["SCREENSHOTS"])
    where = Path(os.environ["SCREENSHOT_PAGE"]).resolve().as_uri() if "SCREENSHOT_PAGE" in os.environ else address
    for name, width, anchor in (
        ("first-screen", 1280, ""),
        ("section", 1280, "#step-4"),
        ("dark", 1280, ""),
        ("phone", 360, ""),
        ("chinese", 1280, ""),
    ):
        opened = browser.new_page(viewport={"width": width, "height": 900})
        opened.emulate_media(color_scheme="dark" if name == "dark" else "light")
        opened.goto(where + anchor)
        if name == "chinese":
            opened.locator("#language").click()
        opened.screenshot(path=folder / f"{name}.png")
        opened.close()
