"""The check of a finished run that CI makes: each planted fault of a report is caught."""

from __future__ import annotations

from copy import deepcopy
from types import ModuleType
from typing import Any

import pytest

from repro.paths import PROJECT

SCHEMA = {
    "type": "object",
    "required": ["claims", "training"],
    "properties": {"claims": {"type": "array"}, "training": {"type": "array"}},
}
COMPLETE: dict[str, Any] = {
    "selftest": {"passed": True, "reason": "", "sentence": ""},
    "claims": [{"id": f"claim-{step}", "step": step, "verdict": "reproduced"} for step in range(1, 12)],
    "training": [
        {"backend": backend, "init": init, "size": 16, "seed": seed}
        for backend in ("pytorch", "paddle")
        for init in ("pretrained", "random")
        for seed in (42, 43)
    ],
}


@pytest.fixture
def check_report(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The check as a module."""
    monkeypatch.syspath_prepend(str(PROJECT / "tools"))
    import check_report as module

    return module


def test_complete_report(check_report: ModuleType) -> None:
    assert check_report.faults(COMPLETE, SCHEMA, 4) == []


def test_planted_faults(check_report: ModuleType) -> None:
    def found(**changes: Any) -> str:
        return "\n".join(check_report.faults({**deepcopy(COMPLETE), **changes}, SCHEMA, 4))

    assert "3 trainings" in found(training=COMPLETE["training"][1:])
    assert "3 trainings" in found(training=[*COMPLETE["training"][1:], COMPLETE["training"][1]])
    assert "step(s) [11]" in found(claims=COMPLETE["claims"][:-1])
    assert "claim-1" in found(claims=[{**COMPLETE["claims"][0], "verdict": "not run"}, *COMPLETE["claims"][1:]])
    blind = {"passed": False, "reason": "", "sentence": "3 of 4 seen."}
    assert "self-test: 3 of 4 seen." in found(selftest=blind)
    assert "schema" in found(training="none")
