"""Stage ``measure`` on two fake frameworks: what it measures, what uses it, and what happens without it."""

import shutil
from typing import Any

import numpy as np
import pytest

from repro.analysis.determinism import digests, first_difference
from repro.analysis.measure import measure
from repro.config.paths import RunPaths
from repro.config.profile_file import run_profile
from repro.results import StepResult
from repro.results.precision import PrecisionMeasurement
from tests.alignment.fake_model import DENSE
from tests.alignment.fake_run import FakeRun, by_name, table

BOTH = ("pytorch", "paddle")
VIEWS = ("share, by PyTorch's float64", "share, by Paddle's float64")


@pytest.fixture(scope="module")
def healthy(captured: RunPaths, tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    """The captured run after both frameworks were measured."""
    run = RunPaths(shutil.copytree(captured.root, tmp_path_factory.mktemp("measured") / "run"))
    with pytest.MonkeyPatch.context() as patch:
        FakeRun(run, run_profile(run), patch).measure()
    return run


@pytest.fixture
def measured_step(fake: FakeRun, healthy: RunPaths) -> StepResult:
    """Step 1 after both frameworks were measured."""
    for backend in BOTH:
        fake.run.precision(backend).parent.mkdir(exist_ok=True)
        shutil.copy(healthy.precision(backend), fake.run.precision(backend))
    return fake.compare(1)


def measured(fake: FakeRun, backend: str) -> PrecisionMeasurement:
    return PrecisionMeasurement.read(fake.run.precision(backend))


def by_operation(result: StepResult) -> dict[str, dict[str, Any]]:
    """Rows of the table of errors, each with its columns."""
    errors = table(result, "Error by operation")
    return {str(row[0]): dict(zip(errors.columns, row, strict=True)) for row in errors.rows}


def test_a_healthy_pair_gets_a_noise_floor_for_every_tensor(fake: FakeRun, measured_step: StepResult) -> None:
    assert measured_step.status == "passed"
    floats = [record for record in measured_step.records if record.dtype == "float32"]
    assert len(floats) > 15 and all(record.noise_floor for record in floats)
    assert all("noise floor" in record.derivation or record.error_a for record in floats)
    for backend in BOTH:
        measurement = measured(fake, backend)
        for dtype, backward in (("float32", "bit-equal"), ("float64", None)):
            check = measurement.determinism[dtype]
            assert (check.forward, check.one_by_one, check.backward) == ("bit-equal", "bit-equal", backward)
        assert measurement.arithmetic["threads"] == "1" and "OMP_NUM_THREADS" in measurement.arithmetic
        kinds = {"weights by one ulp", "embeddings by one ulp", "rows reversed", "rows one at a time", "threads"}
        assert set(measurement.noise["sequence_output"]) == kinds


def test_shares_are_checked_and_the_same_seen_from_either_framework(measured_step: StepResult) -> None:
    sums = [record for record in measured_step.records if record.name.startswith("shares.")]
    assert [record.name for record in sums] == ["shares.pytorch", "shares.paddle"] and all(r.passed for r in sums)
    for view in VIEWS:
        assert sum(row[view] for row in by_operation(measured_step).values()) == pytest.approx(1.0, abs=1e-6)
    assert next(c for c in measured_step.claims if c.id == "1.cause.matmul").reason.count("the two products") == 1


@pytest.mark.usefixtures("measured_step")
def test_a_sum_of_shares_that_is_off_fails_the_step(fake: FakeRun) -> None:
    measurement = measured(fake, "paddle")
    assert measurement.attribution is not None
    shares = measurement.attribution.shares
    shares.dot["sequence_output"] += 0.01 * shares.difference
    measurement.write(fake.run.precision("paddle"))
    result = fake.compare(1)
    assert result.status == "failed"
    assert [record.name for record in result.records if not record.passed] == ["shares.paddle"]


def test_a_semantic_fault_is_attributed_to_its_operation(fake: FakeRun) -> None:
    fake.use(layer_norm_eps=1e-3)
    fake.capture(1)
    fake.measure()
    result = fake.compare(1)
    assert result.status == "failed"
    for view in VIEWS:
        assert by_operation(result)["encoder.layer.0"][view] == pytest.approx(1.0, abs=0.01)


def test_coarse_arithmetic_on_both_sides_is_not_float32(fake: FakeRun) -> None:
    fake.use(coarse_float32=True)
    fake.frameworks["pytorch"].faults = fake.frameworks["paddle"].faults
    for step in (1, 8):
        fake.capture(step)
    fake.measure()
    for step, name in ((1, "sequence_output"), (8, f"gradient.{DENSE}")):
        record = by_name(fake.compare(step))[name]
        assert record.gap64 is not None and record.gap64 < 1e-14
        assert record.verdict == "different semantics" and "one ulp in every weight" in record.reason


@pytest.mark.usefixtures("measured_step")
def test_a_coarse_arithmetic_does_not_excuse_itself(fake: FakeRun) -> None:
    """Its own noise floor is as large as its error: only the steadier framework's counts."""
    coarse = measured(fake, "paddle")
    coarse.noise["sequence_output"]["weights by one ulp"] = 1e-3
    coarse.write(fake.run.precision("paddle"))
    floor = by_name(fake.compare(1))["sequence_output"].noise_floor
    assert floor == max(measured(fake, "pytorch").noise["sequence_output"].values()) < 1e-3


def test_a_dump_that_is_not_finite_stops_no_measurement(fake: FakeRun) -> None:
    fake.change(1, lambda arrays: np.put(arrays["sequence_output"], 0, np.nan), dtype="float64")
    fake.measure()
    sensitivity = measured(fake, "paddle").sensitivity
    assert sensitivity["embeddings"] and sensitivity["sequence_output"]  # of the model, not of its dump
    result = fake.compare(1)
    assert result.status == "failed" and "sequence_output: not finite" in result.summary


@pytest.mark.usefixtures("measured_step")
def test_measurements_of_other_inputs_are_not_used(fake: FakeRun) -> None:
    other = measured(fake, "paddle").replace(inputs={"1": "of another run"})
    other.write(fake.run.precision("paddle"))
    result = fake.compare(1)
    assert result.status == "passed"
    assert all(record.noise_floor is None for record in result.records)
    assert any("not run" in note and "precision/paddle.json" in note for note in result.notes)


def test_one_framework_alone_is_measured_without_shares(fake: FakeRun) -> None:
    alone = fake.profile.model_copy(update={"backends": ("pytorch",)})
    measure(fake.run, alone, "pytorch")
    measurement = measured(fake, "pytorch")
    assert measurement.attribution is None and "no paddle" in measurement.reason
    assert measurement.noise and measurement.sensitivity


def test_a_determinism_check_names_the_first_tensor_that_differs() -> None:
    first = {"a": np.arange(3.0), "b": np.zeros(2), "c": np.ones(2)}
    second = {"a": np.arange(3.0), "b": np.array([0.0, -0.0]), "c": np.zeros(2)}
    assert first_difference(digests(first.items()), digests(first.items())) == "bit-equal"
    assert first_difference(digests(first.items()), digests(second.items())) == "differs from b on"
