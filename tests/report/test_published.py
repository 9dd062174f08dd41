"""The middle column: what the published files say, and how it bears on the verdict of a run."""

from pathlib import Path
from typing import Any

import pytest

from repro.config.paths import RunPaths
from repro.report import exit_code
from repro.results.report import PublishedAnswer
from tests.report.synthetic_run import DOCUMENT, answer, claim_of, read_report, write_json, write_run, write_step

EMPTY: dict[str, Any] = {
    "schema": "audit.v2",
    "summary": {"claims": {}, "findings": {}},
    **{"documents": {}, "claims": [], "findings": [], "ranked": [], "checks": [], "files": {}, "refused": {}},
}
ANSWER = {"logged": {"log.txt": "0.5"}, "rederived": "0.125", "verdict": "reproduced", "reason": "Because."}


def audited(root: Path, verdicts: dict[str, str]) -> RunPaths:
    """A complete run with an audit that answers ``reproduced`` where nothing else is said."""
    run = write_run(root, evidence={"source": "path", "directory": str(root)})
    answers = {claim.id: {**ANSWER, "id": claim.id, "documented": "1"} for claim in DOCUMENT.claims}
    for name, verdict in verdicts.items():
        answers[name]["verdict"] = verdict
    fault = {"level": "fault", "kind": "same file", "where": "compare.py", "text": "line 4 compares a | b."}
    note = {"level": "note", "kind": "copy", "where": "a", "text": "a note"}
    write_json(run.audit, {**EMPTY, "claims": [*answers.values()], "findings": [fault, note]})
    return run


def test_three_columns(tmp_path: Path) -> None:
    report, text = read_report(audited(tmp_path, {}))
    claim = claim_of(report, "1.model_output")
    assert claim.published == PublishedAnswer.model_validate(ANSWER)
    assert claim.verdict == "not comparable in this profile"
    assert "The published files: reproduced; Because." in claim.reason
    row = next(line for line in text.splitlines() if "</a>1.model_output: " in line)
    assert [part.strip() for part in row.split("|")[2:5]] == [claim.documented, "0.125", "1.2345678901234e-07"]
    assert [finding.kind for finding in report.audit.findings] == ["same file"]
    assert "**same file** `compare.py`: line 4 compares a | b." in text and "a note" not in text


@pytest.mark.parametrize("verdict", ["document inconsistent", "published check could not fail"])
def test_a_fault_of_the_document_comes_before_what_a_run_says(tmp_path: Path, verdict: str) -> None:
    report, _ = read_report(audited(tmp_path, {"8.loss20": verdict}))
    claim = claim_of(report, "8.loss20")
    assert claim.verdict == verdict and exit_code(report) == 0
    assert claim.reason.startswith("Because. The run by itself: not comparable in this profile;")


def test_a_run_that_differs_is_not_explained_away(tmp_path: Path) -> None:
    run = audited(tmp_path, {"8.loss20": "document inconsistent"})
    write_step(run, answer(8, "8.loss20", verdict="differs"))
    report, _ = read_report(run)
    claim = claim_of(report, "8.loss20")
    assert claim.verdict == "differs" and "document inconsistent; Because." in claim.reason
    assert exit_code(report) == 1


def test_without_an_audit_the_column_says_why(full_run: RunPaths) -> None:
    report, text = read_report(full_run)
    assert claim_of(report, "8.loss20").published is None
    assert "</a>The published files were not audited in this run; --evidence DIR names them." in text


def test_a_lost_audit_is_said(tmp_path: Path) -> None:
    run = audited(tmp_path, {})
    run.audit.write_text("{")
    assert "The published files have no usable audit: audit/audit.json is not complete" in read_report(run)[1]
    write_json(run.audit, EMPTY)
    assert "does not hold the files" in read_report(run)[0].audit.reason
