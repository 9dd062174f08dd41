"""What a run prints."""

import io
from pathlib import Path

import pytest

from repro.config.paths import RunPaths, atomic_text
from repro.workflow.completion import add_event
from repro.workflow.launch import _failure
from repro.workflow.plan import Job, Plan, Task, plan_path
from repro.workflow.progress import AtWork, Estimate, Progress, in_words, label


def task(kind: str, backend: str = "", part: str = "", cost: float = 1.0) -> Task:
    return Task(kind=kind, key="", outputs=(), backend=backend, part=part, cost=cost)


TASKS = {
    task.name: task
    for task in (
        task("train", "paddle", "pretrained-1024-42", 40),
        task("train", "paddle", "pretrained-1024-43", 40),
        task("train", "paddle", "random-16-42", 10),
        task("train", "pytorch", "pretrained-16-42", 5),
        task("capture", "paddle", "3"),
        task("report"),
    )
}


JOB = Job(kind="", backend="", tasks=(), options=(), after=(), priority=0)


def follow(run: RunPaths, out: io.StringIO, *finished: str, workers: int = 2) -> Progress:
    """Progress of a plan in which each task is a job."""
    jobs = {name: JOB.replace(tasks=(name,)) for name in TASKS if name not in finished}
    plan = Plan(tasks=TASKS, finished=frozenset(finished), jobs=jobs, targets=tuple(jobs))
    return Progress(run, plan, workers, out)


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    return RunPaths(tmp_path)


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def test_labels_and_times() -> None:
    assert [label(task) for task in TASKS.values()] == [
        "train paddle 1024-42",
        "train paddle 1024-43",
        "train paddle random 16-42",
        "train pytorch 16-42",
        "capture paddle step 3",
        "report",
    ]
    assert [in_words(seconds) for seconds in (0.44, 9.7, 41.3, 200)] == ["0.4 s", "9.7 s", "41 s", "3:20"]


def test_time_left_is_learnt_from_tasks_alike_then_from_their_kind() -> None:
    estimate = Estimate(TASKS, {"train-paddle-pretrained-1024-42": 80.0})
    assert estimate.seconds(TASKS["train-paddle-pretrained-1024-43"]) == 80
    assert estimate.seconds(TASKS["train-paddle-random-16-42"]) == pytest.approx(20)
    assert estimate.seconds(TASKS["train-pytorch-pretrained-16-42"]) == pytest.approx(10)
    assert estimate.seconds(TASKS["capture-paddle-3"]) == 1

    measure = task("measure", "paddle", cost=8)
    larger = Estimate(TASKS | {measure.name: measure}, {"capture-paddle-3": 90.0})
    assert larger.seconds(measure) == pytest.approx(720), "what a larger model does to captures it does to this"

    waiting = [TASKS["train-paddle-random-16-42"]]
    assert estimate.left(waiting, {"train-paddle-pretrained-1024-43": AtWork(70)}, 2) == pytest.approx(20 / 2 + 10 / 2)
    assert estimate.left([], {"train-paddle-pretrained-1024-43": AtWork(30)}, 2) == 50, "one job is not shared out"
    assert estimate.left([], {"train-paddle-pretrained-1024-43": AtWork(300)}, 2) == 0


def test_a_task_at_work_shows_how_long_it_and_others_like_it_take() -> None:
    estimate = Estimate(TASKS, {})
    waiting = [TASKS["train-paddle-pretrained-1024-43"]]
    long = "train-paddle-pretrained-1024-42"
    assert estimate.left([], {long: AtWork(10)}, 1) == 30
    assert estimate.left([], {long: AtWork(10, 110)}, 1) == 110, "it says so itself"
    assert estimate.left(waiting, {long: AtWork(10, 110)}, 1) == pytest.approx(110 + 120)
    assert estimate.left(waiting, {long: AtWork(60, 60)}, 1) == pytest.approx(60 + 120), "and it counts down"
    assert estimate.left(waiting, {long: AtWork(200)}, 1) == pytest.approx(200), "longer than expected"


def test_time_left_counts_down_within_a_task(run: RunPaths, out: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(1000))
    monkeypatch.setattr("repro.workflow.progress.monotonic", lambda: 30.0 * next(times))
    finished = [name for name in TASKS if name != "report"]
    progress = follow(run, out, *finished, workers=1)
    add_event(run, "start", "report")
    add_event(run, "at", "report", left=200)
    progress.poll()
    shown = [progress._times().rpartition("about ")[2] for _ in range(3)]
    assert shown == sorted(shown, reverse=True) and len({*shown}) == 3


def test_flat_lines_in_a_log(run: RunPaths, out: io.StringIO) -> None:
    progress = follow(run, out, "report")
    add_event(run, "start", "train-paddle-pretrained-1024-42")
    add_event(run, "done", "train-paddle-pretrained-1024-42", seconds=41.2)
    add_event(run, "failed", "capture-paddle", code=2, outcome="exit code 2", log="logs/a.log", tail=["repro: no file"])
    progress.poll()
    progress.poll()
    progress.close()
    lines = out.getvalue().splitlines()
    assert lines[0] == "1 of 6 tasks are finished already"
    assert lines[1].startswith("[2 of 6] train paddle 1024-42 done in 41 s — 0:00 so far, about ")
    assert lines[2] == f"FAILED capture-paddle: exit code 2. Last lines of {run.logs}/a.log:"
    assert lines[3:] == ["    repro: no file"]
    assert [event.name for event in progress.failed] == ["capture-paddle"]


def test_half_a_line_is_left_for_later_and_a_stopped_job_is_no_failure(run: RunPaths, out: io.StringIO) -> None:
    progress = follow(run, out)
    add_event(run, "done", "report", seconds=1)
    path = run.root / ".work" / "events.jsonl"
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


def test_a_bar_on_a_terminal(run: RunPaths) -> None:
    out = Terminal()
    progress = follow(run, out)
    add_event(run, "start", "capture-paddle-3")
    progress.poll()
    add_event(run, "done", "report", seconds=1)
    progress.close()
    assert "| 1 of 6" in out.getvalue()
    assert "capture paddle step 3" in out.getvalue()


def test_where_a_batch_system_decides_those_at_work_count(
    run: RunPaths, out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repro.workflow.progress.monotonic", lambda: 0.0)
    progress = follow(run, out, workers=0)
    for name in TASKS:
        add_event(run, "start", name)
    progress.poll()
    assert progress._running_now().endswith("train pytorch 16-42, 2 more")
    assert progress._times().endswith("0:00 so far, about 0:40 left")


def test_every_machine_has_its_own_events(run: RunPaths, out: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    progress = follow(run, out)
    for host, name in (("", "report"), ("node1", "capture-paddle-3"), ("node2", "train-pytorch-pretrained-16-42")):
        monkeypatch.setenv("REPRO_HOST", host)
        add_event(run, "done", name, seconds=1)
    progress.poll()
    assert len(progress.done) == 3
    assert len(list((run.root / ".work").glob("events*.jsonl"))) == 3


def test_short_tasks_share_the_line_of_the_last_one_of_their_job(run: RunPaths, out: io.StringIO) -> None:
    plan = Plan(tasks=TASKS, finished=frozenset(), jobs={"a": JOB.replace(tasks=tuple(TASKS))}, targets=("a",))
    progress = Progress(run, plan, 2, out)
    for name, seconds in zip(TASKS, (0.1, 1.5, 0.1, 0.1, 0.1, 0.2), strict=True):
        add_event(run, "done", name, seconds=seconds)
    progress.poll()
    assert [line[:8] for line in out.getvalue().splitlines()] == ["[2 of 6]", "[6 of 6]"]


def test_a_run_is_complete_when_every_job_has_ended_and_every_task_is_done(run: RunPaths, out: io.StringIO) -> None:
    here, elsewhere = follow(run, out), follow(run, out, workers=0)
    for name in TASKS:
        for event in ("done", "end"):
            here.poll()
            assert not here.complete()
            add_event(run, event, name)
    for progress in (here, elsewhere):
        progress.poll()
    assert here.complete()
    assert not elsewhere.complete(), "a batch system has to be told that its jobs have ended"


def test_a_run_directory_that_was_moved_is_named(run: RunPaths, out: io.StringIO) -> None:
    progress = follow(run, out)
    atomic_text(plan_path(run), "{}")
    assert "logs/snakemake.log" in str(_failure(run, progress, 1))
    plan_path(run).unlink()
    assert "was moved or deleted while the run was at work" in str(_failure(run, progress, 1))


def test_a_heartbeat_where_nothing_ends(run: RunPaths, out: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repro.workflow.progress.monotonic", lambda: 0.0)
    progress = follow(run, out)
    add_event(run, "start", "report")
    for seconds in (1.0, 31.0, 32.0, 62.0):
        monkeypatch.setattr("repro.workflow.progress.monotonic", lambda now=seconds: now)
        progress.poll()
    assert out.getvalue().count("at work: report — ") == 2
