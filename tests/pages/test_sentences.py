"""Sentences that come finished are found among the templates; whatever is not known stays as it is."""

import pytest

from repro.pages import Html, Markdown, Plain
from repro.pages.sentences import MOST

CHINESE = {
    "{n} of {total} arrays are equal": "{total} 个数组中有 {n} 个相等",
    "the first batch": "第一个批次",
    "every window of {file}": "{file} 的全部窗口",
    "{file} is not complete ({why})": "{file} 不完整（{why}）",
    "{low} and {high}": "{low} 和 {high}",
    "{n} examples ({points} points, {others} here)": "{n} 个样本（{points} 分，此处 {others}）",
    "{file} and {n} more files": "{file} 等，另有 {n} 个文件",
    "Assumed": "假定",
    "equal": "相等",
    "mean": "均值",
}


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("3 of 4 arrays are equal", "4 个数组中有 3 个相等"),
        (
            "3 of 4 arrays are equal: the first batch, every window of `a b`.",
            "4 个数组中有 3 个相等：第一个批次、a b 的全部窗口。",
        ),
        ("The first batch. 3 of 4 arrays are equal.", "第一个批次。4 个数组中有 3 个相等。"),
        ("Assumed: the first batch; equal", "假定：第一个批次；相等"),
        (
            "Step 6: x.json is not complete (f1: Input should be less)",
            "Step 6：x.json 不完整（f1: Input should be less）",
        ),
        ("1.5 and 2", "1.5 和 2"),
        (
            "16 examples (1 points, 2 here), 8 examples (3 points, 4 here)",
            "16 个样本（1 分，此处 2）、8 个样本（3 分，此处 4）",
        ),
        ("every window of a and 3 more files", "a 等，另有 3 个文件 的全部窗口"),
        ("every window of the first batch", "第一个批次 的全部窗口"),
    ],
)
def test_what_is_known_is_translated(text: str, chinese: str) -> None:
    assert Plain(CHINESE, chinese=True).text(text) == chinese
    assert Plain(CHINESE).text(text) == text.replace("`", "")


@pytest.mark.parametrize(
    "text",
    [
        "mean",
        "equal",
        "some of all arrays are equal",
        "the second batch",
        "black and white cats",
        "a, b, c",
        "x: y",
        "",
    ],
)
def test_what_is_not_known_stays(text: str) -> None:
    assert Plain(CHINESE, chinese=True).text(text) == text


def test_a_sentence_that_is_not_known_leaves_the_others() -> None:
    text = "3 of 4 arrays are equal; nobody knows this. Nor this one. The first batch."
    chinese = "4 个数组中有 3 个相等；nobody knows this。Nor this one。第一个批次。"
    assert Plain(CHINESE, chinese=True).text(text) == chinese


def test_long_lists_stay() -> None:
    text = ", ".join(["the first batch"] * 10_000)
    assert Plain(CHINESE, chinese=True).text(text) == text
    assert Plain(CHINESE, chinese=True).text(", ".join(["the first batch"] * MOST)).count("、") == MOST - 1


def test_a_page_in_both_languages_holds_both() -> None:
    both = '<span class="en">the first batch</span><span class="zh" lang="zh">第一个批次</span>'
    assert Html(CHINESE).text("the first batch") == both
    assert Html(CHINESE).text("a <b> c") == "a &lt;b&gt; c" and Html().text("the first batch") == "the first batch"
    assert Markdown(CHINESE, chinese=True).text("every window of a*b") == "a\\*b 的全部窗口"
