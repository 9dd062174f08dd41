"""The training loop, and what step 11 makes of its results."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from workshop import Workshop

from repro.claims import load_claims
from repro.data.batches import epoch_orders
from repro.errors import InputError
from repro.numerics.record import ClaimResult, StepResult
from repro.paths import RunPaths, atomic_json, read_json, sha256_file
from repro.profile import Profile, load_profile
from repro.steps.context import Inputs
from repro.steps.s11_training import CLAIMS, step_result
from repro.steps.train import dropout_seed, plan, train_one

KEY = ("pretrained", 16, 42)


def results(shop: Workshop, backend: str = "pytorch") -> Path:
    return shop.run.training(backend, *KEY)


def test_what_a_training_leaves(shop: Workshop) -> None:
    assert train_one(shop.run, shop.profile, "pytorch", *KEY) is True
    folder = results(shop)
    result = read_json(folder / "result.json")
    losses = np.load(folder / "losses.npy", allow_pickle=False)
    assert losses.dtype == np.float64 and losses.shape == (result["steps"],) and np.isfinite(losses).all()
    assert result["final_loss"] == losses[-1] and result["f1"] == result["metrics"]["f1"]
    assert len(result["metrics"]) >= 10 and result["metrics"]["total"] == 14
    rates = np.load(folder / "learning_rates.npy")
    assert rates[0] == 0.0 and rates.max() == 0.01
    # whole epochs are run: the schedule is over before the training is
    assert result["schedule_steps"] == 10 and result["steps"] > 10 and (rates[10:] == 0).all()
    assert {k: result[k] for k in ("backend", "init", "size", "seed")} == dict(
        zip(("backend", "init", "size", "seed"), ("pytorch", *KEY), strict=True)
    )
    assert all(sha256_file(folder / name) == value for name, value in result["files"].items())
    assert len(read_json(folder / "predictions.json")) == 14


def test_digit_for_digit_and_resumed(shop: Workshop) -> None:
    train_one(shop.run, shop.profile, "pytorch", *KEY)
    before = read_json(results(shop) / "result.json")
    assert train_one(shop.run, shop.profile, "pytorch", *KEY) is False
    (results(shop) / "losses.npy").write_bytes(b"cut off")
    assert train_one(shop.run, shop.profile, "pytorch", *KEY) is True
    after = read_json(results(shop) / "result.json")
    times = ("seconds", "durations")
    assert {k: v for k, v in before.items() if k not in times} == {k: v for k, v in after.items() if k not in times}


def test_settings_and_start_weights_matter(shop: Workshop) -> None:
    train_one(shop.run, shop.profile, "pytorch", *KEY)
    more = shop.profile.training.model_copy(update={"seeds": (42, 43)})
    assert not train_one(shop.run, shop.profile.model_copy(update={"training": more}), "pytorch", *KEY)
    other = shop.profile.training.model_copy(update={"dropout": 0.2})
    assert train_one(shop.run, shop.profile.model_copy(update={"training": other}), "pytorch", *KEY)


def test_both_frameworks_see_the_same_rows_and_masks(shop: Workshop) -> None:
    for backend in ("pytorch", "paddle"):
        train_one(shop.run, shop.profile, backend, *KEY)
    a, b = (np.load(results(shop, backend) / "losses.npy") for backend in ("pytorch", "paddle"))
    assert not np.array_equal(a, b)  # they round differently
    np.testing.assert_allclose(a, b, rtol=1e-4)
    shop.use(reversed_rows=False)
    native = shop.profile.training.model_copy(update={"dropout_masks": "native"})
    train_one(shop.run, shop.profile.model_copy(update={"training": native}), "paddle", *KEY)
    assert np.abs(np.load(results(shop, "paddle") / "losses.npy") - a).max() > 1e-3  # the fake draws no masks itself


def test_order_comes_from_the_seed_of_the_file_unless_named(shop: Workshop) -> None:
    inputs = Inputs(shop.run, shop.profile, "pytorch")
    made = plan(inputs, 16, 43)
    count = len(inputs.features("train-16-43"))
    assert made.seed == 43 and made.steps == sum(map(len, made.orders))
    expected = list(epoch_orders(count, epochs=len(made.orders), batch_size=4, shuffle=True, seed=43))
    assert made.orders == expected
    named = shop.profile.training.model_copy(update={"order_seed": 7})
    other = plan(Inputs(shop.run, shop.profile.model_copy(update={"training": named}), "pytorch"), 16, 43)
    assert other.seed == 7 and other.orders != made.orders
    assert len({dropout_seed(seed, size) for seed in (42, 43) for size in (16, 128)}) == 4


def test_a_loss_that_is_not_a_number_stops_the_training(shop: Workshop) -> None:
    shop.use(nan_loss=True)
    with pytest.raises(InputError, match="loss of step 1 is nan"):
        train_one(shop.run, shop.profile, "paddle", *KEY)
    assert not (results(shop, "paddle") / "result.json").exists()


def test_missing_features_are_named(shop: Workshop) -> None:
    shop.run.features("pytorch", "train-16-42").unlink()
    with pytest.raises(InputError, match="not there yet"):
        train_one(shop.run, shop.profile, "pytorch", *KEY)


def write(run: RunPaths, backend: str, init: str, size: int, seed: int, f1: float) -> None:
    """A finished training with a given F1."""
    folder = run.training(backend, init, size, seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "losses.npy").write_bytes(b"x")
    files = {"losses.npy": hashlib.sha256(b"x").hexdigest()}
    numbers = {"exact": f1 - 5, "f1": f1, "steps": 202, "schedule_steps": 200, "batches_of_one": 1}
    key = {"backend": backend, "init": init, "size": size, "seed": seed}
    atomic_json(folder / "result.json", {**key, **numbers, "files": files})


def paper_run(root: Path, shift: float = 0.0, apart: float = 0.0, **more: object) -> tuple[RunPaths, Profile]:
    """The documented F1 of every seed, moved by ``shift``; Paddle's by ``apart`` more."""
    run, profile, claims = RunPaths(root), load_profile("paper", more), load_claims()
    for init, size, seed in profile.trainings():
        value = float(claims[f"11.f1.{size}.{seed}"].value) + shift
        write(run, "pytorch", init, size, seed, value + 0.1 * (seed % 3 - 1))
        write(run, "paddle", init, size, seed, value + apart)
    return run, profile


def answers(result: StepResult) -> dict[str, ClaimResult]:
    return {claim.id: claim for claim in result.claims}


def test_documented_results_are_reproduced(tmp_path: Path) -> None:
    result = step_result(*paper_run(tmp_path))
    assert result.status == "passed" and {r.verdict for r in result.records} == {"no systematic difference"}
    found = answers(result)
    assert set(found) == set(CLAIMS) == {c.id for c in load_claims().values() if c.step == 11}
    assert {claim.verdict for claim in found.values()} == {"reproduced"}
    assert found["11.f1.16.42"].measured == 54.38 and "Welch" in found["11.f1.16.average"].reason
    assert found["11.f1.16.42"].evidence[0]["file"] == "training/paddle/pretrained-16-42/result.json"


def test_other_results_differ(tmp_path: Path) -> None:
    found = answers(step_result(*paper_run(tmp_path, shift=-6.0)))
    assert found["11.f1.128.average"].verdict == "differs" and found["11.f1.1024.42"].verdict == "differs"
    assert found["11.paper.1024"].verdict == "differs"
    # at 16 examples seeds scatter by several points: the same shift cannot be told from chance
    assert found["11.f1.16.average"].verdict == "reproduced"


def test_a_systematic_difference_between_the_frameworks(tmp_path: Path) -> None:
    result = step_result(*paper_run(tmp_path, apart=3.0))
    assert result.status == "failed" and "differ systematically" in result.summary


def test_other_weights_or_data_are_not_held_against_the_document(tmp_path: Path) -> None:
    run, profile = paper_run(tmp_path)
    mini = profile.model_copy(update={"weights": load_profile("mini").weights})
    found = answers(step_result(run, mini))
    assert {claim.verdict for claim in found.values()} == {"not comparable in this profile"}
    assert found["11.f1.16.42"].measured == 54.38


def test_fewer_seeds_and_sizes(tmp_path: Path) -> None:
    run, profile = paper_run(tmp_path)
    training = profile.training.model_copy(update={"sizes": (16,), "seeds": (42,)})
    result = step_result(run, profile.model_copy(update={"training": training}))
    found = answers(result)
    assert result.status == "undecided" and result.records == ()
    assert found["11.f1.16.42"].verdict == "not comparable in this profile"
    assert found["11.f1.16.43"].verdict == found["11.f1.128.average"].verdict == "not run"


@pytest.mark.parametrize("fault", ["missing", "changed", "another", "number"])
def test_incomplete_trainings(tmp_path: Path, fault: str) -> None:
    run, profile = paper_run(tmp_path)
    folder = run.training("paddle", "pretrained", 128, 44)
    if fault == "missing":
        (folder / "result.json").unlink()
    elif fault == "changed":
        (folder / "losses.npy").write_bytes(b"y")
    else:
        content = read_json(folder / "result.json")
        content |= {"seed": 45} if fault == "another" else {"f1": float("1e999")}
        (folder / "result.json").write_text(json.dumps(content))
    result = step_result(run, profile)
    assert result.status == "not run" and "pretrained-128-44" in result.summary
    assert {claim.verdict for claim in result.claims} == {"not run"}


def test_what_the_pretrained_weights_are_worth(tmp_path: Path) -> None:
    run, profile = paper_run(tmp_path, **{"training.baseline": {"sizes": [], "seeds": []}})
    training = profile.training.model_copy(
        update={"baseline": profile.training.baseline.model_copy(update={"sizes": (128,), "seeds": (42,)})}
    )
    for backend in profile.backends:
        write(run, backend, "random", 128, 42, 10.0)
    result = step_result(run, profile.model_copy(update={"training": training}))
    table = next(t for t in result.tables if t["title"].startswith("What the pretrained"))
    assert [row[:2] for row in table["rows"]] == [["PyTorch", 128], ["Paddle", 128]]
    assert table["rows"][1][4] == pytest.approx(71.45 - 10)
    assert "up to 2 steps happen after" in result.notes[1]


def test_trained_answers_that_differ(tmp_path: Path) -> None:
    run, profile = paper_run(tmp_path, apart=2.0)
    assert not any("answers that differ" in t["columns"] for t in step_result(run, profile).tables)
    given = {"pytorch": {"a": "x", "b": "y", "c": "z"}, "paddle": {"a": "x", "b": "Y", "c": "z"}}
    for backend, texts in given.items():
        folder = run.training(backend, "pretrained", 16, 42)
        atomic_json(folder / "predictions.json", texts)
        content = read_json(folder / "result.json")
        content["files"]["predictions.json"] = sha256_file(folder / "predictions.json")
        atomic_json(folder / "result.json", content)
    result = step_result(run, profile)
    found = next(t for t in result.tables if "answers that differ" in t["columns"])
    assert [row[:5] for row in found["rows"]] == [["pretrained", 16, 42, 1, 3]]
    assert found["rows"][0][7] == pytest.approx(found["rows"][0][5] - found["rows"][0][6])
    assert "1 of 3 trained answers (33 %) differ" in result.summary
