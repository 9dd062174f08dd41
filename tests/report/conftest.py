"""Fixtures of the report's tests."""

from pathlib import Path

import pytest

from repro.config.paths import RunPaths
from repro.results.report import Report
from tests.report.synthetic_run import write_run


@pytest.fixture
def full_run(tmp_path: Path) -> RunPaths:
    """A complete run with nothing wrong in it."""
    return write_run(tmp_path / "run")


SCHEMA = Report.model_json_schema()


@pytest.fixture(autouse=True)
def _one_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the same for every report, and made of 300 models each time."""
    monkeypatch.setattr(Report, "model_json_schema", lambda: SCHEMA)


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes seconds and has tests of its own."""
    monkeypatch.setattr("repro.report.figures", lambda run, report: ())
