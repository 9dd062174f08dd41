"""The comparison of two runs' reports that CI makes: each planted difference is found."""

from __future__ import annotations

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from repro.paths import PROJECT

REPORT: dict[str, Any] = {
    "run": {"directory": "/a", "durations": {"elapsed": 1.5}},
    "claims": [{"id": "one", "verdict": "reproduced", "measured": 0.1}, {"id": "two", "verdict": "differs"}],
    "training": [{"fingerprint": "a", "f1": 57.12, "losses": [1.0, 0.5]}],
}


def compare(folder: Path, first: dict[str, Any], second: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    for name, report in (("first", first), ("second", second)):
        (folder / name).mkdir()
        (folder / name / "report.json").write_text(json.dumps(report))
    command = [sys.executable, PROJECT / "tools" / "compare_reports.py", folder / "first", folder / "second"]
    return subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(PROJECT)})


def test_only_the_run_block_differs(tmp_path: Path) -> None:
    done = compare(tmp_path, REPORT, {**REPORT, "run": {"directory": "/b"}})
    assert (done.returncode, done.stdout) == (0, "same verdicts, same digits: 2 claims\n")


def test_fingerprints_are_left_out(tmp_path: Path) -> None:
    other = deepcopy(REPORT)
    other["training"][0]["fingerprint"] = "b"
    assert compare(tmp_path, REPORT, other).returncode == 0


def _last_digit(report: dict[str, Any]) -> None:
    report["training"][0]["losses"][1] = 0.5000000000000001


def _verdict(report: dict[str, Any]) -> None:
    report["claims"][1]["verdict"] = "reproduced"


def _missing(report: dict[str, Any]) -> None:
    del report["claims"][0]["measured"]


def _shorter(report: dict[str, Any]) -> None:
    report["training"].clear()


def _type(report: dict[str, Any]) -> None:
    report["training"][0]["losses"][0] = 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_last_digit, ".training[0].losses[1]: 0.5 and 0.5000000000000001"),
        (_verdict, '.claims[1].verdict: "differs" and "reproduced"'),
        (_missing, ".claims[0].measured: only in the first"),
        (_shorter, ".training: "),
        (_type, ".training[0].losses[0]: 1.0 and 1"),
    ],
)
def test_difference_is_found(tmp_path: Path, change: Any, said: str) -> None:
    other = deepcopy(REPORT)
    change(other)
    done = compare(tmp_path, REPORT, other)
    assert done.returncode == 1
    assert said in done.stdout
    assert done.stdout.endswith("1 differences\n")
