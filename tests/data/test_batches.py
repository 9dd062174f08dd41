"""Orders of rows, and the number of steps."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.data.batches import (
    Batches,
    cheapest_parts,
    epoch_orders,
    first_batches,
    sorted_batches,
    split,
    total_steps,
    whole,
    widths,
)
from repro.numerics.arrays import Arrays

counts = st.integers(1, 60)
sizes = st.integers(1, 16)


def orders(
    count: int, batch_size: int, *, epochs: int = 2, shuffle: bool = True, seed: int = 0, skip: bool = False
) -> list[Batches]:
    return list(
        epoch_orders(count, epochs=epochs, batch_size=batch_size, shuffle=shuffle, seed=seed, skip_batches_of_one=skip)
    )


@given(counts, sizes, st.booleans(), st.integers(0, 1000))
def test_every_row_once_an_epoch(count: int, batch_size: int, shuffle: bool, seed: int) -> None:
    for epoch in orders(count, batch_size, shuffle=shuffle, seed=seed):
        assert sorted(row for batch in epoch for row in batch) == list(range(count))
        assert all(len(batch) == batch_size for batch in epoch[:-1])
        assert 1 <= len(epoch[-1]) <= batch_size


@given(counts, sizes)
def test_without_shuffling_in_file_order(count: int, batch_size: int) -> None:
    for epoch in orders(count, batch_size, shuffle=False):
        assert [row for batch in epoch for row in batch] == list(range(count))


def test_order_depends_on_seed_and_epoch_alone() -> None:
    first, second = orders(40, 8, seed=1)
    assert orders(40, 8, seed=1) == [first, second]
    assert first != second and first != orders(40, 8, seed=2)[0]
    assert [row for batch in first for row in batch] == [row for batch in orders(40, 5, seed=1)[0] for row in batch]


def test_order_is_the_same_on_every_machine() -> None:
    """A change here changes every published number of a training."""
    assert orders(8, 3, seed=42) == [
        [[3, 6, 1], [7, 4, 0], [2, 5]],
        [[6, 0, 7], [2, 3, 5], [1, 4]],
    ]


@given(counts, sizes)
def test_batches_of_one_are_left_out(count: int, batch_size: int) -> None:
    for order, epoch in zip(orders(count, batch_size, skip=True), orders(count, batch_size), strict=True):
        assert order == (epoch[:-1] if len(epoch[-1]) == 1 else epoch)


@given(counts, sizes, st.integers(0, 40))
def test_the_first_batches_cross_epochs(count: int, batch_size: int, wanted: int) -> None:
    whole_epochs = orders(count, batch_size)
    first = list(first_batches(whole_epochs, wanted))
    flat, cut = ([batch for epoch in epochs for batch in epoch] for epochs in (whole_epochs, first))
    assert cut == flat[:wanted] and all(first)


@given(counts, sizes, st.integers(1, 12), st.integers(0, 300))
def test_steps_that_happen_reach_the_end_of_the_schedule(count: int, batch_size: int, epochs: int, least: int) -> None:
    schedule, runs = total_steps(count, batch_size, epochs, least)
    happen = sum(len(epoch) for epoch in orders(count, batch_size, epochs=runs))
    per_epoch = -(-count // batch_size)
    assert schedule == max(least, epochs * per_epoch)
    assert schedule <= happen <= schedule + per_epoch


@pytest.mark.parametrize(
    ("features", "expected"),
    [(17, (200, 101)), (12, (200, 201)), (129, (200, 19)), (240, (200, 10)), (1024, (860, 10))],
)
def test_steps_of_the_published_protocol(features: int, expected: tuple[int, int]) -> None:
    """Batches of 12, max(10 epochs, 200 steps); 17 features make 202 steps, as the published runs did."""
    assert total_steps(features, 12, 10, 200) == expected


@pytest.mark.parametrize(
    "call", [lambda: sorted_batches(np.ones(3), 0), lambda: orders(3, 0), lambda: total_steps(0, 12, 1, 1)]
)
def test_impossible_sizes_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"not positive|no training step"):
        call()


def padded(lengths: list[int], width: int, **labels: list[int]) -> Arrays:
    ids = np.where(np.arange(width) < np.array(lengths)[:, None], 7, 0)
    return {"input_ids": ids, "attention_mask": (ids > 0).astype(int), **{n: np.array(v) for n, v in labels.items()}}


def test_a_row_needs_its_tokens_and_the_labels_inside_the_width() -> None:
    assert widths(padded([3, 9, 1], 9)).tolist() == [3, 9, 1]
    labels = {"start_positions": [0, 8, 9, -4], "end_positions": [5, 0, 400, 2]}
    assert widths(padded([4, 4, 4, 4], 9, **labels)).tolist() == [6, 9, 4, 4]


def test_a_row_needs_every_token_and_every_place_that_is_attended_to() -> None:
    batch = padded([5, 5, 0], 9)
    batch["attention_mask"][0, 7] = 1  # attended to, though padding
    batch["attention_mask"][1, 2:] = 0  # a token, though not attended to
    assert widths(batch).tolist() == [8, 5, 1]


row_widths = st.lists(st.integers(1, 40), min_size=1, max_size=9)


@given(row_widths, st.integers(0, 80))
def test_parts_are_the_cheapest_of_all_partitions(needed: list[int], part_tokens: int) -> None:
    def cost(parts: list[np.ndarray]) -> int:
        return sum(len(part) * max(needed[row] for row in part) + part_tokens for part in parts)

    def partitions(rows: list[int]) -> Iterator[list[list[int]]]:
        if not rows:
            yield []
        for count in range(1, len(rows) + 1):
            yield from ([rows[:count], *rest] for rest in partitions(rows[count:]))

    parts = cheapest_parts(np.array(needed), part_tokens)
    assert sorted(row for part in parts for row in part) == list(range(len(needed)))
    by_width = sorted(range(len(needed)), key=needed.__getitem__)
    assert cost(parts) == min(cost([np.array(part) for part in split]) for split in partitions(by_width))


@given(row_widths)
def test_a_split_holds_every_row_in_its_width(needed: list[int]) -> None:
    batch = padded(needed, 40, start_positions=list(range(len(needed))))
    for rows, part in split(batch, part_tokens=10):
        assert rows.tolist() == sorted(rows)
        width = part["input_ids"].shape[1]
        assert width == max(widths(batch)[rows])
        assert np.array_equal(part["attention_mask"], batch["attention_mask"][rows, :width])
        assert np.array_equal(part["start_positions"], rows)


def test_dear_parts_leave_the_batch_in_its_order() -> None:
    batch = padded([3, 9, 1], 9)
    ((rows, part),) = split(batch, part_tokens=1000)
    assert rows.tolist() == whole(batch)[0].rows.tolist() == [0, 1, 2]
    assert np.array_equal(part["input_ids"], batch["input_ids"])


@given(row_widths, sizes)
def test_batches_by_width_hold_neighbours(needed: list[int], batch_size: int) -> None:
    batches = sorted_batches(np.array(needed), batch_size)
    assert sorted(row for batch in batches for row in batch) == list(range(len(needed)))
    assert all(len(batch) == batch_size for batch in batches[:-1])
    flat = [needed[row] for batch in batches for row in batch]
    assert flat == sorted(needed, reverse=True)
