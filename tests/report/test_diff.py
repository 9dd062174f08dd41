"""Two reports side by side: a planted change is named, and nothing but that; machine, times and wording are none."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from repro.cli.main import main
from repro.config.paths import RunPaths
from repro.report import build_report
from repro.report.diff import ReportDiff, compare, lines
from repro.report.diff.leaves import leaves
from tests.report.synthetic_run import answer, write_run, write_step

REPORT: dict[str, Any] = {
    "schema": "report.schema.json",
    "run": {
        "directory": "/a",
        "device": {"pytorch": "cpu"},
        "durations": {"elapsed": 1.5},
        "settings": {"epochs": 3, "data": {"directory": "/data"}},
        "inputs": {"files": {"dev": {"path": "/data/dev", "sha256": "ab"}}},
    },
    "summary": {"claims": {"reproduced": 1}},
    "claims": [
        {"id": "1.one", "step": 1, "verdict": "reproduced", "measured": 0.1, "reason": "It grows 9.95 times."},
        {"id": "2.two", "step": 2, "verdict": "not run", "measured": None, "reason": "Left out."},
    ],
    "steps": [
        {
            "step": 1,
            "title": "Model",
            "lost": False,
            "notes": ["Order of rows: seed 42."],
            "records": [{"name": "weight", "mean_abs": 1e-7, "sha256_a": "cd"}, {"name": "bias", "mean_abs": 0.0}],
            "tables": [
                {"title": "Losses", "columns": ["step", "loss"], "rows": [[0, 0.5], [1, "bit-equal"]]},
                {"title": "Noise", "columns": ["tensor", "rows", "rows"], "rows": [["weight", 1e-7, 2e-7]]},
            ],
            "provenance": {"pytorch": {"versions": {"torch": "1"}, "dumps": {"float32": {"sha256": "cd"}}}},
        }
    ],
    "findings": [],
    "figures": [{"name": "f1", "caption": [{"text": "Mean: {mean}.", "values": {"mean": "57.1"}}]}],
    "training": [{"backend": "paddle", "init": "random", "size": 16, "seed": 42, "f1": 57.12}],
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


def difference(other: dict[str, Any], **options: Any) -> ReportDiff:
    return compare(dict(leaves(REPORT)), dict(leaves(other)), **options)


def named(diff: ReportDiff) -> list[str]:
    """The indented lines: every difference that the screen names."""
    return [line.strip() for line in lines(diff, "a", "b") if line.startswith("  ")]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("claims.0.reason", "By a factor of 9.95 in float32, or so."),
        ("steps.0.notes.0", "Rows in the order of seed 42"),
        ("run.directory", "/b"),
        ("run.durations.elapsed", 9.0),
        ("run.attempts", [{"training": "pretrained-16-42", "attempts": [{"time": 1.0}]}]),
        ("run.settings.data.directory", "/elsewhere"),
        ("run.inputs.files.dev.path", "/elsewhere/dev"),
        ("steps.0.provenance.pytorch.versions.torch", "2"),
        ("steps.0.records", [REPORT["steps"][0]["records"][1], REPORT["steps"][0]["records"][0]]),
        ("findings", None),
    ],
)
def test_what_is_no_difference(path: str, value: Any) -> None:
    diff = difference(changed(path, value))
    assert not diff.moved and not named(diff)


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("claims.0.measured", 0.1 + 1e-16, "claim 1.one, measured: 0.1 → 0.1000000000000001  (+9.7e-14 %)"),
        ("claims.0.verdict", "differs", "claim 1.one, verdict: reproduced → differs"),
        ("claims.1.measured", 0.2, "claim 2.two, measured: only in B, 0.2"),
        ("claims", REPORT["claims"][:1], "claim 2.two: only in A"),
        ("claims.0.reason", "It grows -2 times.", "claim 1.one, reason: It grows 9.95 times. → It grows -2 times."),
        ("training.0.f1", 57.13, "training, paddle random 16 42, f1: 57.12 → 57.13  (+0.018 %)"),
        ("training", [], "training: only in A"),
        ("steps", None, "steps: only in A"),
        ("steps.0.lost", True, "step 1, lost: no → yes"),
        ("steps.0.records.0.mean_abs", 2e-7, "step 1, weight, mean_abs: 1e-07 → 2e-07  (+100 %)"),
        ("steps.0.records.0.sha256_a", "ef", "step 1, weight, sha256_a: cd → ef"),
        ("steps.0.records.1.name", "scale", "step 1, bias: only in A  and 1 more there"),
        ("steps.0.tables.0.rows.1.1", "weight differs", "step 1, Losses, 1, loss: bit-equal → weight differs"),
        ("steps.0.tables.1.rows.0.2", 1e-7, "step 1, Noise, weight, rows #2: 2e-07 → 1e-07  (-50 %)"),
        ("figures.0.caption.0.values.mean", "57.2", "figures, f1, caption, 0, values, mean: 57.1 → 57.2  (+0.18 %)"),
        ("steps.0.notes.0", "Seed 43.", "step 1, notes, 0: Order of rows: seed 42. → Seed 43."),
        ("summary.claims.reproduced", 2, "summary, claims, reproduced: 1 → 2  (+100 %)"),
    ],
)
def test_a_planted_change_alone_is_named(path: str, value: Any, line: str) -> None:
    diff = difference(changed(path, value))
    assert diff.moved
    assert named(diff) == [line]


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("run.device.pytorch", "A100", "device, pytorch: cpu → A100"),
        ("run.settings.epochs", 4, "settings, epochs: 3 → 4  (+33 %)"),
        ("run.inputs.files.dev.sha256", "ef", "inputs, files, dev, sha256: ab → ef"),
    ],
)
def test_another_condition_is_no_result(path: str, value: Any, line: str) -> None:
    diff = difference(changed(path, value))
    assert not diff.moved and named(diff) == [line]


def test_some_steps_alone() -> None:
    other = changed("claims.1.verdict", "reproduced")
    assert not difference(other, steps=[1]).moved
    assert difference(other, steps=[1, 2]).moved


def test_what_moves_most_comes_first_and_the_rest_is_counted() -> None:
    records = [{"name": f"tensor{size}", "mean_abs": size * 1e-8} for size in range(1, 400)]
    more = [{"name": f"tensor{size}", "mean_abs": (size + 1) * 1e-8} for size in range(1, 400)]
    pair = [changed("steps.0.records", value) for value in (records, more)]
    first, second = (dict(leaves(report)) for report in pair)
    diff = compare(first, second)
    assert diff.values[0].place[-2:] == ("tensor1", "mean_abs") and diff.values[0].relative == 1.0
    assert named(diff) == ["step 1, tensor1, mean_abs: 1e-08 → 2e-08  (+100 %)  and 398 more there"]


def test_two_runs_with_one_planted_change(
    full_run: RunPaths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another machine's times, another folder; one answer of step 4 differs."""
    other = write_run(tmp_path / "other", seconds=99.0, stamp="2027/02/02 00:00:00")
    for run in (full_run, other):
        build_report(run)
    assert main(["diff", str(full_run.root), str(other.root)]) == 0
    assert "nothing moved" in capsys.readouterr().out
    write_step(other, answer(4, "4.fake_data", measured=2.5e-7))
    build_report(other)
    assert main(["diff", str(full_run.root), str(other.report_json)]) == 1
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line.startswith("  ")] == [
        "  claim 4.fake_data, measured: 1.23457e-07 → 2.5e-07  (+103 %)"
    ]
    assert main(["diff", str(full_run.root), str(other.root), "--json"]) == 1
    (change,) = json.loads(capsys.readouterr().out)["values"]
    assert change["place"] == ["claims", "4.fake_data", "measured"] and change["b"] == 2.5e-7


def test_reports_of_another_shape_are_compared_all_the_same(full_run: RunPaths, tmp_path: Path) -> None:
    build_report(full_run)
    odd = tmp_path / "odd.json"
    odd.write_text('{"claims": [3, {"id": "a"}], "steps": {"a": 1}, "run": 3, "training": 5}', encoding="utf-8")
    for pair in ([full_run.root, odd], [odd, full_run.root]):
        assert main(["diff", *map(str, pair)]) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no report to compare"),
        ("[1", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('{"claims": [NaN]}', "no JSON"),
        ('{"claims": [1e999]}', "no JSON"),
        ("[]", "it has no claims"),
        ('{"claims": {}}', "it has no claims"),
    ],
)
def test_what_is_no_report(
    text: str | None, message: str, full_run: RunPaths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / "report.json").write_text(text, encoding="utf-8")
    assert main(["diff", str(tmp_path), str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert message in error and "next:" in error
