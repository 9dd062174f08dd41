"""The report of synthetic runs: complete, partial, and with results that it must name."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from repro.config.paths import RunPaths, sha256_file
from repro.errors import InputError
from repro.report import build_report, exit_code, render
from repro.results import Cost, Evidence
from repro.results.precision import DeterminismCheck, PrecisionMeasurement
from tests.report.synthetic_run import (
    DOCUMENT,
    answer,
    claim_of,
    make_record,
    make_step,
    read_report,
    step_of,
    write_run,
    write_step,
)

RUN_BLOCK = re.compile(r"<!-- run: only here may two runs differ -->.*<!-- /run -->", re.DOTALL)


def tables_of(markdown: str) -> list[list[list[str]]]:
    """Rows of every table, split at the pipes that are not escaped."""
    tables: list[list[list[str]]] = [[]]
    for line in markdown.splitlines():
        if line.startswith("|"):
            tables[-1].append([part.strip() for part in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif tables[-1]:
            tables.append([])
    return [table for table in tables if table]


def test_time_and_memory_of_every_part(full_run: RunPaths) -> None:
    cost = Cost(seconds=3, peak_memory=2_510_000_000)
    PrecisionMeasurement(
        **{"backend": "paddle", "device": "cpu", "rows": 1, "inputs": {}, "arithmetic": {}, "noise": {}},
        **{"sensitivity": {}, "determinism": {"float32": DeterminismCheck(forward="", one_by_one="")}},
        cost={"float64": cost},
    ).write(full_run.precision("paddle"))
    full_run.precision("pytorch").write_text("{", encoding="utf-8")  # cut off
    report, text = read_report(full_run)
    assert report.run.costs["step 8"]["pytorch"] == Cost(seconds=12.0, peak_memory=1_200_000_000)
    assert "step 11" not in report.run.costs
    assert ["precision, float64", "—", "3 s", "—", "2.51 GB"] in [row for rows in tables_of(text) for row in rows]


def test_complete_run(full_run: RunPaths) -> None:
    report, text = read_report(full_run)
    assert render(report) == text and exit_code(report) == 0 and report.summary.complete
    assert [claim.id for claim in report.claims] == [claim.id for claim in DOCUMENT.claims]
    assert (report.summary.trainings.total, report.summary.trainings.done) == (10, 10)
    assert {finding.kind for finding in report.findings} == {"document inconsistent", "shared evidence", "observation"}
    for step in DOCUMENT.steps.values():
        assert step.heading in text and step.title in text
    for claim in report.claims:
        assert claim.id in text and claim.documented in text
    for column in ("预训练模型精度 (accuracy of the", "Fake_data", "反向对齐精度（20轮loss） (alignment"):
        assert f"| {column}" in text
    assert "`best_f1`, `best_f1_thresh` | `mean diff: check passed: True, value: 0.0` |" in text


def test_every_table_has_even_rows(full_run: RunPaths) -> None:
    write_step(full_run, make_step(8, [make_record(f"a|b\nc{i}") for i in range(200)]))
    tables = tables_of(read_report(full_run)[1])
    assert len(tables) > 40
    for table in tables:
        assert {len(row) for row in table} == {len(table[0])} and set(table[1]) == {"---"}


def test_long_record_tables_are_folded_to_the_worst(full_run: RunPaths) -> None:
    records = [make_record(f"gradient{i:03d}", gap64=i * 1e-16) for i in range(200)]
    records[9] = make_record("gradient009", verdict="undecidable at this precision", gap64=1e-2)
    records[7] = make_record("gradient007", gap64=1e-3, verdict="different semantics", reason="not the same")
    write_step(full_run, make_step(8, records))
    report, text = read_report(full_run)
    assert len(step_of(report, 8).records) == 200
    assert "The worst 10 of 200" in text and "1 undecided, 1 failed" in text
    names = re.findall(r"^\| (gradient\d+) ", text, re.MULTILINE)
    assert len(names) == 10 and names[:3] == ["gradient007", "gradient009", "gradient199"]
    assert step_of(report, 8).status == "failed" and exit_code(report) == 1


def test_f1_tables(full_run: RunPaths) -> None:
    report, text = read_report(full_run)
    tables = tables_of(text)
    (overview,) = [table for table in tables if table[0][1:] == ["16 examples", "128 examples", "1024 examples"]]
    rows = {row[0]: row[1:] for row in overview}
    assert rows["documented: original paper (Table 1)"] == ["54.6", "72.7", "82.8"]
    assert rows["mean ± deviation of the documented rows"][0].startswith("54.40 ± ")
    assert rows["measured: PyTorch, pretrained, F1"] == ["42.60 ± 1.41", "53.80 ± 1.41", "—"]
    assert rows["measured: Paddle, random, F1"][0] == "6.85 (one)"
    (table,) = [table for table in tables if table[0][0] == "seed" and ["44", "61.68", *["—"] * 5] in table]
    assert table[0][2] == "PyTorch, pretrained"
    assert table[2] == ["42", "54.38", "41.60", "6.60", "41.85", "6.85", "-0.25"]
    assert {entry.f1 for entry in report.training if entry.init == "random"} == {6.6, 6.85}


def test_evidence_of_a_training_is_what_two_runs_share(full_run: RunPaths) -> None:
    folder = "training/paddle/pretrained-16-42"
    result, predictions = (full_run.root / folder / name for name in ("result.json", "predictions.json"))
    evidence = Evidence(file=f"{folder}/result.json", sha256=sha256_file(result))
    write_step(full_run, answer(11, "11.f1.16.42", evidence=(evidence,)))
    (item,) = claim_of(read_report(full_run)[0], "11.f1.16.42").evidence
    assert item == Evidence(file=f"{folder}/predictions.json", sha256=sha256_file(predictions))


def test_two_runs_differ_only_in_the_run_block(tmp_path: Path) -> None:
    first = write_run(tmp_path / "one")
    second = write_run(tmp_path / "elsewhere" / "two", seconds=777.0, stamp="2027/02/03 04:05:06")
    (one, text_one), (two, text_two) = read_report(first), read_report(second)
    assert one.run != two.run and one.replace(run=two.run) == two
    outside = RUN_BLOCK.sub("", text_one)
    assert text_one != text_two and outside == RUN_BLOCK.sub("", text_two)
    assert "$RUN" in outside and "2026/01/01" not in text_one


def test_left_out_steps_are_explained(tmp_path: Path) -> None:
    report, text = read_report(write_run(tmp_path, steps=(1, 4)))
    assert exit_code(report) == 0 and report.summary.complete
    assert report.summary.steps == {"total": 11, "not run": 9, "passed": 2}
    claim = claim_of(report, "6.learning_rate")
    assert (claim.verdict, claim.reason) == ("not run", "Left out by the profile (steps 1, 4).")
    assert report.training == () and "Left out by the profile" in text


def test_failed_record_fails_the_run(full_run: RunPaths) -> None:
    write_step(full_run, make_step(6, [make_record("rate", outcome="not finite", reason="NaN at 3 of 100 places")]))
    report, text = read_report(full_run)
    assert step_of(report, 6).status == "failed" and exit_code(report) == 1
    assert "not finite" in text and "NaN at 3 of 100 places" in text


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        ("differs", 1),
        ("document inconsistent", 0),
        ("published check could not fail", 0),
        ("not comparable in this profile", 0),
        ("not run", 0),
    ],
)
def test_only_a_claim_that_differs_fails_the_run(verdict: str, code: int, full_run: RunPaths) -> None:
    write_step(full_run, answer(9, "9.train_data", verdict=verdict, reason="Other order."))
    report, text = read_report(full_run)
    assert claim_of(report, "9.train_data").verdict == verdict and exit_code(report) == code
    assert ("**differs**: 9.train_data" in text and "documented claims that differ: 9.train_data" in text) == code


def test_documents_own_contradiction_outranks_the_run(full_run: RunPaths) -> None:
    write_step(full_run, answer(11, "11.f1.16.average", measured=43.0, verdict="differs", reason="Far off."))
    claim = claim_of(read_report(full_run)[0], "11.f1.16.average")
    assert claim.verdict == "document inconsistent" and claim.measured == 43.0
    assert "54.402" in claim.reason and "The run by itself: differs; Far off." in claim.reason


def test_unanswered_claim_is_named(full_run: RunPaths) -> None:
    step = make_step(3)
    write_step(full_run, step.replace(claims=step.claims[1:]))
    report, text = read_report(full_run)
    claim = claim_of(report, "3.exact")
    assert (claim.verdict, claim.reason) == ("not run", "Step 3 ran but gave no answer to this claim.")
    assert "Step 3 ran but gave no answer to 3.exact." in text


def test_published_protocol_names_its_deviations(tmp_path: Path) -> None:
    report, text = read_report(write_run(tmp_path, protocol="published"))
    assert report.protocol.deviations["weight_decay"] == (0.0, 0.01)
    assert "| `weight_decay` | 0 | 0.01 |" in text


def test_schema_is_valid_and_lies_beside_the_report(full_run: RunPaths) -> None:
    report, _ = read_report(full_run)
    schema = json.loads((full_run.root / report.schema_).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    content = json.loads(full_run.report_json.read_text(encoding="utf-8"))
    assert schema["$id"] == content["schema"] and list(validator.iter_errors(content)) == []
    content["claims"][0]["verdict"] = "fine"
    assert [error.json_path for error in validator.iter_errors(content)] == ["$.claims[0].verdict"]


def test_nothing_is_written_when_the_report_cannot_be_made(full_run: RunPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise InputError("planted")

    monkeypatch.setattr("repro.report.render", refuse)
    with pytest.raises(InputError, match="planted"):
        build_report(full_run)
    assert not full_run.report_json.exists() and not full_run.report_md.exists()


def test_not_a_run_directory(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run directory"):
        build_report(RunPaths(tmp_path))
