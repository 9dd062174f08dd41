"""The check of a finished run that CI makes: each planted fault of a report is caught."""

from pathlib import Path

import pytest

from repro.config.paths import RunPaths
from repro.report import build_report
from repro.results.report import Report
from tests.report.test_detection_power import with_selftest
from tools import check_report


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    """A complete run with 8 trainings from pretrained weights, with its report."""
    run = with_selftest(tmp_path)
    build_report(run)
    return run


def test_faults_of_a_report(run: RunPaths) -> None:
    report = Report.read(run.report_json)
    assert check_report.faults(report, 8) == []

    def faults(**changes: object) -> str:
        return "\n".join(check_report.faults(report.replace(**changes), 8))

    first, *others = report.claims
    training = report.training[0].replace(status="not run")
    assert "7 trainings" in faults(training=report.training[1:])
    assert "7 trainings" in faults(training=(*report.training[1:], report.training[1]))
    assert "7 trainings" in faults(training=(training, *report.training[1:]))
    assert "every documented claim once" in faults(claims=report.claims[:-1])
    assert first.id in faults(claims=(first.replace(verdict="not run"), *others))
    assert "self-test: 3 of 4" in faults(selftest=report.selftest.replace(passed=False, sentence="3 of 4 seen."))


@pytest.mark.parametrize("fault", ["none", "cut off", "no markdown", "sum"])
def test_exit_code(
    run: RunPaths, fault: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = run.report_json.read_text(encoding="utf-8")
    if fault == "cut off":
        run.report_json.write_text(text[:1000], encoding="utf-8")
    elif fault == "sum":
        run.report_json.write_text(text.replace('"reproduced": ', '"reproduced": 1', 1), encoding="utf-8")
    elif fault == "no markdown":
        run.report_md.write_text("")
    monkeypatch.setattr("sys.argv", ["check_report.py", str(run.root), "--trainings", "8"])
    assert check_report.main() == (0 if fault == "none" else 1), capsys.readouterr().out
