"""A synthetic run: every file that the report reads, written with the project's types."""

import hashlib
import json
from itertools import product
from pathlib import Path
from typing import Any

from repro.claims import load_document
from repro.config.paths import RunPaths, sha256_file
from repro.config.profile import BACKENDS, BackendName, Profile
from repro.config.profile_file import save_profile
from repro.config.trainings import TrainingKey
from repro.report import build_report
from repro.results import (
    CaptureProvenance,
    ClaimResult,
    Evidence,
    Record,
    StepResult,
    TrainingResult,
    status_and_counts,
)
from repro.results.inputs import DataInputs, InputFile, RunInputs, WeightsInputs
from repro.results.report import Report, ReportedClaim, ReportedStep
from tests.report.sentences import left_in_english

DOCUMENT = load_document()
PROFILE: dict[str, Any] = {
    "name": "synthetic",
    "description": "for tests",
    "data": {"source": "generated"},
    "weights": {"source": "shipped"},
    "training": {"sizes": (16, 128), "seeds": (42, 43), "baseline": {"sizes": (16,), "seeds": (42,)}},
}


def write_json(path: Path, value: Any) -> None:
    """Also what no type of the project would let pass."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def make_record(name: str, **changes: Any) -> Record:
    values: dict[str, Any] = {
        "outcome": "compared",
        "shape": (12, 384),
        "mean_abs": 3.1e-7,
        "relative_l2": 4e-7,
        "gap64": 2e-16,
        "tolerance": 1e-12,
        "verdict": "same semantics, rounding only",
    }
    return Record(name=name, **{**values, **changes})


def make_step(number: int, records: list[Record] | None = None, **changes: Any) -> StepResult:
    claims = DOCUMENT.claims_of(number)
    if records is None:
        names = [claim.column for claim in claims] if number in (2, 3) else [f"tensor{number}.{i}" for i in range(3)]
        records = [make_record(name) for name in names] if number != 11 else []
    records = [record.replace(sha256_a=sha(f"pytorch{number}"), sha256_b=sha(f"paddle{number}")) for record in records]
    status, counts = status_and_counts(records) if records else ("passed", {})
    dump = Evidence(file=f"dumps/pytorch/step{number:02d}.npy", sha256=sha(f"pytorch{number}"))
    answers = [
        ClaimResult(
            id=claim.id,
            measured=0.0 if claim.kind == "zero" else "statement" if claim.kind == "text" else 1.2345678901234e-7,
            verdict="reproduced" if claim.kind == "zero" else "not comparable in this profile",
            reason="Measured on other weights | than documented.",
            relative=4e-7,
            evidence=() if number == 11 else (dump,),
        )
        for claim in claims
    ]
    values: dict[str, Any] = {
        "status": status,
        "summary": f"Step {number} is rounding only.",
        "records": records,
        "claims": answers,
        "counts": counts,
        "tables": [{"title": "More", "columns": ("a", "b"), "rows": [(1, 0.25), ("x|y", None)]}],
        "notes": ["A note."],
    }
    return StepResult(step=number, title="as written by the step", **{**values, **changes})


def answer(number: int, name: str, **changes: Any) -> StepResult:
    """The step with one of its answers changed."""
    step = make_step(number)
    return step.replace(claims=tuple(c.replace(**changes) if c.id == name else c for c in step.claims))


def write_step(run: RunPaths, step: StepResult) -> None:
    step.write(run.record(step.step))


def write_capture(run: RunPaths, backend: BackendName, number: int, seconds: float) -> None:
    values = {
        "backend": backend,
        "step": number,
        "inputs": "the same",
        "device": "cpu",
        "threads": 1,
        "versions": {backend: "9.9", "numpy": "1.26.4"},
        "seconds": seconds,
        "peak_memory": int(seconds * 1e8),
        "dumps": {"float32": {"sha256": sha(f"{backend}{number}"), "bytes": 12, "keys": 1}},
    }
    dump = run.dump(backend, number)
    dump.parent.mkdir(parents=True, exist_ok=True)
    dump.write_text(f"{backend}{number}", encoding="utf-8")
    CaptureProvenance.model_validate(values).write(run.capture(backend, number))


def write_training(run: RunPaths, backend: BackendName, key: TrainingKey, seconds: float) -> None:
    f1 = {"pretrained": 40.0, "random": 5.0}[key.init] + key.size / 10 + (key.seed - 42) * 2
    f1 += (backend == "paddle") * 0.25 + key.repeat
    folder = run.training(backend, *key)
    write_json(folder / "predictions.json", {f"question {backend}": f"answer {key.size} {key.seed}"})
    values = {
        **{"backend": backend, **key._asdict(), "order_seed": key.seed},
        **{"exact": f1 / 2, "f1": f1, "metrics": {"f1": f1, "total": 300}, "final_loss": 0.25},
        **{"steps": 202, "schedule_steps": 200, "batches_of_one": 0, "epochs": 101},
        **{"features": 17, "dev_features": 317, "device": "cpu", "precision": "float32"},
        **{"threads": 1, "versions": {backend: "9.9"}, "rules": {}},
        **{"seconds": seconds, "durations": {"training": seconds, "evaluation": 0.0}},
        "files": {"predictions.json": sha256_file(folder / "predictions.json")},
    }
    TrainingResult.model_validate(values).write(folder / "result.json")


def write_log(run: RunPaths, step: StepResult, stamp: str = "2026/01/01 00:00:00") -> None:
    lines = []
    for record in step.records:
        lines += [f"[{stamp}] root INFO: {record.name}: "]
        lines += [f"[{stamp}] root INFO: \tmean diff: check passed: True, value: {record.mean_abs}"]
    lines += [f"[{stamp}] root INFO: diff check passed"]
    path = run.reprod_log(step.step)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_run(root: Path, seconds: float = 12.0, stamp: str = "2026/01/01 00:00:00", **changes: Any) -> RunPaths:
    run, profile = RunPaths(root), Profile.model_validate({**PROFILE, **changes})
    save_profile(run, profile)
    dev, vocabulary = (InputFile(path=run.data / name, sha256=sha(name), bytes=12) for name in ("dev", "vocab"))
    data = DataInputs(directory=run.data, files={"dev": dev})
    RunInputs(data=data, vocab=vocabulary, weights=WeightsInputs()).write(run.inputs)
    for number in profile.steps:
        step = make_step(number, command=f"python -m repro compare --run {root} --step {number}")
        write_step(run, step)
        if number != 11:
            write_log(run, step, stamp)
            for backend in BACKENDS:
                write_capture(run, backend, number, seconds)
    for backend, training in product(BACKENDS, profile.trainings() if 11 in profile.steps else ()):
        write_training(run, backend, training, seconds=seconds)
    return run


def read_report(run: RunPaths) -> tuple[Report, str]:
    """Build the report of a run, in Chinese throughout; its JSON, parsed again, and its Markdown."""
    path = build_report(run)
    left = left_in_english(run.report_zh.read_text(encoding="utf-8"))
    assert not left, left
    return Report.read(run.report_json), path.read_text(encoding="utf-8")


def claim_of(report: Report, name: str) -> ReportedClaim:
    """The one entry of a claim."""
    (claim,) = [claim for claim in report.claims if claim.id == name]
    return claim


def step_of(report: Report, number: int) -> ReportedStep:
    """The entry of a step."""
    return report.steps[number - 1]
