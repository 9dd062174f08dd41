"""The comparison of two reports: each planted difference is named with its path, and wording is none."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tools import compare_reports

REPORT: dict[str, Any] = {
    "schema": "report.schema.json",
    "run": {"directory": "/a", "durations": {"elapsed": 1.5}, "settings": {"epochs": 3}, "inputs": {"sha256": "ab"}},
    "claims": [
        {"id": "1.one", "step": 1, "verdict": "reproduced", "measured": 0.1, "reason": "It grows 9.95 times."},
        {"id": "2.two", "step": 2, "verdict": "differs", "measured": None, "reason": ""},
    ],
    "steps": [
        {
            "step": 1,
            "lost": False,
            "faults": [],
            "records": [{"name": "weight[signs]", "mean_abs": 1e-7}, {"name": "bias", "mean_abs": 0.0}],
            "tables": [{"title": "Losses", "columns": ["step", "loss"], "rows": [[0, 0.5], [1, "equal"]]}],
            "provenance": {"pytorch": {"fingerprint": "a", "inputs": "b", "dumps": {"float32": {"sha256": "cd"}}}},
        }
    ],
    "findings": [],
    "training": [{"fingerprint": "a", "f1": 57.12}],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """``REPORT`` with another value at ``claims.0.id`` or the like."""
    report = deepcopy(REPORT)
    place: Any = report
    *keys, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    for key in keys:
        place = place[key]
    place[last] = value
    return report


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("claims.0.reason", "By a factor of 9.95 in float32, or 1 ulp."),
        ("steps.0.tables.0.title", "Losses by step"),
        ("steps.0.tables.0.columns", ["number", "value"]),
        ("run.directory", "/b"),
        ("run.durations.elapsed", 9.0),
        ("steps.0.provenance.pytorch", {"dumps": {"float32": {"sha256": "cd"}}, "inputs": "c"}),
        ("steps.0.faults", None),
        ("training.0.fingerprint", "b"),
        ("steps.0.records", [{"name": "bias", "mean_abs": 0.0}, {"name": "weight[projection]", "mean_abs": 1e-7}]),
    ],
)
def test_what_is_no_difference(path: str, value: Any) -> None:
    assert compare_reports.compare(REPORT, changed(path, value)).differences == []


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("training.0.f1", 57.120000000000005, ".training[0].f1: 57.12 and 57.120000000000005"),
        ("training", [], ".training: 1 and 0 entries"),
        ("claims.1.verdict", "reproduced", ".claims[1].verdict: differs and reproduced"),
        ("claims.1.measured", 0.1, ".claims[1].measured: null and 0.1"),
        ("claims.0.reason", "It grows 9.95 -2 times.", ".claims[0].reason: 9.95 and 9.95 -2"),
        ("claims.0.id", "3.three", ".claims[0].id: 1.one and 3.three"),
        ("steps.0.lost", True, ".steps[0].lost: false and true"),
        ("steps.0.records.0.mean_abs", 2e-7, ".steps[0].records.weight[projection].mean_abs: "),
        ("steps.0.records.1.name", "scale", ".steps[0].records.bias: only in the first"),
        ("steps.0.tables.0.rows.1.1", "compared", ".steps[0].tables[0].rows[1][1]: equal and compared"),
        ("steps.0.tables.0.rows.0.0", 0.0, ".steps[0].tables[0].rows[0][0]: 0 and 0.0"),
        ("run.inputs.sha256", "ef", ".run.inputs.sha256: ab and ef"),
        ("run.settings.epochs", 4, ".run.settings.epochs: 3 and 4"),
    ],
)
def test_difference_is_named(path: str, value: Any, line: str) -> None:
    assert compare_reports.compare(REPORT, changed(path, value)).differences[0].startswith(line)


def test_some_steps_alone() -> None:
    other = changed("claims.1.verdict", "reproduced")
    assert compare_reports.compare(REPORT, other, {1}).differences == []
    assert len(compare_reports.compare(REPORT, other, {1, 2}).differences) == 1


@pytest.mark.parametrize(("f1", "code"), [(57.12, 0), (57.13, 1)])
def test_command_line(
    tmp_path: Path, f1: float, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.json").write_text(json.dumps(REPORT))
    (tmp_path / "other.json").write_text(json.dumps(changed("training.0.f1", f1)))
    monkeypatch.setattr("sys.argv", ["compare_reports.py", str(tmp_path), str(tmp_path / "other.json")])
    assert compare_reports.main() == code
    printed = capsys.readouterr().out
    assert "compared: " in printed and "11 numbers" in printed
    assert printed.endswith("1 differences\n" if code else "same numbers, same verdicts\n")
