"""Fixtures of the report's tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repro.paths import RunPaths
from repro.report import build_report
from tests.report.synthetic_run import write_run


@pytest.fixture
def full_run(tmp_path: Path) -> RunPaths:
    """A complete run with nothing wrong in it."""
    return write_run(tmp_path / "run")


@pytest.fixture
def read_report() -> Callable[[RunPaths], tuple[dict[str, Any], str]]:
    """Build the report of a run and return its JSON and its Markdown."""

    def read(run: RunPaths) -> tuple[dict[str, Any], str]:
        path = build_report(run)
        return json.loads(run.report_json.read_text(encoding="utf-8")), path.read_text(encoding="utf-8")

    return read


@pytest.fixture(autouse=True)
def _no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here outlives the test: waiting for the disk at every file would take most of the time."""
    monkeypatch.setattr("repro.paths.os.fsync", lambda _: None)
