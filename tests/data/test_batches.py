"""Orders of rows, and the number of steps."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.data.batches import Batches, epoch_orders, eval_batches, total_steps

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
    assert orders(count, batch_size, shuffle=False) == [eval_batches(count, batch_size)] * 2


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
    for kept, whole in zip(orders(count, batch_size, skip=True), orders(count, batch_size), strict=True):
        assert kept == (whole[:-1] if len(whole[-1]) == 1 else whole)


@given(counts, sizes, st.integers(1, 12), st.integers(0, 300))
def test_steps_that_happen_reach_the_end_of_the_schedule(count: int, batch_size: int, epochs: int, least: int) -> None:
    schedule, runs = total_steps(count, batch_size, epochs, least)
    happen = sum(len(epoch) for epoch in orders(count, batch_size, epochs=runs))
    assert schedule == max(least, epochs * len(eval_batches(count, batch_size)))
    assert schedule <= happen <= schedule + len(eval_batches(count, batch_size))


@pytest.mark.parametrize(
    ("features", "expected"),
    [(17, (200, 101)), (12, (200, 201)), (129, (200, 19)), (240, (200, 10)), (1024, (860, 10))],
)
def test_steps_of_the_published_protocol(features: int, expected: tuple[int, int]) -> None:
    """Batches of 12, max(10 epochs, 200 steps); 17 features make 202 steps, as the published runs did."""
    assert total_steps(features, 12, 10, 200) == expected


@pytest.mark.parametrize("call", [lambda: eval_batches(3, 0), lambda: orders(3, 0), lambda: total_steps(0, 12, 1, 1)])
def test_impossible_sizes_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"not positive|no training step"):
        call()
