"""Splitting words as ``transformers``' ``BasicTokenizer`` does."""

import sys

from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.models.bert.tokenization_bert import BasicTokenizer

from repro.data.basic_tokenizer import split_word
from tests.data.samples import TROUBLE, words

THEIRS = BasicTokenizer(do_lower_case=False)
THEIRS_IN_LOWER_CASE = BasicTokenizer(do_lower_case=True)
any_text = st.text(st.characters(codec=None), max_size=12)


def test_every_character_alone() -> None:
    different = [hex(n) for n in range(sys.maxunicode + 1) if list(split_word(chr(n))) != THEIRS.tokenize(chr(n))]
    assert different == []


@settings(max_examples=300, deadline=None)
@given(st.one_of(any_text, st.lists(st.sampled_from(TROUBLE), max_size=4).map("".join)))
def test_any_text(text: str) -> None:
    assert list(split_word(text)) == THEIRS.tokenize(text)
    assert list(split_word(text, lower_case=True)) == THEIRS_IN_LOWER_CASE.tokenize(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(words, max_size=5))
def test_word_by_word_is_the_same_as_the_whole(parts: list[str]) -> None:
    for lower_case, theirs in ((False, THEIRS), (True, THEIRS_IN_LOWER_CASE)):
        assert [token for word in parts for token in split_word(word, lower_case)] == theirs.tokenize(" ".join(parts))


def test_lower_casing_would_be_noticed() -> None:
    assert split_word("Ab") == ("Ab",) != tuple(THEIRS_IN_LOWER_CASE.tokenize("Ab"))
