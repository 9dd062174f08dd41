"""Fixtures of the report's tests."""

from pathlib import Path

import pytest

from repro.config.paths import RunPaths
from tests.report.synthetic_run import write_run


@pytest.fixture
def full_run(tmp_path: Path) -> RunPaths:
    """A complete run with nothing wrong in it."""
    return write_run(tmp_path / "run")


@pytest.fixture(autouse=True)
def _no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here outlives the test: waiting for the disk at every file would take most of the time."""
    monkeypatch.setattr("repro.config.paths.os.fsync", lambda _: None)


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes seconds and has tests of its own."""
    monkeypatch.setattr("repro.report.figures", lambda run, report: ())
