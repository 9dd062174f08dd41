"""``repro stage report``: it ends as ``repro all`` does, and believes nothing that was edited since it was written."""

from pathlib import Path

import pytest

from repro.cli.main import main
from repro.config.paths import RunPaths
from repro.results import StepResult
from repro.results.report import Report
from repro.results.stamp import Stamp, profile_stamp, stamp_path, states
from tests.report.synthetic_run import step_of, write_run


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    """A complete run, with the stamps of its profile and of step 4's comparison."""
    run = write_run(tmp_path / "run", steps=[4])
    for path, file in ((profile_stamp(run), run.profile), (stamp_path(run, "compare-4"), run.record(4))):
        Stamp(key="", seconds=0, files=states(run, [file])).write(path)
    return run


def test_the_exit_code_is_that_of_the_report(run: RunPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Report, "model_json_schema", dict)  # takes as long as the rest
    command = ["stage", "report", "--run", str(run.root)]
    assert main(command) == 0
    step = StepResult.read(run.record(4))
    step.replace(summary="All is well.").write(run.record(4))
    assert main(command) == 1
    reported = step_of(Report.read(run.report_json), 4)
    assert reported.lost and reported.summary == "records/step04.json is not as it was written."
    monkeypatch.setattr("repro.stages.base.run_stage", lambda _: None)  # it would write the same report
    assert main([*command, "--exit-zero"]) == 0, "as a job of the workflow: the report is there"


def test_an_edited_profile_is_refused(run: RunPaths, capsys: pytest.CaptureFixture[str]) -> None:
    text = run.profile.read_text(encoding="utf-8")
    run.profile.write_text(text.replace('"seeds"', '"seeds" '), encoding="utf-8")
    for stage in ("report", "compare"):
        assert main(["stage", stage, "--run", str(run.root)]) == 2
        error = capsys.readouterr().err
        assert "the profile of this run is not as `repro all` wrote it" in error
        assert f"repro all --out {run.root} --set FIELD=VALUE" in error
