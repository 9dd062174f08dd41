"""Writers escape what is not theirs, and say the same in every format."""

import pytest
from markdown_it import MarkdownIt

from repro.pages import Anchor, Code, Html, Joined, Link, Markdown, Original, Plain, Strong, Verdict, Writer, phrase

HOSTILE = (
    "</details><script>alert(1)</script>",
    "[x](javascript:alert(1)) and ![y](https://example.org/z.png) and [z][w]",
    "*a* _b_ __init__ ~~c~~ \\*d* &lt;e&gt; {{ 7 * 7 }} {0} $f$",
    "`tick and ``code`` and | pipe",
)
CHINESE = {"{n} of {total}, see {where}": "{total} 中的 {n}，见 {where}", "yes": "是"}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("inline", [lambda text: text, Code, Strong, lambda text: Link(text, "#a")])
def test_markdown_shows_text_as_it_is(text: str, inline: type) -> None:
    html = MarkdownIt("gfm-like", {"linkify": False}).render(str(Markdown().text(inline(text))))
    for tag in ("<script", "</details", "<em>", "<s>", "<img", 'javascript:alert(1)"', '<a href="java'):
        assert tag not in html
    words = html.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&quot;", '"')
    for word in ("alert(1)", "https://example.org", "__init__", "7 * 7"):
        assert (word in text) == (word in words)


@pytest.mark.parametrize("text", HOSTILE)
def test_html_shows_text_as_it_is(text: str) -> None:
    html = str(Html().text(Joined((text, Code(text), Anchor(text, Link(text, "#a"))))))
    assert "<script" not in html and "</details" not in html
    assert ("&lt;e" in text) == ("&amp;lt;e" in html)
    assert html.count("<a ") == 1 and html.count("<img") == 0


def test_a_phrase_is_translated_as_a_whole() -> None:
    value = phrase("{n} of {total}, see {where}", n=1, total=2, where=Code("a*b"))
    assert Markdown(CHINESE).text(value) == "1 of 2, see `a*b`"
    assert Markdown(CHINESE, chinese=True).text(value) == "2 中的 1，见 `a*b`"
    assert Plain(CHINESE).text(value) == "1 of 2, see a*b"
    english, chinese = "1 of 2, see <code>a*b</code>", "2 中的 1，见 <code>a*b</code>"
    both = f'<span class="en">{english}</span><span class="zh" lang="zh">{chinese}</span>'
    assert Html(CHINESE).text(value) == both


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (0.000123456, "0.0001235"),
        ([2, 12, 80], "2 × 12 × 80"),
        (Verdict("passed"), "passed"),
        (Original("说明", "remark"), "说明 (remark)"),
        (Joined(("a", Strong(1)), "; "), "a; 1"),
    ],
)
def test_values(value: object, text: str) -> None:
    assert Plain().text(value) == text


def test_a_list_within_a_phrase_has_the_marks_of_its_language() -> None:
    value = phrase("see {where}", where=Joined(("a", phrase("yes"))))
    chinese = {"see {where}": "见 {where}", "yes": "是"}
    assert Markdown(chinese, chinese=True).text(value) == "见 a、是" and Markdown(chinese).text(value) == "see a, yes"
    both = '<span class="en">see a, yes</span><span class="zh" lang="zh">见 a、是</span>'
    assert Html(chinese).text(value) == both, "no half holds both"


def test_only_the_chinese_page_leaves_the_translation_out() -> None:
    assert Markdown(CHINESE, chinese=True).text(Original("说明", "remark")) == "说明"


@pytest.mark.parametrize("writer", [Plain(CHINESE), Markdown(CHINESE), Html(CHINESE)])
def test_what_is_written_is_not_written_again(writer: Writer) -> None:
    once = writer.text("a < b & `c`")
    assert writer.text(once) == once
