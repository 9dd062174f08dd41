"""The training loop of step 11."""

from pathlib import Path

import numpy as np
import pytest

from repro.alignment.step11_training.train import plan, train_one
from repro.config.paths import read_json, sha256_file
from repro.context.data import RunData
from repro.data.batches import epoch_orders
from repro.data.dropout import dropout_seed
from repro.errors import InputError
from repro.results import TrainingResult
from tests.alignment.fake_run import FakeRun

KEY = ("pretrained", 16, 42)


def train(fake: FakeRun, backend: str = "pytorch") -> Path:
    """Train once; the folder with the results."""
    train_one(fake.run, fake.profile, backend, *KEY)
    return fake.run.training(backend, *KEY)


def test_what_a_training_leaves(fake: FakeRun) -> None:
    folder = train(fake)
    result = TrainingResult.read(folder / "result.json")
    losses = np.load(folder / "losses.npy", allow_pickle=False)
    assert losses.dtype == np.float64 and losses.shape == (result.steps,) and np.isfinite(losses).all()
    assert result.final_loss == losses[-1] and result.f1 == result.metrics["f1"]
    assert len(result.metrics) >= 10 and result.metrics["total"] == 14
    rates = np.load(folder / "learning_rates.npy")
    assert rates[0] == 0.0 and rates.max() == 0.01
    # whole epochs are run: the schedule is over before the training is
    assert result.schedule_steps == 10 and result.steps > 10 and (rates[10:] == 0).all()
    assert (result.backend, result.init, result.size, result.seed) == ("pytorch", *KEY)
    assert all(sha256_file(folder / name) == value for name, value in result.files.items())
    assert len(read_json(folder / "predictions.json")) == 14


def test_digit_for_digit(fake: FakeRun) -> None:
    first, second = (TrainingResult.read(train(fake) / "result.json") for _ in range(2))
    assert first.replace(seconds=0.0, durations=second.durations) == second.replace(seconds=0.0)


def test_both_frameworks_see_the_same_rows_and_masks(fake: FakeRun) -> None:
    a, b = (np.load(train(fake, backend) / "losses.npy") for backend in ("pytorch", "paddle"))
    assert not np.array_equal(a, b)  # they round differently
    np.testing.assert_allclose(a, b, rtol=1e-4)
    fake.set("training", dropout_masks="native")
    native = np.load(train(fake, "paddle") / "losses.npy")
    assert np.abs(native - a).max() > 1e-3  # the fake draws no masks itself


def test_order_comes_from_the_seed_of_the_file_unless_named(fake: FakeRun) -> None:
    data = RunData(fake.run, fake.profile, "pytorch")
    of_file = plan(data, 16, 43)
    assert of_file.seed == 43 and of_file.steps == sum(map(len, of_file.orders))
    count = len(data.features("train-16-43"))
    expected = epoch_orders(count, epochs=len(of_file.orders), batch_size=4, shuffle=True, seed=43)
    assert of_file.orders == list(expected)
    fake.set("training", order_seed=7)
    named = plan(RunData(fake.run, fake.profile, "pytorch"), 16, 43)
    assert named.seed == 7 and named.orders != of_file.orders
    assert len({dropout_seed(seed, size) for seed in (42, 43) for size in (16, 128)}) == 4


def test_a_loss_that_is_not_a_number_stops_the_training(fake: FakeRun) -> None:
    fake.use(nan_loss=True)
    with pytest.raises(InputError, match="loss of step 1 is nan"):
        train(fake, "paddle")
    assert not (fake.run.training("paddle", *KEY) / "result.json").exists()
