"""Every phrase and sentence of the report has its Chinese, with the same values; the document's words their English."""

import re
from string import Formatter

from repro.config.paths import RunPaths
from repro.pages.sentences import Sentences
from repro.report import render
from repro.report.render import translations
from repro.translations import document_words, sentences
from tests.report.phrases import phrases
from tests.report.sentences import left_in_english, parts, texts, worded
from tests.report.synthetic_run import DOCUMENT, read_report

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_no_phrase_is_without_translation_and_no_translation_without_phrase() -> None:
    titles = {title for step in DOCUMENT.steps.values() for title in (step.title, f"{step.heading} · {step.title}")}
    assert phrases() - translations().keys() == set()
    assert translations().keys() - phrases() - titles - sentences().keys() == set()


def test_whatever_a_step_can_say_has_a_translation() -> None:
    known = "\n".join(re.sub(r"\{\w+\}", "{}", text) for text in translations()).lower()
    assert [(file, words) for file, words in worded() if words.lower() not in known] == []
    measures = {claim.what for claim in DOCUMENT.claims if " " in claim.what}
    find = Sentences(translations()).find
    assert {what for what in measures if find(what) is None} == set()


def test_every_translated_sentence_is_said_somewhere() -> None:
    said = [text for _, text in texts("")] + [claim.what for claim in DOCUMENT.claims]
    known = {part.lower() for text in said for part in parts(text) if len(part) > 3}
    short = {"{a} % and {b} %", "{n} (one)", "Token ids", "Segment ids", "std", "to", "all", "of"}
    assert {text for text in sentences() if not any(part in text.lower() for part in known)} == short


def test_a_sentence_of_another_wording_stays_as_it_is() -> None:
    find = Sentences({"{n} of {total} arrays are equal": "", "first batch": ""}).find
    assert find("3 of 4 arrays are equal: first batch") is not None
    assert find("3 of 4 arrays are not equal") is None and find("first") is None
    assert left_in_english("通过：3 of 4 arrays are not equal。`some code`") == ["通过：3 of 4 arrays are not equal。"]


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
