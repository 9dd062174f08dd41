"""Box ``precision`` on two fake frameworks: what it measures, who uses it, and what happens without it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from fake_model import DENSE
from workshop import Workshop

from repro.numerics.record import StepResult
from repro.paths import atomic_json, read_json
from repro.steps.certificate import digests, first_difference
from repro.steps.precision import measure

BOTH = ("pytorch", "paddle")


def precise(shop: Workshop, **faults: object) -> StepResult:
    """Step 1 after both frameworks were measured, Paddle's stand-in with faults from its capture on."""
    shop.use(**faults)
    shop.capture(1)
    for backend in BOTH:
        measure(shop.run, shop.profile, backend)
    return shop.compare(1)


def table(result: StepResult, title: str) -> Iterator[dict[str, object]]:
    found = next(table for table in result.tables if table["title"].startswith(title))
    return (dict(zip(found["columns"], row, strict=True)) for row in found["rows"])


def test_a_healthy_pair_gets_a_noise_floor_for_every_tensor(shop: Workshop) -> None:
    result = precise(shop)
    assert result.status == "passed"
    floats = [record for record in result.records if record.dtype == "float32"]
    assert len(floats) > 15 and all(record.noise_floor for record in floats)
    assert all("noise floor" in record.derivation or record.error_a for record in floats)
    for backend in BOTH:
        content = read_json(shop.run.precision(backend))
        assert {*content["certificate"].values(), content["gradient_certificate"]} == {"bit-equal"}
        assert set(content["certificate64"].values()) == {"bit-equal"}
        assert content["arithmetic"]["threads"] == "1" and "OMP_NUM_THREADS" in content["arithmetic"]
        kinds = set(content["noise"]["sequence_output"])
        assert kinds == {
            "weights by one unit",
            "embeddings by one unit",
            "rows reversed",
            "rows one at a time",
            "threads",
        }


def test_shares_are_checked_and_the_same_seen_from_either_framework(shop: Workshop) -> None:
    result = precise(shop)
    sums = [record for record in result.records if record.name.startswith("shares.")]
    assert [record.name for record in sums] == ["shares.pytorch", "shares.paddle"] and all(r.passed for r in sums)
    rows = list(table(result, "Error by operation"))
    for view in ("share, by PyTorch's float64", "share, by Paddle's float64"):
        assert sum(row[view] for row in rows) == pytest.approx(1.0, abs=1e-6)  # type: ignore[misc]
    assert next(c for c in result.claims if c.id == "1.cause.matmul").reason.count("the two products") == 1


def test_a_sum_of_shares_that_is_off_fails_the_step(shop: Workshop) -> None:
    precise(shop)
    content = read_json(shop.run.precision("paddle"))
    content["attribution"]["shares"]["dot"]["sequence_output"] += 0.01 * content["attribution"]["shares"]["difference"]
    atomic_json(shop.run.precision("paddle"), content)
    result = shop.compare(1)
    assert result.status == "failed"
    assert [record.name for record in result.records if not record.passed] == ["shares.paddle"]


def test_a_semantic_fault_is_attributed_to_its_operation(shop: Workshop) -> None:
    result = precise(shop, layer_norm_eps=1e-3)
    assert result.status == "failed"
    rows = {row["operation"]: row for row in table(result, "Error by operation")}
    for view in ("share, by PyTorch's float64", "share, by Paddle's float64"):
        assert rows["encoder.layer.0"][view] == pytest.approx(1.0, abs=0.01)


def test_coarse_arithmetic_on_both_sides_is_not_float32(shop: Workshop) -> None:
    shop.use(coarse_float32=True)
    shop.frameworks["pytorch"].faults = shop.frameworks["paddle"].faults
    for step in (1, 8):
        shop.capture(step)
    for backend in BOTH:
        measure(shop.run, shop.profile, backend)
    for step, name in ((1, "sequence_output"), (8, f"gradient.{DENSE}")):
        found = next(record for record in shop.compare(step).records if record.name == name)
        assert found.gap64 is not None and found.gap64 < 1e-14
        assert found.verdict == "different semantics" and "one unit in every weight" in found.reason


def test_a_coarse_arithmetic_does_not_excuse_itself(shop: Workshop) -> None:
    """Its own noise floor is as large as its error: only the steadier framework's counts."""
    healthy = {record.name: record.noise_floor for record in precise(shop).records}
    content = read_json(shop.run.precision("paddle"))
    content["noise"]["sequence_output"]["weights by one unit"] = 1e-3
    atomic_json(shop.run.precision("paddle"), content)
    found = next(record for record in shop.compare(1).records if record.name == "sequence_output")
    steady = read_json(shop.run.precision("pytorch"))["noise"]["sequence_output"]
    assert found.noise_floor == max(steady.values()) and found.noise_floor < 2 * (healthy["sequence_output"] or 0.0)


def test_a_dump_that_is_not_finite_stops_no_measurement(shop: Workshop) -> None:
    def spoil(arrays: dict[str, np.ndarray]) -> None:
        arrays["sequence_output"][0, 0, 0] = np.nan

    shop.use()
    shop.capture(1)
    shop.change(1, spoil, dtype="float64")
    for backend in BOTH:
        measure(shop.run, shop.profile, backend)
    sensitivity = read_json(shop.run.precision("paddle"))["sensitivity"]
    assert sensitivity["embeddings"] and sensitivity["sequence_output"]  # of the model, not of its dump
    result = shop.compare(1)
    assert result.status == "failed" and "sequence_output: not finite" in result.summary


def test_measurements_of_other_inputs_are_not_used(shop: Workshop) -> None:
    precise(shop)
    content = read_json(shop.run.precision("paddle"))
    content["inputs"]["1"] = "of another run"
    atomic_json(shop.run.precision("paddle"), content)
    result = shop.compare(1)
    assert result.status == "passed"
    assert all(record.noise_floor is None for record in result.records)
    assert any("not run" in note and "precision/paddle.json" in note for note in result.notes)


def test_one_framework_alone_is_measured_without_shares(shop: Workshop) -> None:
    alone = shop.profile.model_copy(update={"backends": ("pytorch",)})
    measure(shop.run, alone, "pytorch")
    content = read_json(shop.run.precision("pytorch"))
    assert content["attribution"] is None and "no paddle" in content["reason"]
    assert content["noise"] and content["sensitivity"]


def test_a_certificate_names_the_first_tensor_that_differs() -> None:
    once = {"a": np.arange(3.0), "b": np.zeros(2), "c": np.ones(2)}
    again = {"a": np.arange(3.0), "b": np.array([0.0, -0.0]), "c": np.zeros(2)}
    assert first_difference(digests(once.items()), digests(once.items())) == "bit-equal"
    assert first_difference(digests(once.items()), digests(again.items())) == "differs from b on"
