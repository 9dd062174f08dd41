"""What the audit says about the published files, with the figures that the documentation quotes."""

from pathlib import Path

import pytest

from repro.audit import audit
from repro.results.audit import AuditReport

pytestmark = pytest.mark.needs_shared


@pytest.fixture(scope="module")
def report(shared: Path) -> AuditReport:
    return audit(shared / "published", [shared / "seed" / "alignment-notes.md"])


def texts(report: AuditReport, kind: str, where: str) -> str:
    return " ".join(item.text for item in report.findings if item.kind == kind and where in item.where)


def test_every_claim_is_answered(report: AuditReport) -> None:
    answers = {answer.id: answer for answer in report.claims}
    assert len(answers) == len(report.claims) == 58
    counts = report.summary.claims
    assert set(counts) == {"reproduced", "document inconsistent", "published check could not fail", "not run"}
    assert counts["reproduced"] >= 20 and counts["document inconsistent"] >= 8
    assert report.documents and sum(report.documents.values()) > 20


def test_the_forward_pass_is_another_run_and_small_by_its_size(report: AuditReport) -> None:
    (answer,) = [a for a in report.claims if a.id == "1.model_output"]
    assert answer.verdict == "document inconsistent" and answer.documented == "1.0885132942348719e-03"
    assert answer.rederived == "0.0010154148330911994" == next(iter(answer.logged.values()))
    assert answer.relative == pytest.approx(1.482e-6, rel=1e-3)
    masked = texts(report, "no information", "model_output")
    assert "47.9%" in masked and "0.001017" in masked
    assert "785.3" in texts(report, "threshold of another scale", "model_output")
    assert "81%" in texts(report, "shift cancels", "model_output")


def test_the_data_log_cannot_have_come_from_its_dumps(report: AuditReport) -> None:
    text = texts(report, "log of other files", "2_check_devdata_testdata")
    assert "start_pos_list2" in text and "(6,16) (6,16,1)" in text and "Every value in the log is 0" in text
    assert "860 to 7270" in texts(report, "out of range", "start_pos_list]")
    assert "all 96 entries are 0" in texts(report, "no information", "end_pos_list2")
    assert "row numbers" in texts(report, "no information", "start_pos_list2")


def test_the_backward_pass_has_five_losses_that_diverge(report: AuditReport) -> None:
    (answer,) = [a for a in report.claims if a.id == "8.loss20"]
    assert answer.verdict == "document inconsistent" and answer.documented == "2.003300189971924e-03"
    assert answer.rederived == "0.0030797004699707033"
    assert "holds 5 values" in texts(report, "fewer samples", "b_loss")
    growing = texts(report, "growing difference", "b_loss")
    assert "4.1e-05, 0.000262, 0.0017, 0.00559, 0.00781" in growing and "190 times over 5 steps" in growing


def test_step_nine_is_one_pair_twice(report: AuditReport) -> None:
    (where,) = [item.where for item in report.findings if item.kind == "same evidence"]
    assert "forward_data_*" in where and "model_params_*" in where


def test_the_average_of_sixteen_is_not_that_of_its_rows(report: AuditReport) -> None:
    answers = {answer.id: answer for answer in report.claims}
    sixteen = answers["11.f1.16.average"]
    assert sixteen.verdict == "document inconsistent" and "54.402" in sixteen.reason
    assert all(answers[f"11.f1.{n}.average"].verdict == "reproduced" for n in (128, 1024))


def test_nothing_published_is_called_too_exact_or_refused(report: AuditReport) -> None:
    assert not {"too exact", "refused", "not finite", "same file"} & {item.kind for item in report.findings}
