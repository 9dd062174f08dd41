"""What step 11 says of finished trainings, and of unfinished ones."""

import hashlib
import json
from functools import partial
from pathlib import Path

import pytest

from repro.alignment.compare import step_result
from repro.alignment.step11_training.compare import CLAIMS
from repro.claims import load_claims
from repro.config.paths import RunPaths, atomic_json, read_json, sha256_file
from repro.config.profile import Profile, load_profile
from repro.results import ClaimResult, StepResult, TrainingResult
from tests.alignment.fake_run import rows

ANSWERS = "Trained answers that differ"


def write(run: RunPaths, backend: str, init: str, size: int, seed: int, f1: float) -> None:
    """A finished training with this F1."""
    folder = run.training(backend, init, size, seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "losses.npy").write_bytes(b"x")
    result = {
        **{"backend": backend, "init": init, "size": size, "seed": seed, "order_seed": seed},
        **{"exact": f1 - 5, "f1": f1, "metrics": {}, "final_loss": 1.0},
        **{"steps": 202, "schedule_steps": 200, "batches_of_one": 1, "epochs": 10, "features": 16, "dev_features": 9},
        **{"device": "cpu", "precision": "float32", "threads": 1, "versions": {}, "seconds": 1.0},
        **{"durations": {"training": 1.0, "evaluation": 0.0}},
        **{"files": {"losses.npy": hashlib.sha256(b"x").hexdigest()}},
    }
    TrainingResult.model_validate(result).write(folder / "result.json")


def paper_run(root: Path, shift: float = 0.0, apart: float = 0.0, **more: object) -> tuple[RunPaths, Profile]:
    """The documented F1 of every seed, moved by ``shift``; Paddle's by ``apart`` more."""
    run, profile, documented = RunPaths(root), load_profile("paper", more), load_claims()
    for init, size, seed in profile.trainings():
        value = float(documented[f"11.f1.{size}.{seed}"].value) + shift
        write(run, "pytorch", init, size, seed, value + 0.1 * (seed % 3 - 1))
        write(run, "paddle", init, size, seed, value + apart)
    return run, profile


compare = partial(step_result, step=11)


def claims(result: StepResult) -> dict[str, ClaimResult]:
    return {claim.id: claim for claim in result.claims}


def test_documented_results_are_reproduced(tmp_path: Path) -> None:
    result = compare(*paper_run(tmp_path))
    assert result.status == "passed" and {r.verdict for r in result.records} == {"no systematic difference"}
    verdicts = claims(result)
    assert set(verdicts) == set(CLAIMS) == {c.id for c in load_claims().values() if c.step == 11}
    assert {claim.verdict for claim in verdicts.values()} == {"reproduced"}
    assert verdicts["11.f1.16.42"].measured == 54.38 and "Welch" in verdicts["11.f1.16.average"].reason
    assert verdicts["11.f1.16.42"].evidence[0].file == "training/paddle/pretrained-16-42/result.json"


def test_reduced_precision_stands_in_every_sentence(tmp_path: Path) -> None:
    result = compare(*paper_run(tmp_path, 0.0, 0.0, **{"training.precision": "tf32"}))
    assert "trainings with TF32 products; mean F1" in result.summary and "with TF32 products" in result.notes[0]
    assert all("with TF32 products" in claim.reason for claim in result.claims)
    assert not any("TF32" in note for note in compare(*paper_run(tmp_path)).notes)


def test_other_results_differ(tmp_path: Path) -> None:
    verdicts = claims(compare(*paper_run(tmp_path, shift=-6.0)))
    assert verdicts["11.f1.128.average"].verdict == "differs" and verdicts["11.f1.1024.42"].verdict == "differs"
    assert verdicts["11.paper.1024"].verdict == "differs"
    # at 16 examples seeds scatter by several points: the same shift may be chance
    assert verdicts["11.f1.16.average"].verdict == "reproduced"


def test_a_systematic_difference_between_the_frameworks(tmp_path: Path) -> None:
    result = compare(*paper_run(tmp_path, apart=3.0))
    assert result.status == "failed" and "differ systematically" in result.summary


def test_other_weights_or_data_are_not_compared_with_the_document(tmp_path: Path) -> None:
    run, profile = paper_run(tmp_path)
    verdicts = claims(compare(run, profile.model_copy(update={"weights": load_profile("mini").weights})))
    assert {claim.verdict for claim in verdicts.values()} == {"not comparable in this profile"}
    assert verdicts["11.f1.16.42"].measured == 54.38


def test_fewer_seeds_and_sizes(tmp_path: Path) -> None:
    run, profile = paper_run(tmp_path)
    training = profile.training.model_copy(update={"sizes": (16,), "seeds": (42,)})
    result = compare(run, profile.model_copy(update={"training": training}))
    verdicts = claims(result)
    assert result.status == "undecided" and result.records == ()
    assert verdicts["11.f1.16.42"].verdict == "not comparable in this profile"
    assert verdicts["11.f1.16.43"].verdict == verdicts["11.f1.128.average"].verdict == "not run"


@pytest.mark.parametrize("fault", ["result.json", "losses.npy", "changed", "another", "number"])
def test_incomplete_trainings(tmp_path: Path, fault: str) -> None:
    run, profile = paper_run(tmp_path)
    folder = run.training("paddle", "pretrained", 128, 44)
    if fault in ("result.json", "losses.npy"):
        (folder / fault).unlink()
    elif fault == "changed":
        (folder / "losses.npy").write_bytes(b"y")
    else:
        content = read_json(folder / "result.json")
        content |= {"seed": 45} if fault == "another" else {"f1": float("1e999")}
        (folder / "result.json").write_text(json.dumps(content))
    result = compare(run, profile)
    assert result.status == "not run" and "pretrained-128-44" in result.summary
    assert {claim.verdict for claim in result.claims} == {"not run"}


def test_what_the_pretrained_weights_are_worth(tmp_path: Path) -> None:
    run, profile = paper_run(tmp_path, 0.0, 0.0, **{"training.baseline": {"sizes": [], "seeds": []}})
    baseline = profile.training.baseline.model_copy(update={"sizes": (128,), "seeds": (42,)})
    training = profile.training.model_copy(update={"baseline": baseline})
    for backend in profile.backends:
        write(run, backend, "random", 128, 42, 10.0)
    result = compare(run, profile.model_copy(update={"training": training}))
    worth = rows(result, "What the pretrained")
    assert [row[1] for row in worth.values()] == [128, 128]
    assert worth["Paddle"][4] == pytest.approx(71.45 - 10)
    assert "up to 2 steps happen after" in result.notes[1]


def test_trained_answers_that_differ(tmp_path: Path) -> None:
    run, profile = paper_run(tmp_path, apart=2.0)
    assert not any(table.title.startswith(ANSWERS) for table in compare(run, profile).tables)
    predictions = {"pytorch": {"a": "x", "b": "y", "c": "z"}, "paddle": {"a": "x", "b": "Y", "c": "z"}}
    for backend, texts in predictions.items():
        folder = run.training(backend, "pretrained", 16, 42)
        atomic_json(folder / "predictions.json", texts)
        result = TrainingResult.read(folder / "result.json")
        files = {**result.files, "predictions.json": sha256_file(folder / "predictions.json")}
        result.replace(files=files).write(folder / "result.json")
    compared = compare(run, profile)
    (row,) = rows(compared, ANSWERS).values()
    assert row[:5] == ("pretrained", 16, 42, 1, 3)
    assert row[7] == pytest.approx(row[5] - row[6])
    assert "1 of 3 trained answers (33 %) differ" in compared.summary


@pytest.mark.parametrize("published", [True, False])
def test_claims_about_the_published_data_need_them(tmp_path: Path, published: bool) -> None:
    run, profile = paper_run(tmp_path / "run", 0.0, 0.0, **{"data.directory": tmp_path})
    file = {"path": str(tmp_path / "vocab.txt"), "sha256": "0" * 64}
    data = {"source": "path", "files": {}, "published": published}
    atomic_json(run.inputs, {"data": data, "vocab": file, "weights": {}})
    verdicts = {claim.verdict for claim in claims(compare(run, profile)).values()}
    assert verdicts == {"reproduced" if published else "not comparable in this profile"}
