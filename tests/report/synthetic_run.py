"""A synthetic run: every file that the report reads, written with the project's own types."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from repro.claims import load_claims
from repro.numerics.record import ClaimResult, Record, StepResult, judge
from repro.paths import RunPaths, sha256_file
from repro.profile import BACKENDS, Profile, save_profile

CLAIMS = tuple(load_claims().values())
SIZES, SEEDS = (16, 128), (42, 43)


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, allow_nan=False), encoding="utf-8")


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def make_profile(**changes: Any) -> Profile:
    settings: dict[str, Any] = {
        "name": "synthetic",
        "description": "for tests",
        "data": {"source": "generated"},
        "weights": {"source": "shipped"},
        "training": {"sizes": SIZES, "seeds": SEEDS, "baseline": {"sizes": (16,), "seeds": (42,)}},
    }
    return Profile.model_validate({**settings, **changes})


def make_record(name: str, **changes: Any) -> Record:
    values: dict[str, Any] = {
        "outcome": "compared",
        "shape": (12, 384),
        "dtype": "float32",
        "mean_abs": 3.1e-7,
        "max_abs": 2.5e-6,
        "relative_l2": 4e-7,
        "gap64": 2e-16,
        "tolerance": 1e-12,
        "derivation": "ten times the float64 noise floor",
        "verdict": "same semantics, rounding only",
        "reason": "float64 results agree",
    }
    return Record(name=name, **{**values, **changes})


def make_step(number: int, records: list[Record] | None = None, **changes: Any) -> StepResult:
    claims = [claim for claim in CLAIMS if claim.step == number]
    if records is None:
        names = [claim.column for claim in claims] if number in (2, 3) else [f"tensor{number}.{i}" for i in range(3)]
        records = [make_record(name) for name in names] if number != 11 else []
    records = [replace(record, sha256_a=sha(f"pytorch{number}"), sha256_b=sha(f"paddle{number}")) for record in records]
    status, counts = judge(records) if records else ("passed", {})
    answers = tuple(
        ClaimResult(
            claim.id,
            0.0 if claim.kind == "zero" else "statement" if claim.kind == "text" else 1.2345678901234e-7,
            "reproduced" if claim.kind == "zero" else "not comparable in this profile",
            "Measured on other weights | than documented.",
            relative=4e-7,
            evidence=({"file": f"dumps/pytorch/step{number:02d}.npy", "sha256": sha(f"pytorch{number}")},),
        )
        for claim in claims
    )
    values: dict[str, Any] = {
        "status": status,
        "summary": f"Step {number} is rounding only.",
        "command": f"python -m repro compare --run RUN --step {number}",
        "records": tuple(records),
        "claims": answers,
        "counts": counts,
        "tables": ({"title": "More", "columns": ["a", "b"], "rows": [[1, 0.25], ["x|y", None]]},),
        "notes": ("A note.",),
    }
    return StepResult(step=number, title="as written by the step", **{**values, **changes})


def write_step(run: RunPaths, step: StepResult) -> None:
    write_json(run.record(step.step), step.to_json())


def write_training(run: RunPaths, backend: str, init: str, size: int, seed: int, seconds: float = 12.0) -> None:
    f1 = {"pretrained": 40.0, "random": 5.0}[init] + size / 10 + (seed - 42) * 2 + (backend == "paddle") * 0.25
    result = {
        "backend": backend,
        "init": init,
        "size": size,
        "seed": seed,
        "exact": f1 / 2,
        "f1": f1,
        "steps": 202,
    }
    result |= {"seconds": seconds, "versions": {backend: "9.9"}, "device": "cpu"}
    predictions = {f"question {backend}": f"answer {size} {seed}"}
    write_json(run.training(backend, init, size, seed) / "predictions.json", predictions)
    result["files"] = {"predictions.json": sha256_file(run.training(backend, init, size, seed) / "predictions.json")}
    write_json(run.training(backend, init, size, seed) / "result.json", result)


def write_log(run: RunPaths, step: StepResult, stamp: str) -> None:
    lines = []
    for record in step.records:
        lines += [f"[{stamp}] root INFO: {record.name}: "]
        lines += [f"[{stamp}] root INFO: \tmean diff: check passed: True, value: {record.mean_abs}"]
    lines += [f"[{stamp}] root INFO: diff check passed"]
    path = run.reprod_log(step.step)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_run(root: Path, seconds: float = 12.0, stamp: str = "2026/01/01 00:00:00", **changes: Any) -> RunPaths:
    run, profile = RunPaths(root), make_profile(**changes)
    save_profile(run, profile)
    write_json(run.inputs, {"data": {"path": str(root / "data"), "sha256": sha("data")}, "seconds": seconds})
    for number in profile.steps:
        step = make_step(number, command=f"python -m repro compare --run {root} --step {number}")
        write_step(run, step)
        write_log(run, step, stamp)
        for backend in BACKENDS if number != 11 else ():
            content: dict[str, Any] = {
                "versions": {backend: "9.9", "numpy": "1.26.4"},
                "device": "cpu",
                "seconds": seconds,
                "peak_memory": int(seconds * 1e8),
            }
            content["dumps"] = {"float32": {"sha256": sha(f"{backend}{number}"), "bytes": 12, "keys": 1}}
            write_json(run.capture(backend, number), content)
    for backend in BACKENDS:
        for training in profile.trainings():
            write_training(run, backend, *training, seconds=seconds)
    return run


def claim_of(report: dict[str, Any], name: str) -> dict[str, Any]:
    """The one entry of a claim."""
    (found,) = [claim for claim in report["claims"] if claim["id"] == name]
    return dict(found)


def step_of(report: dict[str, Any], number: int) -> dict[str, Any]:
    """The entry of a step."""
    return dict(report["steps"][number - 1])


def answer(number: int, name: str, **changes: Any) -> StepResult:
    """The step with one of its answers changed."""
    step = make_step(number)
    claims = tuple(replace(claim, **changes) if claim.id == name else claim for claim in step.claims)
    assert claims != step.claims
    return replace(step, claims=claims)
