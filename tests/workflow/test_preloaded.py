"""Jobs as forks of a preloaded process: what they start from, how they end, and what a killed process leaves."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from repro.config.paths import PROJECT, RunPaths
from repro.workflow.ask import ask
from repro.workflow.completion import Event, read_events
from repro.workflow.plan import PROGRAM, Job, Plan, plan_path
from repro.workflow.preloaded import server_of, servers, socket_path
from tests.workflow.observer import Observer, assert_none_survives, ended, survivors

KINDS = ("well", "train", "parent", "three", "text", "raise", "killed")
JOBS = {kind: Job(kind=kind, backend="", tasks=(), options=(), after=(), priority=1) for kind in KINDS}
PLAN = Plan(tasks={}, finished=frozenset(), jobs=JOBS, targets=KINDS, threads=3)
ODD = PLAN.replace(program=(sys.executable, "-m", "tests.workflow.odd_job"))


def test_who_does_a_job() -> None:
    job = Job(kind="capture", backend="paddle", tasks=(), options=(), after=(), priority=1, gpu=True)
    assert server_of(PLAN, job) == "paddle"
    assert server_of(PLAN, job.replace(kind="compare", backend="")) == "plain"
    assert server_of(PLAN, job.replace(kind="reprod-log", backend="")) == "paddle"
    for gpus in (None, {"paddle": ("0",)}):  # a CUDA context does not survive a fork
        plan = PLAN.replace(devices={"pytorch": "cpu", "paddle": "auto"}, gpus=gpus)
        assert server_of(plan, job) is None
        assert server_of(plan, job.replace(gpu=False)) == "paddle"
        assert server_of(plan, job.replace(backend="pytorch")) == "pytorch"
    assert server_of(PLAN.replace(remote=True), job) is None
    assert server_of(PLAN.replace(program=("/usr/bin/env", *PROGRAM)), job) is None


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunPaths]:
    """A run whose jobs are odd, in the working directory, with its server."""
    run = RunPaths(tmp_path / ("long" * 30))  # longer than the address of a socket may be
    ODD.write(plan_path(run))
    monkeypatch.chdir(run.root)
    with servers(run, ODD, {**os.environ, "PYTHONPATH": str(PROJECT)}):
        yield run
    assert not Path(socket_path("plain")).exists()
    assert_none_survives(run.root)


def _ask(kind: str, run: RunPaths) -> tuple[int | None, list[str]]:
    """(exit code, lines of the log) of a job."""
    return ask(socket_path("plain"), kind), (run.logs / f"{kind}.log").read_text().splitlines()


def _failures(run: RunPaths) -> list[Event]:
    return [event for event in read_events(run) if event.event == "failed"]


def test_a_fork_starts_like_a_new_process(run: RunPaths) -> None:
    code, (arguments, first, message) = _ask("well", run)
    assert (code, arguments, message) == (0, f"well --run {run.root}", "to stderr")
    process, *answers, number = first.split()
    assert answers == ["no", "input", "3", "True"]
    assert not _failures(run)
    code, (_, second, _) = _ask("train", run)
    assert code == 0
    assert second.split()[4] == "False", "a training gives its memory back at once"
    assert process != second.split()[0]
    assert number != second.split()[-1], "two jobs drew the same random number"


def test_what_a_job_has_started_ends_with_the_run(run: RunPaths) -> None:
    code, lines = _ask("parent", run)
    assert code == 0
    assert int(lines[-1]) in survivors(run.root)  # and no more after the test: see the fixture


@pytest.mark.parametrize(
    ("kind", "code", "outcome", "last"),
    [
        ("three", 3, "exit code 3", "to stderr"),
        ("text", 1, "exit code 1", "the reason"),
        ("raise", 1, "exit code 1", "RuntimeError: odd"),
        ("killed", 128 + signal.SIGSEGV, "killed by SIGSEGV", "to stderr"),
    ],
)
def test_a_failed_fork_is_named_with_its_outcome_and_last_lines(
    kind: str, code: int, outcome: str, last: str, run: RunPaths, capfd: pytest.CaptureFixture[str]
) -> None:
    answer, lines = _ask(kind, run)
    assert answer == code
    (event,) = _failures(run)
    assert (event.name, event.outcome) == (kind, outcome)
    assert last == lines[-1] == event.tail[-1]
    assert f"{kind}: {outcome}" in capfd.readouterr().err


def test_without_a_server_nobody_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert ask("plain.socket", "well") is None


def test_asking_imports_nothing_that_is_installed() -> None:
    command = [sys.executable, "-S", "-c", "import repro.workflow.ask, sys; print(*sys.modules)"]
    modules = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split()
    assert {name.partition(".")[0] for name in modules} - sys.stdlib_module_names <= {"__main__", "repro"}
    assert not {"subprocess", "pathlib", "json", "logging", "inspect"} & {*modules}


# What is killed of a job that is held, with which signal, and how the job has ended then.
VICTIMS = (
    ("job", signal.SIGKILL, "killed by SIGKILL (out of memory?)"),
    ("ask", signal.SIGTERM, "killed by SIGTERM"),
    ("ask", signal.SIGKILL, "killed by SIGTERM"),
)


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def _victims(run: Path, job: int) -> dict[str, int]:
    """The processes between the launcher and a job that is held."""
    keeper = _parent(job)
    commands = {process: Path(f"/proc/{process}/cmdline").read_text().split("\0") for process in survivors(run)}
    (ask_process,) = (process for process, words in commands.items() if "repro.workflow.ask" in words)
    victims = {"job": job, "keeper": keeper, "server": _parent(keeper), "ask": ask_process}
    assert commands[victims["server"]][2] == "repro.workflow.fork_server"
    return victims | {"Snakemake": _parent(ask_process)}


@pytest.mark.slow
def test_whatever_is_killed_nothing_hangs_or_stays(tmp_path: Path, observer: Observer) -> None:
    run = tmp_path / "run"
    process = observer.start(run, "steps=[1,11]", FAKE_HOLD_AFTER="0", FAKE_WORKERS="1", FAKE_EXEC="1")
    held = partial(observer.wait_for, "hold")
    for victim in ("keeper", "server"):  # the job begins anew, without a server
        ((_, task, job, *_),) = held()
        os.kill(_victims(run, int(job))[victim], signal.SIGKILL)
        ((_, same, again, *_),) = held()
        assert same == task and b"fork_server" not in Path(f"/proc/{again}/cmdline").read_bytes()
        observer.let_go()
    failed: list[str] = []
    while len(failed) < len(VICTIMS):
        ((_, task, job, *_),) = held()
        if task.startswith("features"):  # without which nothing more could be done
            observer.let_go()
            continue
        victim, number, _ = VICTIMS[len(failed)]
        os.kill(_victims(run, int(job))[victim], number)
        failed.append(task)
    ((_, _, job, *_),) = held()
    os.kill(_victims(run, int(job))["Snakemake"], signal.SIGKILL)
    printed = process.finished(3)
    outcomes = re.findall(r"^FAILED \S+: (.*?)\. Last", printed, re.MULTILINE)
    assert outcomes[: len(VICTIMS)] == [outcome for _, _, outcome in VICTIMS]
    assert_none_survives(run)
    assert {"inputs", "convert-pretrained"} <= set(ended(run))
    assert not {"report", *failed} & set(ended(run))
