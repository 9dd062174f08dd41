"""Runs of fake boxes, killed, repeated, raced and broken from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.workflow.start_run import start

WORKERS = 2
PIECES = 24  # of the tiny profile in fake_run.py


def trace(run: Path) -> list[list[str]]:
    path = run / "trace.txt"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def ended(run: Path) -> Counter[str]:
    """How often each piece was done."""
    return Counter(line[1] for line in trace(run) if line[0] == "end")


def wait_for(run: Path, pieces: int, process: subprocess.Popen[str], what: str = "end") -> None:
    """Until so many pieces have ended (or begun)."""
    limit = time.monotonic() + 30
    while sum(line[0] == what for line in trace(run)) < pieces:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < limit, "the run does not get on"
        time.sleep(0.02)


def survivors(run: Path) -> list[str]:
    """Processes that still work in this run directory."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(run) in command or (folder.name != str(os.getpid()) and _works_in(folder, run)):
                found.append(f"{folder.name} {command}")
    return found


def _works_in(folder: Path, run: Path) -> bool:
    try:
        return Path(os.readlink(folder / "cwd")) == run
    except OSError:
        return False


def assert_none_survives(run: Path, seconds: float = 3.0) -> None:
    limit = time.monotonic() + seconds
    while (left := survivors(run)) and time.monotonic() < limit:
        time.sleep(0.05)
    assert not left


def test_kill_nine_at_three_moments_leaves_no_orphans_and_redoes_nothing(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for moment in (1, 9, 16):
        process = start(run, FAKE_SECONDS="0.1")
        wait_for(run, moment, process)
        process.kill()
        process.communicate()
        assert_none_survives(run)
        receipts = {path.stem for path in (run / ".work" / "receipts").glob("*.json")}
        assert receipts <= set(ended(run))
        assert not (run / "report.md").exists()
    again = start(run)
    output, _ = again.communicate(timeout=60)
    assert again.returncode == 0, output
    assert (run / "report.md").exists()
    counts = ended(run)
    assert len(counts) == PIECES
    # a kill may fall between the end of a piece and its receipt
    assert sum(counts.values()) - len(counts) <= 3 * WORKERS
    assert not list(run.rglob("*.partial"))

    # nothing is left to do, and the engine is not even started
    before = (run / "logs" / "snakemake.log").stat().st_mtime_ns
    output, _ = start(run).communicate(timeout=60)
    assert "jobs: 0" in output
    assert (run / "logs" / "snakemake.log").stat().st_mtime_ns == before

    # a field that matters to trainings: they are redone although their receipts are there, the rest is not
    output, _ = start(run, "training.dropout=0.2").communicate(timeout=60)
    again = {piece for piece, count in ended(run).items() if count > counts[piece]}
    assert {piece.split("-")[0] for piece in again} == {"train", "compare", "report"}
    assert not {piece for piece in again if piece.startswith("capture")}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_polite_signal_ends_everything_soon(tmp_path: Path, number: signal.Signals, code: int) -> None:
    run = tmp_path / "run"
    process = start(run, FAKE_SECONDS="0.5")
    wait_for(run, 4, process)
    done = set(ended(run))
    begin = time.monotonic()
    process.send_signal(number)
    output, _ = process.communicate(timeout=15)
    assert process.returncode == code, output
    assert time.monotonic() - begin < 10
    assert "FAILED" not in output
    assert_none_survives(run)
    receipts = {path.stem for path in (run / ".work" / "receipts").glob("*.json")}
    assert len(done - receipts) <= WORKERS, "receipts of finished pieces were thrown away"


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = start(run, FAKE_SECONDS="60")
    wait_for(run, 1, first, "begin")
    output, _ = (second := start(run)).communicate(timeout=15)
    first.kill()
    first.communicate()
    assert second.returncode == 2
    assert f"another run is at work here (process {first.pid})" in output
    assert_none_survives(run)


def test_a_failed_job_is_named_with_its_last_lines_and_independent_ones_finish(tmp_path: Path) -> None:
    run = tmp_path / "run"
    output, _ = (process := start(run, FAKE_FAIL="capture-paddle-03")).communicate(timeout=60)
    assert process.returncode == 2, output
    assert "FAILED capture-paddle: exit code 2" in output
    assert "repro: the fake input is bad" in output
    assert "1 job(s) failed: capture-paddle" in output
    done = ended(run)
    assert {"capture-paddle-01", "capture-paddle-02", "compare-training"} <= set(done)
    assert not {"capture-paddle-03", "compare-alignment", "report"} & set(done)

    output, _ = (process := start(run)).communicate(timeout=60)
    assert process.returncode == 0, output
    assert not {piece for piece, count in ended(run).items() if count > 1}, "finished pieces were redone"


def test_a_box_that_writes_nothing_does_not_count_as_done(tmp_path: Path) -> None:
    run = tmp_path / "run"
    output, _ = (process := start(run, "steps=[1]", FAKE_HALF="compare-alignment")).communicate(timeout=60)
    assert process.returncode != 0
    assert "compare-alignment ended without writing records/step01.json" in output
    assert "report" not in ended(run)
