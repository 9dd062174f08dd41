"""Labels of a drawing in the language of its page; what is no phrase stays as it is drawn."""

from repro.pages import Html, Plain, phrase
from repro.pages.drawings import translated

SVG = '<svg aria-label="a &lt; b"><text x="1">step 3 &amp; more</text><text>1e-07</text><text>step</text></svg>'
LABELS = {"a < b": phrase("a < b"), "step 3 & more": phrase("step {n} & more", n=3)}
CHINESE = {"a < b": "甲 < 乙", "step {n} & more": "第 {n} 步 & 其他"}


def test_a_file_in_one_language_has_that_alone() -> None:
    chinese = translated(SVG, LABELS, Plain(CHINESE, chinese=True))
    assert 'aria-label="甲 &lt; 乙"' in chinese and ">第 3 步 &amp; 其他</text>" in chinese
    assert "<text>1e-07</text><text>step</text>" in chinese
    assert translated(SVG, LABELS, Plain(CHINESE)) == SVG


def test_a_page_in_two_languages_has_each_label_twice() -> None:
    both = '<tspan class="en">step 3 &amp; more</tspan><tspan class="zh" lang="zh">第 3 步 &amp; 其他</tspan></text>'
    page = translated(SVG, LABELS, Html(CHINESE))
    assert both in page and 'aria-label="a &lt; b"' in page and "<text>step</text>" in page
