"""Every phrase of the report has its Chinese, with the same values; every Chinese word of the document its English."""

import re
from string import Formatter

from repro.config.paths import RunPaths
from repro.report import render
from repro.report.render import translations
from repro.report.sections import document_words
from tests.report.phrases import phrases
from tests.report.synthetic_run import DOCUMENT, read_report

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_no_phrase_is_without_translation_and_no_translation_without_phrase() -> None:
    titles = {step.title for step in DOCUMENT.steps.values()}
    assert phrases() - translations().keys() == set()
    assert translations().keys() - phrases() - titles == {"yes", "no"}


def test_a_translation_has_the_values_of_its_phrase() -> None:
    assert [text for text, chinese in translations().items() if fields(text) != fields(chinese)] == []


def test_no_value_of_a_phrase_stands_within_backticks() -> None:
    texts = {text for pair in translations().items() for text in pair}
    assert [text for text in texts if any(part.count("`") % 2 for part, *_ in Formatter().parse(text))] == []


def test_the_documents_words_are_translated() -> None:
    printed = {text for claim in DOCUMENT.claims for text in (claim.column, claim.value)}
    assert {text for text in printed if CHINESE.search(text)} == document_words().keys()


def test_the_chinese_report_holds_the_same_numbers(full_run: RunPaths) -> None:
    report, english = read_report(full_run)
    chinese = full_run.report_zh.read_text(encoding="utf-8")
    assert chinese == render(report, chinese=True) and chinese.startswith("# 复现报告：配置 synthetic\n")
    for claim in report.claims:
        assert f"claim-{claim.id}" in chinese and claim.documented in chinese
    assert len(re.findall(r"^\|", chinese, re.MULTILINE)) == len(re.findall(r"^\|", english, re.MULTILINE))
