"""What a run prints."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from repro.paths import RunPaths
from repro.workflow.pieces import Piece
from repro.workflow.plan import Job, Plan
from repro.workflow.progress import Estimate, Progress, in_words, label
from repro.workflow.receipts import add_event


def training(backend: str, argument: str, cost: float = 1.0) -> Piece:
    return Piece(f"train-{backend}-{argument}", "train", "", (), backend=backend, argument=argument, cost=cost)


PIECES = {
    piece.name: piece
    for piece in (
        training("paddle", "pretrained-1024-42", 40),
        training("paddle", "pretrained-1024-43", 40),
        training("paddle", "random-16-42", 10),
        training("pytorch", "pretrained-16-42", 5),
        Piece("capture-paddle-03", "capture", "", (), backend="paddle", argument="3"),
        Piece("report", "report", "", ()),
    )
}


def plan(*finished: str) -> Plan:
    jobs = tuple(Job(name, (), (name,), (), 0, False) for name in PIECES if name not in finished)
    return Plan(PIECES, frozenset(finished), jobs)


def test_labels_and_times() -> None:
    assert [label(piece) for piece in PIECES.values()] == [
        "train paddle 1024-42",
        "train paddle 1024-43",
        "train paddle random 16-42",
        "train pytorch 16-42",
        "capture paddle step 3",
        "report",
    ]
    assert [in_words(seconds) for seconds in (0.44, 9.7, 41.3, 200)] == ["0.4 s", "9.7 s", "41 s", "3:20"]


def test_time_left_is_learnt_from_pieces_alike_then_from_their_kind() -> None:
    estimate = Estimate(PIECES, {"train-paddle-pretrained-1024-42": 80.0})
    assert estimate.seconds(PIECES["train-paddle-pretrained-1024-43"]) == 80
    assert estimate.seconds(PIECES["train-paddle-random-16-42"]) == pytest.approx(20)
    assert estimate.seconds(PIECES["train-pytorch-pretrained-16-42"]) == pytest.approx(10)
    assert estimate.seconds(PIECES["capture-paddle-03"]) == 1

    precision = Piece("precision-paddle", "precision", "", (), backend="paddle", cost=8)
    larger = Estimate(PIECES | {precision.name: precision}, {"capture-paddle-03": 90.0})
    assert larger.seconds(precision) == pytest.approx(720), "what a larger model does to captures it does to this"

    waiting = [PIECES["train-paddle-random-16-42"]]
    assert estimate.left(waiting, {"train-paddle-pretrained-1024-43": 70}, 2) == pytest.approx(20 / 2 + 10 / 2)
    assert estimate.left([], {"train-paddle-pretrained-1024-43": 30}, 2) == 50, "one job is not shared out"
    assert estimate.left([], {"train-paddle-pretrained-1024-43": 300}, 2) == 0


def test_flat_lines_in_a_log(tmp_path: Path) -> None:
    run, out = RunPaths(tmp_path), io.StringIO()
    progress = Progress(run, plan("report"), 2, out)
    add_event(run, "start", "train-paddle-pretrained-1024-42")
    add_event(run, "done", "train-paddle-pretrained-1024-42", seconds=41.2)
    add_event(run, "failed", "capture-paddle", code=2, outcome="exit code 2", log="logs/a.log", tail=["repro: no file"])
    progress.poll()
    progress.poll()
    progress.close()
    lines = out.getvalue().splitlines()
    assert lines[0] == "1 of 6 pieces of work are finished already"
    assert lines[1].startswith("[2 of 6] train paddle 1024-42 done in 41 s — 0:00 so far, about ")
    assert lines[2] == f"FAILED capture-paddle: exit code 2. Last lines of {tmp_path}/logs/a.log:"
    assert lines[3:] == ["    repro: no file"]
    assert [event["name"] for event in progress.failed] == ["capture-paddle"]


def test_half_a_line_is_left_for_later_and_our_own_stop_is_no_failure(tmp_path: Path) -> None:
    run, out = RunPaths(tmp_path), io.StringIO()
    progress = Progress(run, plan(), 2, out)
    add_event(run, "done", "report", seconds=1)
    path = tmp_path / ".work" / "events.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:10])
    progress.poll()
    assert not progress.done
    path.write_bytes(whole)
    progress.mute()
    add_event(run, "failed", "capture-paddle", code=-15, outcome="killed by SIGTERM", log="a", tail=[])
    progress.poll()
    assert progress.done == {"report"}
    assert not progress.failed


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal(tmp_path: Path) -> None:
    run, out = RunPaths(tmp_path), Terminal()
    progress = Progress(run, plan(), 2, out)
    add_event(run, "start", "capture-paddle-03")
    progress.poll()
    add_event(run, "done", "report", seconds=1)
    progress.close()
    assert "| 1 of 6" in out.getvalue()
    assert "capture paddle step 3" in out.getvalue()


def test_where_a_batch_system_decides_those_at_work_count(tmp_path: Path) -> None:
    run, out = RunPaths(tmp_path), io.StringIO()
    progress = Progress(run, plan(), 0, out)
    for name in PIECES:
        add_event(run, "start", name)
    progress.poll()
    assert progress._running_now().endswith("train pytorch 16-42, 2 more")
    assert progress._times().endswith(("about 0:39 left", "about 0:40 left"))


def test_every_machine_has_its_own_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunPaths(tmp_path)
    progress = Progress(run, plan(), 2, io.StringIO())
    for host, name in (("", "report"), ("node1", "capture-paddle-03"), ("node2", "train-pytorch-pretrained-16-42")):
        monkeypatch.setenv("REPRO_HOST", host)
        add_event(run, "done", name, seconds=1)
    progress.poll()
    assert len(progress.done) == 3
    assert len(list((tmp_path / ".work").glob("events*.jsonl"))) == 3
