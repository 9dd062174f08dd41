"""Repeats and every start of a training in the report."""

from pathlib import Path

from repro.config.paths import RunPaths
from repro.report import exit_code
from repro.results import Attempt
from repro.results.report import Report
from tests.report.synthetic_run import PROFILE, make_record, make_step, read_report, step_of, write_run, write_step

A, B = (letter * 64 for letter in "ab")


def note(run: RunPaths, backend: str, name: str, *attempts: Attempt) -> None:
    path = run.attempts(backend, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(attempt.model_dump_json() for attempt in attempts))


def finished(time: float, f1: float, losses: str) -> Attempt:
    return Attempt(time=time, outcome="finished", f1=f1, losses=losses)


def row(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"| {name} |"))


def test_no_start_of_a_training_is_lost(full_run: RunPaths) -> None:
    assert row(read_report(full_run)[1], "trainings started").endswith("| — |")
    note(full_run, "paddle", "pretrained-16-42", finished(1, 41.0, A))
    note(full_run, "paddle", "pretrained-16-43", Attempt(time=1, outcome="interrupted"), finished(2, 43.0, A))
    note(full_run, "pytorch", "pretrained-16-43", finished(1, 30.0, A), finished(2, 43.0, B))
    failure = Attempt(time=1, outcome="failed", reason="the loss of step 3 is nan")
    note(full_run, "pytorch", "pretrained-128-42", failure)
    note(full_run, "pytorch", "pretrained-16-47", finished(1, 99.0, A))
    report, text = read_report(full_run)
    assert len(report.run.attempts) == 5 and Report.read(full_run.report_json) == report
    sentence = row(text, "trainings started")
    assert "7, 1 of them once and to the end" in sentence
    assert "paddle/pretrained-16-43 interrupted, then F1 43.00;" in sentence
    assert "pytorch/pretrained-16-43 F1 30.00, then F1 43.00 (results differ, the last one counts)" in sentence
    assert "pytorch/pretrained-128-42 failed the loss of step 3 is nan" in sentence
    assert "pytorch/pretrained-16-47 F1 99.00 (not asked for by this profile)" in sentence


def test_a_score_is_the_mean_over_the_repeats_on_its_file(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", training={**PROFILE["training"], "repeats": 2})
    report, text = read_report(run)
    assert report.summary.trainings.done == 18  # the baseline is not repeated
    # 41.6 and 42.6 with PyTorch for seed 42, 0.25 more with Paddle
    assert row(text, "42").split(" | ")[2:5] == ["42.10", "6.60", "42.35"]
    assert "| PyTorch | pretrained | 16 | 42 | 1 | 21.30 | 42.60 |" in text
    (run.root / "training" / "paddle" / "pretrained-16-42-r1" / "result.json").unlink()
    report, text = read_report(run)
    assert report.summary.trainings.done == 17 and step_of(report, 11).lost
    assert row(text, "42").split(" | ")[4] == "—", "half of a mean is none"


def test_what_is_not_shown_is_neither_passed_nor_failed(full_run: RunPaths) -> None:
    unclear = make_record("f1.pretrained.16", verdict="not shown", reason="the pairs scatter by 3 points")
    write_step(full_run, make_step(11, [unclear]).replace(records=(unclear,)))
    report, text = read_report(full_run)
    assert step_of(report, 11).status == "undecided" and exit_code(report) == 0
    assert "the pairs scatter by 3 points" in text
    different = unclear.replace(verdict="different")
    write_step(full_run, make_step(11, [different]).replace(records=(different,)))
    assert exit_code(read_report(full_run)[0]) == 1
