"""Runs with something missing or something wrong in them: the report must name it, and never take it for done."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repro.claims import load_document
from repro.errors import InputError
from repro.numerics.record import ClaimResult, Record
from repro.paths import RunPaths
from repro.report import exit_code
from repro.report.json_report import validate
from tests.report.synthetic_run import (
    CLAIMS,
    answer,
    claim_of,
    make_record,
    make_step,
    sha,
    step_of,
    write_log,
    write_run,
    write_step,
)

Read = Callable[[RunPaths], tuple[dict[str, Any], str]]


@pytest.mark.parametrize("fault", ["missing", "cut off", "not an object", "NaN", "another step", "foreign fields"])
def test_unusable_record_is_never_done(fault: str, full_run: RunPaths, read_report: Read) -> None:
    path = full_run.record(4)
    text = path.read_text(encoding="utf-8")
    if fault == "missing":
        path.unlink()
    elif fault == "another step":
        path.write_bytes(full_run.record(5).read_bytes())
    else:
        changed = {
            "cut off": text[: len(text) // 2],
            "not an object": "[]",
            "NaN": text.replace("3.1e-07", "NaN", 1),
            "foreign fields": text.replace('"notes"', '"remarks"', 1),
        }
        path.write_text(changed[fault], encoding="utf-8")
    report, markdown = read_report(full_run)
    step = step_of(report, 4)
    assert step["status"] == "not run" and step["lost"] and "records/step04.json" in step["summary"]
    assert claim_of(report, "4.fake_data")["verdict"] == "not run"
    assert claim_of(report, "4.fake_data")["reason"] == step["summary"]
    assert any(item["kind"] == "lost" and item["step"] == 4 for item in report["findings"])
    assert "INCOMPLETE RUN" in markdown and exit_code(report) == 1


def test_record_without_its_dumps_is_not_done(full_run: RunPaths, read_report: Read) -> None:
    full_run.capture("paddle", 6).unlink()
    report, _ = read_report(full_run)
    assert step_of(report, 6)["summary"] == "dumps/paddle/step06.json is missing."
    assert exit_code(report) == 1


def test_step_that_says_it_did_not_run(full_run: RunPaths, read_report: Read) -> None:
    write_step(full_run, make_step(6, [], status="not run", summary="dumps/paddle/step06.npy is missing."))
    report, markdown = read_report(full_run)
    assert step_of(report, 6)["lost"] and exit_code(report) == 1
    assert "INCOMPLETE RUN, without usable files of steps 6" in markdown


def test_one_framework_has_nothing_to_be_compared_with(tmp_path: Path, read_report: Read) -> None:
    run = write_run(tmp_path, backends=("pytorch",))
    for number in range(1, 12):
        write_step(run, make_step(number, [], status="not run", summary="The profile runs pytorch only."))
    report, _ = read_report(run)
    assert report["summary"]["steps"]["not run"] == 11 and exit_code(report) == 0


def test_record_of_other_dumps_is_not_done(full_run: RunPaths, read_report: Read) -> None:
    text = full_run.capture("paddle", 6).read_text(encoding="utf-8")
    full_run.capture("paddle", 6).write_text(text.replace(sha("paddle6"), sha("another")), encoding="utf-8")
    report, _ = read_report(full_run)
    assert "records/step06.json was made from other dumps" in step_of(report, 6)["summary"]
    assert step_of(report, 6)["lost"] and exit_code(report) == 1


@pytest.mark.parametrize(
    "fault", ["missing", "cut off", "no F1", "impossible F1", "another training", "predictions cut off"]
)
def test_training_that_is_not_complete(fault: str, full_run: RunPaths, read_report: Read) -> None:
    path = full_run.training("paddle", "pretrained", 128, 43) / "result.json"
    text = path.read_text(encoding="utf-8")
    if fault == "missing":
        path.unlink()
    else:
        content = json.loads(text)
        changed = {
            "cut off": text[:40],
            "no F1": json.dumps({**content, "f1": None}),
            "impossible F1": json.dumps({**content, "f1": 101.5}),
            "another training": json.dumps({**content, "seed": 42}),
            "predictions cut off": text,
        }
        if fault == "predictions cut off":
            (path.parent / "predictions.json").write_text('{"question', encoding="utf-8")
        path.write_text(changed[fault], encoding="utf-8")
    report, markdown = read_report(full_run)
    (entry,) = [item for item in report["training"] if item["status"] != "done"]
    assert (entry["backend"], entry["size"], entry["seed"], entry["f1"]) == ("paddle", 128, 43, None)
    assert "training/paddle/pretrained-128-43/result.json" in entry["reason"]
    assert step_of(report, 11)["status"] == "not run" and "1 of 10 trainings" in step_of(report, 11)["summary"]
    assert claim_of(report, "11.f1.128.43")["verdict"] == "not run"
    assert "Trainings that are not complete" in markdown and exit_code(report) == 1


FAULTS: dict[str, tuple[Any, str]] = {
    "unknown claim verdict": (answer(6, "6.learning_rate", verdict="fine"), "unknown verdict 'fine'"),
    "no reason": (answer(6, "6.learning_rate", reason=" "), "a verdict without a reason"),
    "unknown number verdict": (
        replace(make_step(6), records=(make_record("rate", verdict="close enough"),)),
        "unknown verdict 'close enough'",
    ),
    "unknown outcome": (
        replace(make_step(6), records=(make_record("rate", outcome="ok"),)),
        "unknown outcome 'ok'",
    ),
    "unknown status": (make_step(6, status="done"), "unknown status 'done'"),
    "broken sum": (make_step(6, counts={"total": 3, "passed": 2, "undecided": 0, "failed": 0}), "do not fit"),
    "wrong total": (
        make_step(6, counts={"total": 9, "passed": 3, "undecided": 0, "failed": 0}),
        "do not fit",
    ),
    "no counts": (make_step(6, counts={}), "do not fit"),
    "counts without records": (make_step(6, [], counts={"total": 1, "passed": 1}), "do not fit"),
    "failed record, passed step": (
        make_step(6, [make_record("rate", verdict="different semantics")], status="passed"),
        "status is 'passed' although its records are failed",
    ),
    "claim of another step": (
        make_step(6, claims=(ClaimResult("9.train_data", 0.0, "reproduced", "Equal."),)),
        "not among the documented claims of step 6",
    ),
    "claim answered twice": (replace(make_step(6), claims=make_step(6).claims * 2), "answered twice"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_record_that_does_not_add_up(fault: str, full_run: RunPaths, read_report: Read) -> None:
    step, message = FAULTS[fault]
    write_step(full_run, step)
    report, text = read_report(full_run)
    assert step_of(report, 6)["status"] == "failed" and exit_code(report) == 1
    assert any(message in item["text"] for item in report["findings"] if item["kind"] == "fault")
    assert message in text
    assert len(report["claims"]) == len(CLAIMS)


def log_case(record: Record, printed: str, full_run: RunPaths, read_report: Read) -> list[dict[str, str]]:
    step = make_step(6, [record])
    write_step(full_run, step)
    write_log(full_run, step, "2026/01/01 00:00:00")
    path = full_run.reprod_log(6)
    path.write_text(path.read_text().replace(f"True, value: {record.mean_abs}", printed), encoding="utf-8")
    return step_of(read_report(full_run)[0], 6)["reprod_log"]["disagreements"]


@pytest.mark.parametrize(
    ("changes", "printed", "why"),
    [
        ({"outcome": "not finite"}, "True, value: nan", "False for NaN"),
        ({"outcome": "shape differs"}, "True, value: 0.0", "transposes or broadcasts"),
        ({"verdict": "different semantics", "gap64": 0.01}, "True, value: 2e-07", "absolute threshold"),
        ({"mean_abs": 1e-3}, "False, value: 0.001", "so it is rounding"),
        ({"mean_abs": 1e-3, "verdict": "as declared", "reason": "as it says"}, "False, value: 0.001", "as it says"),
    ],
)
def test_why_reprod_log_disagrees(
    changes: dict[str, Any], printed: str, why: str, full_run: RunPaths, read_report: Read
) -> None:
    (found,) = log_case(make_record("rate", **changes), printed, full_run, read_report)
    assert why in found["reason"]


def test_agreement_with_reprod_log_needs_no_word(full_run: RunPaths, read_report: Read) -> None:
    assert log_case(make_record("rate"), "True, value: 3.1e-07", full_run, read_report) == []


@pytest.mark.parametrize(
    "fault", ["claim lost", "claim doubled", "bad verdict", "bad sum", "extra field", "F1 above 100"]
)
def test_validation_catches(fault: str, full_run: RunPaths, read_report: Read) -> None:
    report, _ = read_report(full_run)
    validate(report, load_document())
    if fault == "claim lost":
        report["claims"].pop()
    elif fault == "claim doubled":
        report["claims"][1] = report["claims"][0]
    elif fault == "bad verdict":
        report["claims"][0]["verdict"] = "fine"
    elif fault == "bad sum":
        report["summary"]["claims"]["reproduced"] += 1
    elif fault == "extra field":
        report["run"]["mood"] = "good"
    else:
        report["training"][0]["f1"] = 101
    with pytest.raises(InputError):
        validate(report, load_document())
