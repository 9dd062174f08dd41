"""Runs of fake stages, killed, repeated, raced and broken from outside."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from repro.config.paths import RunPaths
from repro.results.stamp import FileState, Stamp, stamp_path
from tests.workflow.fake_stage import DAY
from tests.workflow.observer import Observer, assert_none_survives, ended, stamps

WORKERS = 2
TASKS = 26  # of the tiny profile in fake_run.py
EXEC = {"FAKE_EXEC": "1"}


@pytest.mark.slow
def test_kill_nine_at_three_moments_leaves_no_orphans_and_redoes_nothing(tmp_path: Path, observer: Observer) -> None:
    run = tmp_path / "run"
    for moment, how in (("1", {}), ("9", EXEC), ("16", {})):
        process = observer.start(run, FAKE_HOLD_AFTER=moment, **how)
        observer.wait_for("hold")
        process.end(signal.SIGKILL)
        assert_none_survives(run)
        assert stamps(run) <= set(ended(run))
        assert not (run / "report.md").exists()
    observer.finish(run)
    assert (run / "report.md").exists()
    counts = ended(run)
    assert len(counts) == TASKS
    # a kill may fall between the end of a task and its stamp
    assert sum(counts.values()) - len(counts) <= 3 * WORKERS
    assert not list(run.rglob("*.partial"))

    # nothing is left to do, and the engine is not even started
    before = (run / "logs" / "snakemake.log").stat().st_mtime_ns
    assert "jobs: 0" in observer.finish(run)
    assert (run / "logs" / "snakemake.log").stat().st_mtime_ns == before

    # a field that matters to trainings: they are redone although their stamps are there, captures are not
    observer.finish(run, "training.dropout=0.2")
    again = {task for task, count in ended(run).items() if count > counts[task]}
    assert {task.split("-")[0] for task in again} == {"train", "compare", "report"}


@pytest.mark.parametrize(("number", "code", "how"), [(signal.SIGTERM, 143, EXEC), (signal.SIGINT, 130, {})])
def test_a_second_run_is_refused_and_a_polite_signal_ends_the_first(
    tmp_path: Path, observer: Observer, number: signal.Signals, code: int, how: dict[str, str]
) -> None:
    run = tmp_path / "run"
    process = observer.start(run, FAKE_HOLD_AFTER="4", **how)
    observer.wait_for("hold")
    for _ in range(2):  # the first refusal leaves the name of the holder as it is
        assert f"another run is at work here (process {process.pid})" in observer.finish(run, code=2)
    done = set(ended(run))
    process.end(number)
    assert "FAILED" not in process.finished(code)
    assert_none_survives(run)
    assert len(done - stamps(run)) <= WORKERS, "stamps of finished tasks were thrown away"


def test_a_failed_job_is_named_with_its_last_lines_and_independent_ones_finish(
    tmp_path: Path, observer: Observer
) -> None:
    run = tmp_path / "run"
    output = observer.finish(run, code=2, FAKE_FAIL="capture-paddle-3")
    assert "FAILED capture-paddle: exit code 2" in output
    assert "repro: the fake input is bad" in output
    assert "1 job(s) failed: capture-paddle" in output
    done = ended(run)
    assert {"capture-paddle-1", "capture-paddle-2", "compare-11"} <= set(done)
    assert not {"capture-paddle-3", "compare-3", "report"} & set(done)

    observer.finish(run)
    assert not {task for task, count in ended(run).items() if count > 1}, "finished tasks were redone"


def test_a_stage_that_writes_nothing_does_not_count_as_done(tmp_path: Path, observer: Observer) -> None:
    run = tmp_path / "run"
    output = observer.finish(run, "steps=[1]", code=3, FAKE_HALF="compare-1")
    assert "compare-1 ended without writing records/step01.json" in output
    assert "report" not in ended(run)


def test_a_clock_that_is_set_back_stops_nothing(tmp_path: Path, observer: Observer) -> None:
    run = tmp_path / "run"
    observer.finish(run, FAKE_SKEW="1", FAKE_WORKERS="1")
    assert set(ended(run).values()) == {1}
    assert "jobs: 0" in observer.finish(run)


def test_what_is_not_as_it_was_is_done_again_in_a_copy_as_well(tmp_path: Path, observer: Observer) -> None:
    first, run = tmp_path / "first", tmp_path / "run"
    observer.finish(first, "steps=[1]")
    shutil.copytree(first, run)
    for side in ("pytorch", "paddle"):
        dump, stamp = run / "dumps" / side / "step01.npy", stamp_path(RunPaths(run), f"capture-{side}-1")
        times = dump.stat()
        dump.write_text(dump.read_text().upper())
        os.utime(dump, ns=(times.st_atime_ns, times.st_mtime_ns))
    # a disk that loses bits changes no time at all: the report finds it, and there is none that says all is well
    left, name = Stamp.read(stamp), "dumps/paddle/step01.npy"
    left.replace(files=left.files | {name: FileState.of(dump, left.files[name].sha256)}).write(stamp)
    printed = observer.finish(run, "steps=[1]")
    for side in ("pytorch", "paddle"):
        assert f"capture-{side}-1 is done again: dumps/{side}/step01.npy is not as this task left it" in printed
    redone = {task for task, count in ended(run).items() if count > 1}
    assert redone == {"inputs", "capture-pytorch-1", "capture-paddle-1", "reprod-log", "compare-1", "report"}


def test_refused_inputs_end_a_run_at_once(tmp_path: Path, observer: Observer) -> None:
    run = tmp_path / "run"
    output = observer.finish(
        run, "selftest.faults=all", "steps=[1,2,3,4,5,6,7,8,9,10]", code=2, FAKE_FAIL="inputs", FAKE_HOLD="selftest"
    )
    assert "1 job(s) failed: inputs" in output and "the fake input is bad" in output
    assert not ended(run)
    assert_none_survives(run)


def test_clocks_that_differ_stop_nothing(tmp_path: Path, observer: Observer) -> None:
    run = tmp_path / "run"
    observer.finish(run, "steps=[1]", FAKE_FUTURE="1")
    for path in (run / ".work" / "stamps").glob("*.json"):
        os.utime(path, (time.time() + DAY,) * 2)
    assert "jobs: 0" in observer.finish(run, "steps=[1]")
    counts = ended(run)
    observer.finish(run, "steps=[1,11]")
    assert {task for task in ended(run) if counts[task]} == set(counts)
    assert {task for task, count in ended(run).items() if count > 1} == {"inputs", "compare-1", "report"}
