"""The training loop of step 11."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from repro.alignment.step11_training.train import order_seed, plan, train_one
from repro.config.paths import read_json, sha256_file
from repro.config.profile import Baseline
from repro.config.protocol import PAPER
from repro.config.trainings import TrainingKey
from repro.context.attempts import attempt, read_attempts
from repro.context.data import RunData
from repro.data.batches import epoch_orders
from repro.data.dropout import dropout_seed
from repro.errors import InputError
from repro.results import TrainingAttempts, TrainingResult
from tests.alignment.fake_run import FakeRun

KEY, OTHER = (TrainingKey("pretrained", 16, seed) for seed in (42, 43))


def train(fake: FakeRun, backend: str = "pytorch", key: TrainingKey = KEY) -> Path:
    """Train once; the folder with the results."""
    folder = fake.run.training(backend, *key)
    train_one(fake.run, fake.profile, backend, key, rules=PAPER, folder=folder)
    return folder


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
    assert (result.backend, result.init, result.size, result.seed, result.repeat) == ("pytorch", *KEY)
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
    of_file = plan(data, OTHER)
    assert of_file.seed == 43 and of_file.steps == sum(map(len, of_file.orders))
    count = len(data.features("train-16-43"))
    expected = epoch_orders(count, epochs=len(of_file.orders), batch_size=4, shuffle=True, seed=43)
    assert of_file.orders == list(expected)
    fake.set("training", order_seed=7)
    named = plan(RunData(fake.run, fake.profile, "pytorch"), OTHER)
    assert named.seed == 7 and named.orders != of_file.orders
    assert len({dropout_seed(seed, size) for seed in (42, 43) for size in (16, 128)}) == 4


def test_a_repeat_has_its_own_order_and_masks(fake: FakeRun) -> None:
    again = KEY._replace(repeat=1)
    folders = [train(fake, backend, key) for key in (KEY, again) for backend in ("pytorch", "paddle")]
    first, _, repeated, of_paddle = (np.load(folder / "losses.npy") for folder in folders)
    assert folders[2].name == "pretrained-16-42-r1" and np.abs(first - repeated).max() > 1e-3
    np.testing.assert_allclose(repeated, of_paddle, rtol=1e-4)  # the same ones in both frameworks
    result = TrainingResult.read(folders[2] / "result.json")
    assert (result.seed, result.repeat, result.order_seed) == (42, 1, order_seed(42, 1))
    assert len({order_seed(seed, repeat) for seed in range(40, 50) for repeat in range(10)}) == 100


def attempts(fake: FakeRun) -> dict[str, TrainingAttempts]:
    return {item.training: item for item in read_attempts(fake.run, fake.profile)}


def test_a_rerun_replaces_no_memory(fake: FakeRun) -> None:
    first = TrainingResult.read(train(fake) / "result.json")
    shutil.rmtree(fake.run.training("pytorch", *KEY))
    second = TrainingResult.read(train(fake) / "result.json")
    fake.set("training", learning_rate=0.02)
    third = TrainingResult.read(train(fake) / "result.json")
    (item,) = attempts(fake).values()
    assert item.training == "pytorch/pretrained-16-42" and item.asked and item.replaced
    finished = [("finished", result.f1, result.files["losses.npy"]) for result in (first, second, third)]
    assert [(each.outcome, each.f1, each.losses) for each in item.attempts] == finished and finished[0] == finished[1]
    fake.set("training", seeds=(43,), baseline=Baseline())
    assert not attempts(fake)["pytorch/pretrained-16-42"].asked  # and yet it is listed


def test_a_killed_attempt_is_listed(fake: FakeRun) -> None:
    path = fake.run.attempts("paddle", KEY.name)
    with pytest.raises(KeyboardInterrupt), attempt(path):
        raise KeyboardInterrupt
    path.write_bytes(path.read_bytes() + b"\n{cut off")
    train(fake, "paddle")
    outcomes = [each.outcome for each in attempts(fake)["paddle/pretrained-16-42"].attempts]
    assert outcomes == ["interrupted", "unreadable", "finished"]


def test_a_loss_that_is_not_a_number_stops_the_training(fake: FakeRun) -> None:
    fake.use(nan_loss=True)
    with pytest.raises(InputError, match="loss of step 1 is nan"):
        train(fake, "paddle")
    assert not (fake.run.training("paddle", *KEY) / "result.json").exists()
    (each,) = attempts(fake)["paddle/pretrained-16-42"].attempts
    assert each.outcome == "failed" and each.reason.startswith("the loss of step 1 is nan")
