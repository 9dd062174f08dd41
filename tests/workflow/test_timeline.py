"""The timeline of a run from its events, and its charts."""

from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree

import pytest

from repro.cli.main import main
from repro.config.paths import RunPaths
from repro.errors import InputError
from repro.workflow.chart import svg, text
from repro.workflow.completion import Event, add_event, events_path
from repro.workflow.plan import Plan, Task, plan_path
from repro.workflow.timeline import OPENING, Timeline, read_timeline, timeline


def task(kind: str, part: str = "", *after: str) -> Task:
    return Task(kind=kind, key="", outputs=(), part=part, after=after)


ALL = [task("capture", "1"), task("capture", "2"), task("train", "a"), task("compare", "", "capture-1", "train-a")]
TASKS = {task.name: task for task in ALL}
# two workers, ten seconds: captures of a second and two after a start of one; a training of six after two; a comparison
EVENTS = [
    Event(time=100, event="begin", name="", workers=2),
    Event(time=100, event="begin", name="capture", tasks=("capture-1", "capture-2")),
    Event(time=100, event="begin", name="train", tasks=("train-a",)),
    Event(time=101, event="start", name="capture-1", cpu=0.9),
    Event(time=102, event="done", name="capture-1", seconds=1, cpu=1.7),
    Event(time=102, event="start", name="capture-2", cpu=1.7),
    Event(time=102, event="start", name="train-a", cpu=1.5),
    Event(time=104, event="done", name="capture-2", seconds=2, cpu=3.0),
    Event(time=104, event="end", name="capture"),
    Event(time=108, event="done", name="train-a", seconds=6, cpu=7.0),
    Event(time=108, event="end", name="train"),
    Event(time=108, event="begin", name="compare", tasks=("compare",)),
    Event(time=109, event="start", name="compare", cpu=0.5),
    Event(time=110, event="done", name="compare", seconds=1, cpu=1.25),
    Event(time=110, event="end", name="compare"),
    Event(time=110, event="loaded", name="paddle", seconds=4, cpu=3.5),
    Event(time=110, event="end", name=""),
]


@pytest.fixture
def chart() -> Timeline:
    return timeline(EVENTS, TASKS)


def test_jobs_have_workers_and_what_is_left_is_idle(chart: Timeline) -> None:
    assert [(job.name, job.lane) for job in chart.jobs] == [("capture", 0), ("train", 1), ("compare", 0)]
    assert (chart.workers, chart.seconds) == (2, 10)
    assert chart.busy() == pytest.approx(100 * (4 + 8 + 2) / 20)
    assert chart.idle() == [(0, 4, 8), (1, 8, 10)]


def test_loading_stands_apart_from_the_stages(chart: Timeline) -> None:
    stages = chart.by_stage()
    assert list(stages) == [OPENING, "train", "capture", "compare"], "most CPU time first"
    assert stages["train"] == (1, 6, 5.5)
    assert stages[OPENING] == pytest.approx((4, 8, 0.9 + 1.5 + 0.5 + 3.5)), "in jobs, and beside the workers"
    assert [(job.name, job.start, job.end) for job in chart.loading] == [("load paddle", 6, 10)]
    assert stages["capture"] == pytest.approx((2, 3, 0.8 + 1.3))


def test_the_critical_path_is_the_longest_chain_of_results(chart: Timeline) -> None:
    assert [(work.kind, work.name, work.seconds) for work in chart.chain] == [
        *((OPENING, "train", 2), ("train", "train-a", 6)),
        *((OPENING, "compare", 1), ("compare", "compare", 1)),
    ]


def test_a_run_under_way_or_failed_ends_with_its_last_event() -> None:
    chart = timeline(EVENTS[:8], TASKS)
    assert {job.name: job.end for job in chart.jobs} == {"capture": 4, "train": 4}
    assert chart.work()[-1].end == 4


def test_the_text_has_a_row_for_each_worker_and_job(chart: Timeline) -> None:
    lines = text(chart, 60).splitlines()
    assert "busy 70.0 %" in lines[0] and "2 jobs at a time" in lines[0]
    bars = {line[:11].rstrip(): line[12:50] for line in lines[3:9]}
    assert list(bars) == ["worker 1", "worker 2", "load paddle", "capture", "train", "compare"]
    assert max(map(len, lines[3:9])) <= 60
    scale = 38 / 10
    for name, *parts in (("worker 1", 1, 3, 4, 1, 1), ("worker 2", 2, 6, 2), ("capture", 1, 3, 6)):
        marks = "░█ " if len(parts) == 3 else "░█ ░█"
        drawn = [(mark, len(list(run))) for mark, run in groupby(bars[name])]
        assert [mark for mark, _ in drawn] == list(marks)
        assert [length for _, length in drawn] == pytest.approx([part * scale for part in parts], abs=1)
    assert lines[8].endswith("0:02")
    assert "  worker 1: 4.0 s from 0:04" in lines
    assert "critical path, 0:10: no number of workers makes the run shorter" in lines
    assert "| train | 1 | 6.0 | 5.5 |" in lines


def test_a_short_job_at_the_very_end_is_seen() -> None:
    last = [
        Event(time=110, event="begin", name="report", tasks=("report",)),
        Event(time=110, event="end", name="report"),
    ]
    lines = text(timeline([*EVENTS, *last], TASKS), 60).splitlines()
    assert any(line.startswith("report") and "· " in line for line in lines)


def test_the_picture_has_a_bar_for_each_task(chart: Timeline) -> None:
    root = ElementTree.fromstring(svg(chart))
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert len(titles) == len(chart.work())
    assert "train-a: 6.0 s from 0:02, CPU 5.5 s" in titles


def test_the_command_reads_the_events_of_every_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunPaths(tmp_path)
    Plan(tasks=TASKS, finished=frozenset(), jobs={}, targets=()).write(plan_path(run))
    with pytest.raises(InputError, match="no events of jobs"):
        read_timeline(run)
    add_event(run, "begin", "", workers=1)
    monkeypatch.setenv("REPRO_HOST", "node1")
    add_event(run, "begin", "capture", tasks=["capture-1"])
    add_event(run, "start", "capture-1", cpu=1.0)
    add_event(run, "done", "capture-1", cpu=2.0)
    assert main(["timeline", str(tmp_path), "--svg", str(tmp_path / "chart.svg")]) == 0
    assert "worker 1" in capsys.readouterr().out
    assert (tmp_path / "chart.svg").read_text().startswith("<svg")
    whole = read_timeline(run)
    path = events_path(run)
    text = path.read_bytes()
    for broken in (text + b'{"time": 1, "ev', b"\x00\n" + text, b'{"time": 1{"time": 2, "event": "end"}\n' + text):
        path.write_bytes(broken)  # as a full disk leaves them
        assert read_timeline(run) == whole
    path.write_text("{}\n")
    assert main(["timeline", str(tmp_path)]) == 2
