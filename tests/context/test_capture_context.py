"""What the dumps of both frameworks must have in common."""

from pathlib import Path

import pytest

from repro.config.paths import RunPaths, atomic_json, read_json
from repro.config.profile_file import load_profile
from repro.context.capture import OPTIMIZER_FIELDS, inputs_digest
from repro.context.data import RunData
from repro.errors import InputError


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    """A run with nothing but ``inputs.json``."""
    run = RunPaths(tmp_path)
    files = {split: {"path": split, "sha256": split} for split in ("dev", "train-16-42")}
    weights = {"path": None, "files": {"model": {"path": "m", "sha256": "m"}}}
    atomic_json(run.inputs, {"data": {"files": files}, "vocab": {"path": "v", "sha256": "v"}, "weights": weights})
    return run


def test_inputs_are_the_same_unless_something_that_matters_is_another(run: RunPaths) -> None:
    def digest(step: int = 6, **overrides: object) -> str:
        named = {name.replace("__", "."): value for name, value in overrides.items()}
        return inputs_digest(run, load_profile("mini", named), step, OPTIMIZER_FIELDS)

    before = digest()
    assert digest(training__seeds=[42], threads=2, steps=[1, 6]) == before
    others = {digest(7), digest(training__learning_rate=0.5), digest(weights__seed=1), digest(protocol="published")}
    content = read_json(run.inputs)
    for entry in (content["vocab"], content["data"]["files"]["dev"], content["weights"]["files"]["model"]):
        sha256, entry["sha256"] = entry["sha256"], "another"
        atomic_json(run.inputs, content)
        others.add(digest())
        entry["sha256"] = sha256
    assert len(others - {before}) == 7


def test_a_run_without_inputs(tmp_path: Path) -> None:
    data = RunData(RunPaths(tmp_path), load_profile("mini"), "pytorch")
    with pytest.raises(InputError, match=r"inputs\.json is missing"):
        data.examples("dev", training=False)


def test_a_split_without_a_file(run: RunPaths) -> None:
    with pytest.raises(InputError, match="no file for train-16-43"):
        RunData(run, load_profile("mini"), "pytorch").examples("train-16-43", training=True)
