"""Runs with something missing or something wrong in them: the report must name it, and never take it for done."""

import json
from pathlib import Path
from typing import Any

import pytest

from repro.config.paths import RunPaths
from repro.report import exit_code
from repro.results import ClaimResult, Evidence
from repro.results.report import Report
from tests.report.figure_run import write_figure_run
from tests.report.synthetic_run import (
    DOCUMENT,
    answer,
    claim_of,
    make_record,
    make_step,
    read_report,
    sha,
    step_of,
    write_json,
    write_log,
    write_run,
    write_step,
)


def assert_lost(report: Report, markdown: str, number: int, message: str) -> None:
    """The step is not run, for this reason, and the run has failed."""
    step = step_of(report, number)
    assert step.status == "not run" and step.lost and message in step.summary
    assert step.records == () and step.tables == ()
    claims = report.claims_of(number)
    assert all(claim.verdict in ("not run", "document inconsistent") for claim in claims)
    assert any(step.summary == claim.reason for claim in claims)
    assert any(finding.kind == "lost" and finding.step == number for finding in report.findings)
    assert "INCOMPLETE RUN" in markdown and message in markdown and exit_code(report) == 1
    assert [claim.id for claim in report.claims] == [claim.id for claim in DOCUMENT.claims]


@pytest.mark.parametrize("fault", ["missing", "cut off", "not an object", "NaN", "another step", "foreign fields"])
def test_unusable_record_is_never_done(fault: str, full_run: RunPaths) -> None:
    path = full_run.record(4)
    text = path.read_text(encoding="utf-8")
    faults = {
        "cut off": text[: len(text) // 2],
        "not an object": "[]",
        "NaN": text.replace("3.1e-07", "NaN", 1),
        "another step": full_run.record(5).read_text(encoding="utf-8"),
        "foreign fields": text.replace('"notes"', '"remarks"', 1),
    }
    if fault == "missing":
        path.unlink()
    else:
        path.write_text(faults[fault], encoding="utf-8")
    assert_lost(*read_report(full_run), 4, "records/step04.json")


STEP = make_step(6)
RATE = make_record("rate")
FOREIGN = ClaimResult(id="9.train_data", measured=0.0, verdict="reproduced", reason="Equal.")


def _counts(total: int, passed: int) -> dict[str, int]:
    return {"total": total, "passed": passed, "undecided": 0, "failed": 0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"claims": answer(6, "6.learning_rate", verdict="fine").claims}, "claims.0.verdict"),
        ({"claims": answer(6, "6.learning_rate", reason=" ").claims}, "claims.0.reason"),
        ({"records": (RATE.replace(verdict="close"),)}, "records.0.verdict"),
        ({"records": (RATE.replace(outcome="ok"),)}, "records.0.outcome"),
        ({"status": "done"}, "status"),
        ({"counts": _counts(3, 2)}, "do not fit the records"),
        ({"counts": _counts(9, 3)}, "do not fit the records"),
        ({"counts": {}}, "do not fit the records"),
        ({"records": (), "counts": _counts(1, 1)}, "do not fit"),
        (
            {"records": (RATE.replace(verdict="different semantics"),), "counts": {**_counts(1, 0), "failed": 1}},
            "status is 'passed' although its records are failed",
        ),
        ({"claims": (FOREIGN,)}, "not among the documented claims of step 6"),
        ({"claims": STEP.claims * 2}, "claim 6.learning_rate is answered twice"),
        ({"tables": (STEP.tables[0].replace(rows=((1, 2, 3),)),)}, "does not fit the columns"),
    ],
)
def test_record_that_does_not_add_up(changes: dict[str, Any], message: str, full_run: RunPaths) -> None:
    write_json(full_run.record(6), STEP.replace(**changes).model_dump(warnings=False))
    assert_lost(*read_report(full_run), 6, message)


def test_record_without_its_dumps_is_not_done(full_run: RunPaths) -> None:
    full_run.capture("paddle", 6).unlink()
    message = "1 of 2 captures are not complete: dumps/paddle/step06.json is missing"
    assert_lost(*read_report(full_run), 6, message)


@pytest.mark.parametrize("fault", ["missing", "cut off", "swapped", "of another step", "a folder"])
def test_dumps_that_the_captures_did_not_write(fault: str, full_run: RunPaths) -> None:
    one, other = full_run.dump("paddle", 6), full_run.dump("pytorch", 6)
    texts = {"cut off": b"pad", "swapped": other.read_bytes(), "of another step": b"paddle7"}
    if fault == "swapped":
        other.write_bytes(one.read_bytes())
    one.unlink()
    if fault == "a folder":
        one.mkdir()
    elif fault != "missing":
        one.write_bytes(texts[fault])
    message = "dumps/paddle/step06.json names step06.npy, which is not there as the capture wrote it"
    assert_lost(*read_report(full_run), 6, message)


def test_captures_of_the_other_framework_are_not_done(full_run: RunPaths) -> None:
    for path in (full_run.dump, full_run.capture):
        one, other = path("paddle", 6), path("pytorch", 6)
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        other.write_bytes(first)
    message = "dumps/pytorch/step06.json is of another capture (paddle, step 6)"
    assert_lost(*read_report(full_run), 6, message)


def test_measurements_of_the_other_framework_are_not_done(tmp_path: Path) -> None:
    run = write_figure_run(tmp_path)
    run.precision("paddle").write_bytes(run.precision("pytorch").read_bytes())
    message = "1 of 2 measurements are not complete: precision/paddle.json is of the other framework (pytorch)"
    assert_lost(*read_report(run), 1, message)


@pytest.mark.parametrize("content", [None, "{", "{}"])
def test_noise_floors_without_their_measurement_are_not_done(content: str | None, full_run: RunPaths) -> None:
    write_step(full_run, make_step(6, [make_record("rate", noise_floor=2e-7)]))
    if content is not None:
        for side in ("pytorch", "paddle"):
            write_json(full_run.precision(side), {})
            full_run.precision(side).write_text(content, encoding="utf-8")
    message = "2 of 2 measurements are not complete: precision/pytorch.json is"
    assert_lost(*read_report(full_run), 6, message)


def test_record_of_other_dumps_is_not_done(full_run: RunPaths) -> None:
    text = full_run.capture("paddle", 6).read_text(encoding="utf-8")
    full_run.capture("paddle", 6).write_text(text.replace(sha("paddle6"), sha("another")), encoding="utf-8")
    full_run.dump("paddle", 6).write_text("another", encoding="utf-8")
    assert_lost(*read_report(full_run), 6, "records/step06.json rests on a dump that no capture of this run wrote")


@pytest.mark.parametrize(
    ("number", "name", "file"),
    [
        (6, "6.learning_rate", "dumps/paddle/step06.npy"),
        (11, "11.f1.16.42", "training/paddle/random-16-42/result.json"),
    ],
)
def test_evidence_that_this_run_does_not_hold(number: int, name: str, file: str, full_run: RunPaths) -> None:
    evidence = Evidence(file=file, sha256=sha("of another run"))
    write_step(full_run, answer(number, name, evidence=(evidence,)))
    assert_lost(*read_report(full_run), number, f"rests on another {file} than this run holds")


def test_step_that_says_it_did_not_run(full_run: RunPaths) -> None:
    write_step(full_run, make_step(6, [], status="not run", summary="dumps/paddle/step06.npy is missing."))
    report, markdown = read_report(full_run)
    assert step_of(report, 6).lost and exit_code(report) == 1
    assert "INCOMPLETE RUN, steps without usable files: 6" in markdown


def test_one_framework_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    run = write_run(tmp_path, backends=("pytorch",))
    for number in range(1, 12):
        write_step(run, make_step(number, [], status="not run", summary="The profile runs pytorch only."))
    report, _ = read_report(run)
    assert report.summary.steps["not run"] == 11 and exit_code(report) == 0


def test_inputs_that_are_not_there_are_named(full_run: RunPaths) -> None:
    full_run.inputs.unlink()
    assert "| missing | inputs.json is missing | — |" in read_report(full_run)[1]


@pytest.mark.parametrize(
    "fault", ["missing", "cut off", "no F1", "impossible F1", "another training", "predictions cut off"]
)
def test_training_that_is_not_complete(fault: str, full_run: RunPaths) -> None:
    path = full_run.training("paddle", "pretrained", 128, 43) / "result.json"
    text = path.read_text(encoding="utf-8")
    content = json.loads(text)
    faults = {
        "cut off": text[:40],
        "no F1": json.dumps({**content, "f1": None}),
        "impossible F1": json.dumps({**content, "f1": 101.5}),
        "another training": json.dumps({**content, "seed": 42}),
    }
    if fault == "missing":
        path.unlink()
    elif fault == "predictions cut off":
        (path.parent / "predictions.json").write_text('{"question', encoding="utf-8")
    else:
        path.write_text(faults[fault], encoding="utf-8")
    report, markdown = read_report(full_run)
    (entry,) = [entry for entry in report.training if entry.status != "done"]
    assert (entry.backend, entry.size, entry.seed, entry.f1) == ("paddle", 128, 43, None)
    assert "training/paddle/pretrained-128-43/result.json" in entry.reason
    assert claim_of(report, "11.f1.128.43").verdict == "not run"
    assert "Trainings that are not complete" in markdown
    assert_lost(report, markdown, 11, "1 of 10 trainings are not complete")


@pytest.mark.parametrize(
    ("changes", "printed", "why"),
    [
        ({}, "True, value: 3.1e-07", ""),
        ({"outcome": "not finite"}, "True, value: nan", "False for NaN"),
        ({"outcome": "shape differs"}, "True, value: 0.0", "transposes or broadcasts"),
        ({"verdict": "different semantics", "gap64": 0.01}, "True, value: 2e-07", "absolute threshold"),
        ({"mean_abs": 1e-3}, "False, value: 0.001", "so it is rounding"),
        ({"mean_abs": 1e-3, "verdict": "as declared", "reason": "as it says"}, "False, value: 0.001", "as it says"),
    ],
)
def test_why_reprod_log_disagrees(changes: dict[str, Any], printed: str, why: str, full_run: RunPaths) -> None:
    record = make_record("rate", **changes)
    step = make_step(6, [record])
    write_step(full_run, step)
    write_log(full_run, step)
    path = full_run.reprod_log(6)
    path.write_text(path.read_text().replace(f"True, value: {record.mean_abs}", printed), encoding="utf-8")
    reasons = [entry.reason for entry in step_of(read_report(full_run)[0], 6).reprod_log.disagreements]
    assert len(reasons) == bool(why) and why in "".join(reasons)
