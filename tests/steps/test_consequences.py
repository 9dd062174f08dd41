"""Step 3: an answer changes only where the error of the logits reaches its margin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from workshop import Workshop

from repro.data.margins import Answered, answered, reach
from repro.numerics.record import StepResult
from repro.steps.consequences import questions
from repro.steps.context import Inputs

Arrays = dict[str, np.ndarray]


def table(result: StepResult, title: str) -> dict[str, list[Any]]:
    return {row[0]: row for row in next(t for t in result.tables if t["title"].startswith(title))["rows"]}


def answers_to(inputs: Inputs, logits: np.ndarray, n_best: int = 100) -> Answered:
    return answered(*questions(inputs), logits, inputs.vocabulary(), n_best=n_best, max_answer_length=10)


@pytest.mark.parametrize("size", [1e-3, 0.1, 0.5, 2.0])
def test_every_answer_that_changes_could(shop: Workshop, size: float) -> None:
    inputs = Inputs(shop.run, shop.profile, "pytorch")
    examples, features = questions(inputs)
    generator = np.random.Generator(np.random.PCG64(0))
    changes = 0
    for _ in range(20):
        logits = generator.normal(0, 1, (2, *features.input_ids.shape))
        other = logits + generator.uniform(-size, size, logits.shape)
        first, second = answers_to(inputs, logits), answers_to(inputs, other)
        limit = reach(logits, other, features, len(examples))
        assert (limit <= 4 * size).all() and (limit > 0).all()
        could = first.margins <= limit
        changed = np.array([a != b for a, b in zip(first.texts, second.texts, strict=True)])
        assert not (changed & ~could).any()
        assert first.worst(limit, could) <= second.score + 1e-9 and first.worst(limit, could) <= first.score
        changes += int(changed.sum())
    assert (changes > 0) is (size >= 0.1)


def test_a_shift_of_all_logits_changes_no_answer_but_is_no_error_of_zero(shop: Workshop) -> None:
    inputs = Inputs(shop.run, shop.profile, "pytorch")
    _, features = questions(inputs)
    logits = np.random.Generator(np.random.PCG64(0)).normal(0, 1, (2, *features.input_ids.shape))
    assert answers_to(inputs, logits).texts == answers_to(inputs, logits + 3.0).texts


def test_a_list_that_was_cut_off_counts_as_the_worst() -> None:
    gaps, f1 = [np.array([0.0, 0.1])], [np.array([100.0, 80.0])]
    within, could = np.array([0.2]), np.array([True])
    assert Answered(["a"], gaps, f1, np.array([False])).worst(within, could) == 80.0
    assert Answered(["a"], gaps, f1, np.array([True])).worst(within, could) == 0.0
    assert Answered(["a"], gaps, f1, np.array([True])).worst(within, np.array([False])) == 100.0
    assert Answered(["a"], [np.zeros(1)], [np.zeros(1)], np.array([False])).margins[0] == np.inf


def test_healthy(shop: Workshop) -> None:
    result = shop.compare(3)
    rows = table(result, "What the logits' error could change")
    assert [row[3] for row in rows.values()][:3] == [0, 0, 0] and [row[4] for row in rows.values()][:3] == [0, 0, 0]
    assert "no answer can change, so this error cannot move F1" in result.summary
    assert "as documented relative to their size, none could change" in result.summary
    assert list(rows)[3].endswith("the documented 1.4e-06 of their size") and list(rows)[4].endswith("0.0011 itself")
    assert rows[list(rows)[4]][1] > rows[list(rows)[3]][1]
    record = next(r for r in result.records if r.name == "logits[unmasked]")
    assert record.verdict == "same semantics, rounding only" and record.gap64 is not None
    assert {r.verdict for r in result.records if r.name != "logits[unmasked]"} == {"equal"}
    spread = table(result, "Margins and errors")
    smallest = spread["margin of the best answer over the second"][2]
    largest = spread["move of a score difference, at most"][6]
    assert smallest > largest > 0.0


def test_logits_that_are_off(shop: Workshop) -> None:
    result = shop.faulty(3, swapped_logits=True)
    row = table(result, "What the logits' error could change")["PyTorch against Paddle, float32"]
    assert row[3] >= row[4] > 0 and row[6] <= min(row[5], row[7])
    assert "answers could change" in result.summary and "does not explain" not in result.summary
    assert not next(r for r in result.records if r.name == "logits[unmasked]").passed


def test_a_small_error_where_the_margin_is_smaller(shop: Workshop) -> None:
    """Two starts of every window that nearly tie, the one ahead in PyTorch, the other in Paddle."""

    def tie(lift: float) -> Callable[[Arrays], None]:
        def change(arrays: Arrays) -> None:
            for start, end in zip(*arrays["logits"], strict=True):
                best, second = np.argsort(-start)[:2]
                start[second] = start[best] + np.float32(lift)
                end[:] = np.float32(0)

        return change

    for side, lift in (("pytorch", -1e-4), ("paddle", 1e-4)):
        shop.change(3, tie(lift), "float32", side)
    row = table(shop.compare(3), "What the logits' error could change")["PyTorch against Paddle, float32"]
    assert row[1] == pytest.approx(4e-4, rel=0.1) and row[3] > 0


def test_answers_that_the_logits_do_not_explain(shop: Workshop) -> None:
    def other(arrays: Arrays) -> None:
        arrays["answers"][2] += 1

    result = shop.change(3, other)
    apart = {record.name for record in result.records if not record.passed}
    assert result.status == "failed" and apart == {"answers", "recomputed.paddle.answers"}
