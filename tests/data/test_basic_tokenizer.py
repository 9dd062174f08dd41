"""Splitting words as ``transformers``' ``BasicTokenizer`` does."""

import itertools
import sys
from unicodedata import category

from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.models.bert.tokenization_bert import BasicTokenizer

from repro.data.basic_tokenizer import split_word
from tests.data.samples import TROUBLE, words
from tests.draws import draws

THEIRS = BasicTokenizer(do_lower_case=False)
THEIRS_IN_LOWER_CASE = BasicTokenizer(do_lower_case=True)
PLAIN = ("Cn", "Co")  # unassigned, private
any_text = st.text(st.characters(codec=None), max_size=12)


def test_every_character_alone() -> None:
    """Every one that Unicode has assigned, and some of the 800,000 others, which Python treats alike."""
    others = itertools.count()
    every = max(1, 800_000 // draws(8_000))
    chosen = (n for n in range(sys.maxunicode + 1) if category(chr(n)) not in PLAIN or next(others) % every == 0)
    different = [hex(n) for n in chosen if list(split_word(chr(n))) != THEIRS.tokenize(chr(n))]
    assert different == []


@settings(max_examples=draws(100), deadline=None)
@given(st.one_of(any_text, st.lists(st.sampled_from(TROUBLE), max_size=4).map("".join)))
def test_any_text(text: str) -> None:
    assert list(split_word(text)) == THEIRS.tokenize(text)
    assert list(split_word(text, lower_case=True)) == THEIRS_IN_LOWER_CASE.tokenize(text)


@settings(max_examples=draws(100), deadline=None)
@given(st.lists(words, max_size=5))
def test_word_by_word_is_the_same_as_the_whole(parts: list[str]) -> None:
    for lower_case, theirs in ((False, THEIRS), (True, THEIRS_IN_LOWER_CASE)):
        assert [token for word in parts for token in split_word(word, lower_case)] == theirs.tokenize(" ".join(parts))


def test_lower_casing_would_be_noticed() -> None:
    assert split_word("Ab") == ("Ab",) != tuple(THEIRS_IN_LOWER_CASE.tokenize("Ab"))
