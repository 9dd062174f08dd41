"""Dumps that are not what they should be never pass: each way has its own name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import numpy as np
import pytest
from workshop import Workshop

from repro.dumps import read_dump, write_dump
from repro.errors import InputError
from repro.numerics.record import StepResult
from repro.paths import atomic_json, read_json, sha256_file

Arrays = dict[str, np.ndarray]


def outcomes(result: StepResult) -> set[str]:
    return {record.outcome for record in result.records if not record.passed}


def lose(arrays: Arrays) -> None:
    arrays.pop("sequence_output")


def add(arrays: Arrays) -> None:
    arrays["another"] = np.zeros(3)


def lift(arrays: Arrays) -> None:
    arrays["model_output"] = arrays["model_output"][:1]  # would broadcast


def turn(arrays: Arrays) -> None:
    arrays["start_temp"] = arrays["start_temp"].transpose(0, 2, 1)


def widen(arrays: Arrays) -> None:
    arrays["sequence_output"] = arrays["sequence_output"].astype(np.float64)


def poison(arrays: Arrays) -> None:
    arrays["sequence_output"][0, 0, 0] = np.nan


def overflow(arrays: Arrays) -> None:
    arrays["sequence_output"][0, 0, 0] = np.inf


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (lose, "missing key"),
        (add, "extra key"),
        (lift, "shape differs"),
        (turn, "shape differs"),
        (widen, "dtype differs"),
        (poison, "not finite"),
        (overflow, "not finite"),
    ],
)
def test_structure(shop: Workshop, change: Callable[[Arrays], None], outcome: str) -> None:
    result = shop.change(1, change)
    assert result.status == "failed" and outcomes(result) == {outcome}
    assert {claim.verdict for claim in result.claims} == {"differs"}
    assert sum(result.counts[name] for name in ("passed", "failed", "undecided")) == result.counts["total"]


def test_one_element_is_not_a_scalar(shop: Workshop) -> None:
    def wrap(arrays: Arrays) -> None:
        arrays["model_output"] = arrays["model_output"].reshape(1)

    result = shop.change(4, wrap)
    assert outcomes(result) == {"shape differs"} and result.status == "failed"


def test_not_finite_on_both_sides_is_no_agreement(shop: Workshop) -> None:
    shop.change(1, poison, backend="pytorch")
    assert outcomes(shop.change(1, poison)) == {"not finite"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constant_tensors(shop: Workshop, dtype: str) -> None:
    def flatten(arrays: Arrays) -> None:
        arrays["embeddings"][:] = 1.0

    shop.change(1, flatten, dtype, "pytorch")
    assert outcomes(shop.change(1, flatten, dtype)) == {"constant"}


@pytest.mark.parametrize("change", [lose, poison])
def test_faults_of_the_float64_run(shop: Workshop, change: Callable[[Arrays], None]) -> None:
    result = shop.change(1, change, "float64")
    assert result.status == "failed" and outcomes(result) in ({"missing key"}, {"not finite"})


def test_the_same_file_on_both_sides(shop: Workshop) -> None:
    ours, theirs = (shop.run.dump(side, 1) for side in ("pytorch", "paddle"))
    theirs.unlink()
    os.link(ours, theirs)
    assert outcomes(shop.compare(1)) == {"same file"}


def test_one_framework_on_both_sides(shop: Workshop) -> None:
    for name in ("step01.npy", "step01.float64.npy", "step01.json"):
        shutil.copy(shop.run.root / "dumps/pytorch" / name, shop.run.root / "dumps/paddle" / name)
    result = shop.compare(1)
    assert outcomes(result) == {"same file"} and result.status == "failed"


def test_a_dump_that_its_capture_did_not_write(shop: Workshop) -> None:
    path = shop.run.dump("paddle", 6)
    arrays = read_dump(path)
    write_dump(path, {name: array * 2 for name, array in arrays.items()})
    result = shop.compare(6)
    assert outcomes(result) == {"stale file"} and "not the file" in result.summary


def test_dumps_of_different_inputs(shop: Workshop) -> None:
    content = read_json(shop.run.capture("paddle", 6))
    atomic_json(shop.run.capture("paddle", 6), {**content, "inputs": "0" * 32})
    result = shop.compare(6)
    assert outcomes(result) == {"stale file"} and "different inputs" in result.summary


def test_a_dump_that_is_no_dump(shop: Workshop) -> None:
    path = shop.run.dump("paddle", 6)
    path.write_bytes(path.read_bytes()[:-20])
    assert outcomes(shop.compare(6)) == {"stale file"}
    content = read_json(shop.run.capture("paddle", 6))
    content["dumps"]["float32"]["sha256"] = sha256_file(path)
    atomic_json(shop.run.capture("paddle", 6), content)
    with pytest.raises(InputError, match="not a readable dump"):
        shop.compare(6)


def test_a_missing_side_is_not_run(shop: Workshop) -> None:
    shop.run.capture("paddle", 2).unlink()
    result = shop.compare(2)
    assert result.status == "not run" and "was not captured with paddle" in result.summary
    assert {claim.verdict for claim in result.claims} == {"not run"} and len(result.claims) == 10


def test_a_profile_with_one_framework(shop: Workshop) -> None:
    shop.profile = shop.profile.model_copy(update={"backends": ("pytorch",)})
    result = shop.compare(2)
    assert result.status == "not run" and "pytorch only" in result.summary


def test_windows_that_are_all_full_leave_the_mask_open_and_nothing_failed(shop: Workshop) -> None:
    def fill(arrays: Arrays) -> None:
        arrays["attention_mask_list"] = np.ones_like(arrays["attention_mask_list"])

    shop.change(2, fill, backend="pytorch")
    result = shop.change(2, fill)
    assert result.status == "undecided" and outcomes(result) == {"constant"}
    claim = next(claim for claim in result.claims if claim.id == "2.attention_mask_list")
    assert claim.verdict == "not comparable in this profile" and "every element is 1" in claim.reason
