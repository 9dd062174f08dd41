"""The page of an audit in Chinese: the same findings, and no English sentence left."""

import re
from pathlib import Path

import numpy as np
import pytest

from repro.audit import audit
from repro.audit.render import page, render, write
from repro.pages import Markdown
from repro.results.audit import AuditReport
from repro.translations import translations
from tests.audit.faults import FAULTS
from tests.audit.habits.layouts import HABITS
from tests.audit.habits.numbers import healthy
from tests.audit.habits.writing import Project
from tests.audit.planted import run
from tests.report.sentences import left_in_english


@pytest.mark.parametrize("fault", [*FAULTS, None])
def test_a_chinese_audit_leaves_nothing_in_english(fault: str | None, tmp_path: Path) -> None:
    report = run(fault, 0, tmp_path)
    assert left_in_english(render(report, chinese=True)) == []


def test_an_audit_of_nothing_is_chinese_too(tmp_path: Path) -> None:
    chinese = render(audit(tmp_path), chinese=True)
    assert left_in_english(chinese) == [] and "没有找到成对的转储文件" in chinese


def test_both_languages_hold_the_same(tmp_path: Path) -> None:
    report = run("large masked logits", 1, tmp_path)
    html, english, chinese = page(report), render(report), render(report, chinese=True)
    for item in report.findings:
        for text in (english, chinese):
            assert f"`{item.where}`" in text
        assert str(Markdown(translations(), chinese=True).text(item.text)) in chinese
    assert len(re.findall(r"^\|", chinese, re.MULTILINE)) == len(re.findall(r"^\|", english, re.MULTILINE))
    assert '<span class="en">Findings</span><span class="zh" lang="zh">发现</span>' in html
    assert 'id="language"' in html


def test_the_labels_of_the_pictures_are_in_both_languages(tmp_path: Path) -> None:
    html = page(audit(Project(HABITS[4], healthy(np.random.default_rng(1))).write(tmp_path)))
    assert '<tspan class="zh" lang="zh">一次 float32 舍入</tspan>' in html


def test_it_is_written_beside_the_english_one(tmp_path: Path) -> None:
    report: AuditReport = run(None, 0, tmp_path)
    write(report, tmp_path / "out")
    assert (tmp_path / "out" / "audit.zh.md").read_text(encoding="utf-8") == render(report, chinese=True)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "audit.json",
        "audit.md",
        "audit.zh.md",
        "audit.html",
    }
