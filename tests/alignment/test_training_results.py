"""What step 11 says of finished trainings, and of unfinished ones."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.alignment.compare import step_result
from repro.alignment.step11_training.compare import CLAIMS
from repro.claims import load_claims
from repro.config.paths import RunPaths, atomic_json, read_json, sha256_file
from repro.config.profile import Profile
from repro.config.profile_file import load_profile
from repro.config.trainings import TrainingKey
from repro.results import ClaimResult, StepResult, TrainingResult
from repro.results.inputs import NOT_VERIFIED
from tests.alignment.fake_run import rows, table

PAIRS, FRAMEWORKS = "PyTorch against Paddle, training by training", "F1, PyTorch - Paddle"


def write(run: RunPaths, backend: str, key: TrainingKey, f1: float, loss: float = 1.0) -> None:
    """A finished training with this F1 and this loss at every step."""
    folder = run.training(backend, *key)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "losses.npy", np.full(202, loss))
    result = {
        **{"backend": backend, **key._asdict(), "order_seed": key.seed},
        **{"exact": f1 - 5, "f1": f1, "metrics": {}, "final_loss": 1.0},
        **{"steps": 202, "schedule_steps": 200, "batches_of_one": 1, "epochs": 10, "features": 16, "dev_features": 9},
        **{"device": "cpu", "precision": "float32", "threads": 1, "versions": {}, "seconds": 1.0, "rules": {}},
        **{"durations": {"training": 1.0, "evaluation": 0.0}},
        **{"files": {"losses.npy": sha256_file(folder / "losses.npy")}},
    }
    TrainingResult.model_validate(result).write(folder / "result.json")


def paper_run(
    root: Path, *, shift: float = 0.0, apart: float = 0.0, scatter: float = 0.0, more: dict[str, Any] | None = None
) -> tuple[RunPaths, Profile]:
    """The documented F1 of every seed, moved by ``shift`` and by up to 2 ``scatter``; Paddle's by ``apart`` more."""
    run, profile, documented = RunPaths(root), load_profile("paper", more), load_claims()
    for key in profile.trainings():
        value = float(documented[f"11.f1.{key.size}.{key.seed}"].value) + shift + scatter * (key.seed % 5 - 2)
        write(run, "pytorch", key, value + 0.1 * (key.seed % 3 - 1), loss=1.0)
        write(run, "paddle", key, value + apart, loss=1.0 + 1e-6 * key.size)
    return run, profile


compare = partial(step_result, step=11)


def claims(result: StepResult) -> dict[str, ClaimResult]:
    return {claim.id: claim for claim in result.claims}


def test_documented_results_are_reproduced(tmp_path: Path) -> None:
    result = compare(*paper_run(tmp_path))
    assert result.status == "passed" and {r.verdict for r in result.records} == {"equivalent within the margin"}
    verdicts = claims(result)
    assert set(verdicts) == set(CLAIMS) == {c.id for c in load_claims().values() if c.step == 11}
    # the paper has no rows, and at 16 examples files scatter by six points: five of them show nothing within one point
    silent = {name for name, claim in verdicts.items() if claim.verdict != "reproduced"}
    assert silent == {"11.paper.16", "11.paper.128"}
    assert "show equivalence within 8.98 points only" in verdicts["11.paper.16"].reason
    assert verdicts["11.f1.16.42"].measured == 54.38 and "from 5 files" in verdicts["11.f1.16.average"].reason
    assert verdicts["11.f1.16.42"].evidence[0].file == "training/paddle/pretrained-16-42/result.json"


def test_reduced_precision_stands_in_every_sentence(tmp_path: Path) -> None:
    result = compare(*paper_run(tmp_path, more={"training.precision": "tf32"}))
    assert "trainings with TF32 products; mean F1" in result.summary and "with TF32 products" in result.notes[0]
    assert all("with TF32 products" in claim.reason for claim in result.claims)
    assert not any("TF32" in note for note in compare(*paper_run(tmp_path)).notes)


def test_other_results_differ(tmp_path: Path) -> None:
    verdicts = claims(compare(*paper_run(tmp_path, shift=-6.0)))
    assert verdicts["11.f1.128.average"].verdict == "differs" and verdicts["11.f1.1024.42"].verdict == "differs"
    assert verdicts["11.paper.1024"].verdict == "differs"
    # files pair the rows, but not the paper's average: there the same shift may be chance
    assert verdicts["11.f1.16.average"].verdict == "differs"
    assert verdicts["11.paper.16"].verdict == "not comparable in this profile"


def test_noise_passes_nothing(tmp_path: Path) -> None:
    """The more the files scatter, the fewer claims are reproduced; none differs."""
    reproduced = []
    for number, scatter in enumerate((0.0, 0.3, 1.0, 5.0)):
        verdicts = [claim.verdict for claim in compare(*paper_run(tmp_path / str(number), scatter=scatter)).claims]
        assert "differs" not in verdicts
        reproduced.append(verdicts.count("reproduced"))
    assert reproduced == sorted(reproduced, reverse=True) and reproduced[0] > 0 == reproduced[-1]


def test_a_row_far_from_the_others_differs(tmp_path: Path) -> None:
    run, profile = paper_run(tmp_path)
    for key in profile.trainings():
        f1 = 0.01 * key.seed % 0.03 + float(load_claims()[f"11.f1.{key.size}.{key.seed}"].value)
        write(run, "paddle", key, f1 - 4 * (key == ("pretrained", 128, 44, 0)))
    verdicts = claims(compare(run, profile))
    assert (
        verdicts["11.f1.128.44"].verdict == "differs"
        and verdicts["11.f1.128.43"].verdict == "not comparable in this profile"
    )
    assert verdicts["11.f1.16.44"].verdict == "reproduced"


def test_published_rows_that_scatter_too_little(tmp_path: Path) -> None:
    assert "scatter less" not in compare(*paper_run(tmp_path / "same")).summary
    result = compare(*paper_run(tmp_path / "wider", scatter=4.0))
    assert "The published rows scatter less than this protocol gives: 128 examples" in result.summary
    spreads = rows(result, "Spread of F1 over training files against the document")
    assert spreads[1024][-1] == "smaller than its protocol gives" and spreads[16][-1] == "not shown to be small"


def test_a_systematic_difference_between_the_frameworks(tmp_path: Path) -> None:
    result = compare(*paper_run(tmp_path, apart=3.0))
    assert result.status == "failed" and "Frameworks different: pretrained 16" in result.summary


@pytest.mark.parametrize(
    ("planted", "scatter", "verdict"),
    [
        (0.0, 0.0, "equivalent within the margin"),  # the frameworks take the same path
        (1.0, 0.0, "different"),
        (1.0, 0.3, "different"),
        (1.0, 2.0, "not shown"),
    ],
)
def test_a_planted_point_of_f1_is_found_or_beyond_reach(
    tmp_path: Path, planted: float, scatter: float, verdict: str
) -> None:
    run, profile = paper_run(tmp_path)
    for key in profile.trainings():
        write(run, "pytorch", key, 60.0)
        write(run, "paddle", key, 60.0 + planted + scatter * (key.seed % 5 - 2) / 2)
    records = compare(run, profile).records
    assert {record.verdict for record in records} == {verdict}
    assert ("beyond reach" in records[0].reason) == (verdict == "not shown")


def test_a_noisy_difference_is_not_shown(tmp_path: Path) -> None:
    run, profile = paper_run(tmp_path)
    for key in profile.trainings():
        write(run, "paddle", key, 60.0 + 20.0 * (key.seed % 2))
    result = compare(run, profile)
    assert result.status == "undecided" and {record.verdict for record in result.records} == {"not shown"}
    assert "beyond reach" in result.records[0].reason


def test_a_wider_margin_is_the_profiles_decision(tmp_path: Path) -> None:
    run, profile = paper_run(tmp_path, apart=1.2)
    assert compare(run, profile).status == "failed"
    training = profile.training.model_copy(update={"margin": 1.5})
    assert compare(run, profile.model_copy(update={"training": training})).status == "passed"


def test_repeats_tell_files_from_runs(tmp_path: Path) -> None:
    run, profile = paper_run(tmp_path, more={"training.repeats": 3})
    for key in profile.trainings():
        write(run, "pytorch", key, 50.0 + 3 * (key.seed - 44) + 0.5 * (key.repeat - 1))
        write(run, "paddle", key, 50.0 + 3 * (key.seed - 44) + 0.5 * (1 - key.repeat))
    result = compare(run, profile)
    assert rows(result, FRAMEWORKS)["pretrained"][2:4] == (5, 0.0)  # files, not runs
    between, _, _, within, low, high = rows(result, "Spread of F1: standard deviations")["Paddle"][2:]
    assert within == pytest.approx(0.5) and low < 0.5 < high and between == pytest.approx(4.73, abs=0.01)
    assert not any("cannot be told apart" in note for note in result.notes)
    assert any("cannot be told apart" in note for note in compare(*paper_run(tmp_path / "once")).notes)
    assert len(claims(result)["11.f1.16.42"].evidence) == 3


def test_losses_part_no_further_than_they_do(tmp_path: Path) -> None:
    result = compare(*paper_run(tmp_path))
    gaps = {row[1]: row for row in table(result, "Losses, PyTorch against Paddle").rows}
    assert gaps[1024][3:6] == pytest.approx([1.024e-3] * 3, rel=1e-2) and gaps[16][-1] is None  # no step 8 in this run
    assert "difference of their losses is 0.001 in the first 20 steps" in result.summary


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
    assert result.status == "undecided" and {record.verdict for record in result.records} == {"not shown"}
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
    run, profile = paper_run(tmp_path, more={"training.baseline": {"sizes": [], "seeds": []}})
    baseline = profile.training.baseline.model_copy(update={"sizes": (128,), "seeds": (42,)})
    training = profile.training.model_copy(update={"baseline": baseline})
    for backend in profile.backends:
        write(run, backend, TrainingKey("random", 128, 42), 10.0)
    result = compare(run, profile.model_copy(update={"training": training}))
    worth = rows(result, "What the pretrained")
    assert [row[1] for row in worth.values()] == [128, 128]
    assert worth["Paddle"][4] == pytest.approx(71.45 - 10)
    assert "up to 2 steps happen after" in result.notes[1]


def test_trained_answers_that_differ(tmp_path: Path) -> None:
    run, profile = paper_run(tmp_path, apart=2.0)
    assert "trained answers" not in compare(run, profile).summary
    predictions = {"pytorch": {"a": "x", "b": "y", "c": "z"}, "paddle": {"a": "x", "b": "Y", "c": "z"}}
    for backend, texts in predictions.items():
        folder = run.training(backend, "pretrained", 16, 42)
        atomic_json(folder / "predictions.json", texts)
        result = TrainingResult.read(folder / "result.json")
        files = {**result.files, "predictions.json": sha256_file(folder / "predictions.json")}
        result.replace(files=files).write(folder / "result.json")
    compared = compare(run, profile)
    row, *others = table(compared, PAIRS).rows
    assert row[:4] == ("pretrained", 16, 42, 0) and row[7:9] == (1, 3)
    assert row[11] == pytest.approx(-2.1) and row[12] == pytest.approx(100 / 3)
    assert {other[7] for other in others} == {None}
    assert "1 of 3 trained answers (33 %) differ" in compared.summary


@pytest.mark.parametrize("published", [True, False])
def test_claims_about_the_published_data_need_them(tmp_path: Path, published: bool) -> None:
    run, profile = paper_run(tmp_path / "run", more={"data.directory": tmp_path})
    file = {"path": str(tmp_path / "vocab.txt"), "sha256": "0" * 64}
    data = {"source": "path", "files": {}, "published": published}
    atomic_json(run.inputs, {"data": data, "vocab": file, "weights": {}})
    verdict = claims(compare(run, profile))["11.f1.128.average"].verdict
    assert verdict == ("reproduced" if published else "not comparable in this profile")


@pytest.mark.parametrize("published", [True, False])
def test_claims_say_where_weights_by_path_are_not_verified(tmp_path: Path, published: bool) -> None:
    run, profile = paper_run(tmp_path / "run", more={"weights.path": tmp_path})
    file = {"path": str(tmp_path / "vocab.txt"), "sha256": "0" * 64}
    atomic_json(run.inputs, {"data": {"files": {}}, "vocab": file, "weights": {"published": published}})
    claim = claims(compare(run, profile))["11.f1.128.average"]
    assert claim.verdict == "reproduced" and claim.reason.endswith(NOT_VERIFIED) != published
