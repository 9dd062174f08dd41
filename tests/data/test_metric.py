"""The SQuAD metric equals ``squad_evaluate``, keys, order and last digits."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.data.metrics.squad_metrics import squad_evaluate

from repro.data.metric import normalise, squad_metric
from repro.data.mrqa import Example
from repro.errors import InputError
from tests.draws import draws

WORDS = [*"the a An king King's river é 中国 ... ( 1,000 x-ray The.".split(), "\u00a0"]
texts = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join),
    st.text(max_size=8),
    st.sampled_from(["", "a", "the !"]),
)


def question(index: int, answers: list[str]) -> Example:
    return Example(f"q{index}", "? [MASK].", ("x",), answers=tuple(answers))


def theirs(examples: list[Example], predictions: dict[str, str]) -> dict[str, float]:
    wrapped = [SimpleNamespace(qas_id=e.qas_id, answers=[{"text": text} for text in e.answers]) for e in examples]
    return dict(squad_evaluate(wrapped, predictions))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Example], dict[str, str]]:
    count = draw(st.integers(1, 12))
    examples = [question(i, draw(st.lists(texts, max_size=3))) for i in range(count)]
    order = draw(st.permutations(examples))
    predictions = {e.qas_id: draw(st.one_of(texts, st.sampled_from([*e.answers, ""]))) for e in order}
    if draw(st.booleans()):
        predictions["unasked"] = "king"
    return examples, predictions


@settings(max_examples=draws(150), deadline=None)
@given(cases())
def test_equal_to_squad_evaluate(case: tuple[list[Example], dict[str, str]]) -> None:
    ours, expected = squad_metric(*case), theirs(*case)
    assert ours == expected
    assert list(ours) == list(expected)
    assert [type(value) for value in ours.values()] == [type(value) for value in expected.values()]


def test_scores_of_two_answers() -> None:
    result = squad_metric([question(0, ["the king"]), question(1, ["river"])], {"q0": "King!", "q1": "a river bank"})
    assert (result["exact"], result["total"]) == (50.0, 2)
    assert result["f1"] == 100 * (1 + 2 / 3) / 2


@pytest.mark.parametrize(
    ("said", "normal"), [("The  King's,", "kings"), ("a an the", ""), ("theatre", "theatre"), ("“x”", "“x”")]
)
def test_normalise(said: str, normal: str) -> None:
    assert normalise(said) == normal


def test_planted_faults_change_the_result() -> None:
    examples = [question(i, [answer]) for i, answer in enumerate(["one two", "three", "four five six"])]
    said = {"q0": "one", "q1": "three", "q2": "five six seven"}
    good = theirs(examples, said)
    assert squad_metric(examples, said) == good
    assert squad_metric(examples, said | {"q0": "two one"}) != good
    assert squad_metric([*examples[:2], question(2, ["four"])], said) != good
    assert squad_metric(examples[:2], said) != good


def test_incomplete_input_is_refused() -> None:
    with pytest.raises(InputError, match="no question"):
        squad_metric([], {})
    with pytest.raises(InputError, match="no prediction for 1 questions, such as 'q0'"):
        squad_metric([question(0, ["x"])], {})
