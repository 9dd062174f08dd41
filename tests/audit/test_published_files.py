"""What the audit says of the published files, with the figures that the documentation quotes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from repro.audit import Audit, audit

pytestmark = pytest.mark.needs_shared


@cache
def _audited(shared: Path) -> Audit:
    return audit(shared / "published", [shared / "seed" / "alignment-notes.md"])


@pytest.fixture
def result(shared: Path) -> Audit:
    return _audited(shared)


def texts(result: Audit, kind: str, where: str) -> str:
    return " ".join(item.text for item in result.findings if item.kind == kind and where in item.where)


def test_every_claim_is_answered(result: Audit) -> None:
    answers = {answer.id: answer for answer in result.claims}
    assert len(answers) == len(result.claims) == 58
    counts = {
        verdict: sum(answer.verdict == verdict for answer in result.claims)
        for verdict in ("reproduced", "document inconsistent", "published check could not fail", "not run")
    }
    assert sum(counts.values()) == 58 and counts["reproduced"] >= 20 and counts["document inconsistent"] >= 8
    assert result.documents and sum(result.documents.values()) > 20


def test_the_forward_pass_is_another_run_and_small_by_its_size(result: Audit) -> None:
    (answer,) = [a for a in result.claims if a.id == "1.model_output"]
    assert answer.verdict == "document inconsistent" and answer.documented == "1.0885132942348719e-03"
    assert answer.rederived == "0.0010154148330911994" == next(iter(answer.logged.values()))
    assert answer.relative == pytest.approx(1.482e-6, rel=1e-3)
    masked = texts(result, "no information", "model_output")
    assert "47.9%" in masked and "0.001017" in masked
    assert "785.3" in texts(result, "threshold of another scale", "model_output")
    assert "81%" in texts(result, "shift cancels", "model_output")


def test_the_data_log_cannot_have_come_from_its_dumps(result: Audit) -> None:
    text = texts(result, "log of other files", "2_check_devdata_testdata")
    assert "start_pos_list2" in text and "(6,16) (6,16,1)" in text and "Every value in the log is 0" in text
    assert "860 to 7270" in texts(result, "out of range", "start_pos_list]")
    assert "all 96 entries are 0" in texts(result, "no information", "end_pos_list2")
    assert "row numbers" in texts(result, "no information", "start_pos_list2")


def test_the_backward_pass_has_five_losses_that_part(result: Audit) -> None:
    (answer,) = [a for a in result.claims if a.id == "8.loss20"]
    assert answer.verdict == "document inconsistent" and answer.documented == "2.003300189971924e-03"
    assert answer.rederived == "0.0030797004699707033"
    assert "holds 5 values" in texts(result, "fewer samples", "b_loss")
    growing = texts(result, "growing difference", "b_loss")
    assert "4.1e-05, 0.000262, 0.0017, 0.00559, 0.00781" in growing and "190 times over 5 steps" in growing


def test_step_nine_is_one_pair_twice(result: Audit) -> None:
    (where,) = [item.where for item in result.findings if item.kind == "same evidence"]
    assert "forward_data_*" in where and "model_params_*" in where


def test_the_average_of_sixteen_is_not_that_of_its_rows(result: Audit) -> None:
    answers = {answer.id: answer for answer in result.claims}
    sixteen = answers["11.f1.16.average"]
    assert sixteen.verdict == "document inconsistent" and "54.402" in sixteen.reason
    assert all(answers[f"11.f1.{n}.average"].verdict == "reproduced" for n in (128, 1024))


def test_nothing_published_is_called_too_exact_or_refused(result: Audit) -> None:
    assert not {"too exact", "refused", "not finite", "same file"} & {item.kind for item in result.findings}
