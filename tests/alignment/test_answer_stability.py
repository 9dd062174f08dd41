"""Step 3: an answer changes only where the error of the logits reaches its margin."""

from collections.abc import Callable

import numpy as np
import pytest

from repro.context.data import RunData, questions
from repro.data.margins import Answered, answered, reach
from repro.numerics.arrays import Arrays
from tests.alignment.fake_run import FakeRun, by_name, rows

STABILITY = "What the logits' error could change"
BETWEEN = "PyTorch against Paddle, float32"


def answers_to(data: RunData, logits: np.ndarray) -> Answered:
    return answered(*questions(data), logits, data.vocabulary(), n_best=100, max_answer_length=10)


@pytest.mark.parametrize("size", [1e-3, 0.1, 0.5, 2.0])
def test_every_answer_that_changes_could(fake: FakeRun, size: float) -> None:
    data = RunData(fake.run, fake.profile, "pytorch")
    examples, features = questions(data)
    generator = np.random.default_rng(0)
    changes = 0
    for _ in range(8):
        logits = generator.normal(0, 1, (2, *features.input_ids.shape))
        other = logits + generator.uniform(-size, size, logits.shape)
        first, second = answers_to(data, logits), answers_to(data, other)
        limit = reach(logits, other, features, len(examples))
        assert (limit <= 4 * size).all() and (limit > 0).all()
        could = first.margins <= limit
        different = np.array([a != b for a, b in zip(first.texts, second.texts, strict=True)])
        assert not (different & ~could).any()
        assert first.worst(limit, could) <= second.score + 1e-9 and first.worst(limit, could) <= first.score
        changes += int(different.sum())
        assert answers_to(data, logits + 3.0).texts == first.texts  # a shift of all logits changes no answer
    assert (changes > 0) is (size >= 0.1)


def test_a_list_that_was_cut_off_counts_as_the_worst() -> None:
    gaps, f1 = [np.array([0.0, 0.1])], [np.array([100.0, 80.0])]
    within, could = np.array([0.2]), np.array([True])
    assert Answered(["a"], gaps, f1, np.array([False])).worst(within, could) == 80.0
    assert Answered(["a"], gaps, f1, np.array([True])).worst(within, could) == 0.0
    assert Answered(["a"], gaps, f1, np.array([True])).worst(within, np.array([False])) == 100.0
    assert Answered(["a"], [np.zeros(1)], [np.zeros(1)], np.array([False])).margins[0] == np.inf


def test_healthy(fake: FakeRun) -> None:
    result = fake.compare(3)
    runs = list(rows(result, STABILITY).values())
    assert [row[3:5] for row in runs[:3]] == [(0, 0)] * 3
    assert "no answer can change, so this error cannot move F1" in result.summary
    assert "as documented relative to their size, none could change" in result.summary
    assert runs[3][0].endswith("the documented 1.4e-06 of their size") and runs[4][0].endswith("0.0011 itself")
    assert runs[4][1] > runs[3][1]
    records = by_name(result)
    logits = records.pop("logits[unmasked]")
    assert logits.verdict == "same semantics, rounding only" and logits.gap64 is not None
    assert {record.verdict for record in records.values()} == {"equal"}
    spread = rows(result, "Quantiles of margin and error")
    smallest = spread["margin of the best answer over the second"][2]
    assert smallest > spread["move of a score difference, at most"][6] > 0.0


def test_logits_that_are_off(fake: FakeRun) -> None:
    result = fake.faulty(3, swapped_logits=True)
    row = rows(result, STABILITY)[BETWEEN]
    assert row[3] >= row[4] > 0 and row[6] <= min(row[5], row[7])
    assert "answers could change" in result.summary and "does not explain" not in result.summary
    assert not by_name(result)["logits[unmasked]"].passed


def test_a_small_error_where_the_margin_is_smaller(fake: FakeRun) -> None:
    """Two starts of every window that nearly tie, the one ahead in PyTorch, the other in Paddle."""

    def tie(lift: float) -> Callable[[Arrays], None]:
        def change(arrays: Arrays) -> None:
            for start, end in zip(*arrays["logits"], strict=True):
                best, second = np.argsort(-start)[:2]
                start[second] = start[best] + np.float32(lift)
                end[:] = np.float32(0)

        return change

    for side, lift in (("pytorch", -1e-4), ("paddle", 1e-4)):
        fake.change(3, tie(lift), "float32", side)
    row = rows(fake.compare(3), STABILITY)[BETWEEN]
    assert row[1] == pytest.approx(4e-4, rel=0.1) and row[3] > 0


def test_answers_that_the_logits_do_not_explain(fake: FakeRun) -> None:
    result = fake.change(3, lambda arrays: np.add.at(arrays["answers"], 2, 1))
    assert result.status == "failed"
    assert {r.name for r in result.records if not r.passed} == {"answers", "recomputed.paddle.answers"}
