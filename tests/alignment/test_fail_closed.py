"""Dumps that are not what they should be never pass: each way has its own name."""

import os
import shutil
from collections.abc import Callable

import numpy as np
import pytest

from repro.config.paths import atomic_json, read_json
from repro.dumps import read_dump, write_dump
from repro.errors import InputError
from repro.numerics.arrays import Arrays
from repro.results import StepResult
from tests.alignment.fake_run import FakeRun


def outcomes(result: StepResult) -> set[str]:
    return {record.outcome for record in result.records if not record.passed}


def lose(arrays: Arrays) -> None:
    arrays.pop("sequence_output")


def poison(arrays: Arrays) -> None:
    arrays["sequence_output"][0, 0, 0] = np.nan


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (lose, "missing key"),
        (lambda arrays: arrays.update(another=np.zeros(3)), "extra key"),
        (lambda arrays: arrays.update(model_output=arrays["model_output"][:1]), "shape differs"),  # would broadcast
        (lambda arrays: arrays.update(start_temp=arrays["start_temp"].transpose(0, 2, 1)), "shape differs"),
        (lambda arrays: arrays.update(embeddings=arrays["embeddings"].astype(np.float64)), "dtype differs"),
        (poison, "not finite"),
        (lambda arrays: np.put(arrays["sequence_output"], 0, np.inf), "not finite"),
    ],
)
def test_structure(fake: FakeRun, change: Callable[[Arrays], None], outcome: str) -> None:
    result = fake.change(1, change)
    assert result.status == "failed" and outcomes(result) == {outcome}
    assert {claim.verdict for claim in result.claims} == {"differs"}
    assert sum(result.counts[name] for name in ("passed", "failed", "undecided")) == result.counts["total"]


def test_one_element_is_not_a_scalar(fake: FakeRun) -> None:
    result = fake.change(4, lambda arrays: arrays.update(model_output=arrays["model_output"].reshape(1)))
    assert outcomes(result) == {"shape differs"} and result.status == "failed"


def test_not_finite_on_both_sides_is_no_agreement(fake: FakeRun) -> None:
    fake.change(1, poison, backend="pytorch")
    assert outcomes(fake.change(1, poison)) == {"not finite"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constant_tensors(fake: FakeRun, dtype: str) -> None:
    def flatten(arrays: Arrays) -> None:
        arrays["embeddings"][:] = 1.0

    fake.change(1, flatten, dtype, "pytorch")
    assert outcomes(fake.change(1, flatten, dtype)) == {"constant"}


@pytest.mark.parametrize("change", [lose, poison])
def test_faults_of_the_float64_run(fake: FakeRun, change: Callable[[Arrays], None]) -> None:
    result = fake.change(1, change, "float64")
    assert result.status == "failed" and outcomes(result) in ({"missing key"}, {"not finite"})


def test_the_same_file_on_both_sides(fake: FakeRun) -> None:
    ours, theirs = (fake.run.dump(side, 1) for side in ("pytorch", "paddle"))
    theirs.unlink()
    os.link(ours, theirs)
    assert outcomes(fake.compare(1)) == {"same file"}


def test_one_framework_on_both_sides(fake: FakeRun) -> None:
    for name in ("step01.npy", "step01.float64.npy", "step01.json"):
        shutil.copy(fake.run.root / "dumps/pytorch" / name, fake.run.root / "dumps/paddle" / name)
    result = fake.compare(1)
    assert outcomes(result) == {"same file"} and result.status == "failed"


def test_a_dump_that_its_capture_did_not_write(fake: FakeRun) -> None:
    path = fake.run.dump("paddle", 6)
    arrays = read_dump(path)
    write_dump(path, {name: array * 2 for name, array in arrays.items()})
    result = fake.compare(6)
    assert outcomes(result) == {"stale file"} and "not the file" in result.summary


def test_dumps_of_different_inputs(fake: FakeRun) -> None:
    content = read_json(fake.run.capture("paddle", 6))
    atomic_json(fake.run.capture("paddle", 6), {**content, "inputs": "0" * 32})
    result = fake.compare(6)
    assert outcomes(result) == {"stale file"} and "different inputs" in result.summary


def test_a_dump_that_is_no_dump(fake: FakeRun) -> None:
    path = fake.run.dump("paddle", 6)
    path.write_bytes(path.read_bytes()[:-20])
    assert outcomes(fake.compare(6)) == {"stale file"}
    fake.trust(6)
    with pytest.raises(InputError, match="not a readable dump"):
        fake.compare(6)


def test_a_missing_side_is_not_run(fake: FakeRun) -> None:
    fake.run.capture("paddle", 2).unlink()
    result = fake.compare(2)
    assert result.status == "not run" and "was not captured with paddle" in result.summary
    assert {claim.verdict for claim in result.claims} == {"not run"} and len(result.claims) == 10


def test_a_profile_with_one_framework(fake: FakeRun) -> None:
    fake.profile = fake.profile.model_copy(update={"backends": ("pytorch",)})
    result = fake.compare(2)
    assert result.status == "not run" and "pytorch only" in result.summary


def test_windows_that_are_all_full_leave_the_mask_open_and_nothing_failed(fake: FakeRun) -> None:
    def fill(arrays: Arrays) -> None:
        arrays["attention_mask_list"] = np.ones_like(arrays["attention_mask_list"])

    fake.change(2, fill, backend="pytorch")
    result = fake.change(2, fill)
    assert result.status == "undecided" and outcomes(result) == {"constant"}
    claim = next(claim for claim in result.claims if claim.id == "2.attention_mask_list")
    assert claim.verdict == "not comparable in this profile" and "every element is 1" in claim.reason
