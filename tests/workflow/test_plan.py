"""Which tasks a profile has, when they count as finished, and how they become jobs."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from repro.config.paths import RunPaths, atomic_text
from repro.config.profile import BACKENDS, Profile
from repro.config.profile_file import load_profile
from repro.errors import InputError
from repro.selftest import COMPARED
from repro.stages import TRAINS
from repro.workflow import tasks as task_module
from repro.workflow.completion import working
from repro.workflow.jobs import ALONE, DEVIATIONS, SELFTEST, group_trainings, make_plan
from repro.workflow.plan import Plan, Task, plan_path
from repro.workflow.tasks import TaskList


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    for name in ("model.safetensors", "config.json", "vocab.txt"):
        atomic_text(tmp_path / "weights" / name, "{}")
    return RunPaths(tmp_path / "run")


def profile_of(run: RunPaths, **overrides: Any) -> Profile:
    changes = {name.replace("__", "."): value for name, value in overrides.items()}
    return load_profile("mini", {"weights.path": run.root.parent / "weights"} | changes)


def finish(run: RunPaths, profile: Profile) -> Plan:
    """Do everything that is unfinished."""
    plan = make_plan(run, profile, workers=2)
    plan.write(plan_path(run))
    unfinished = {task for job in plan.jobs.values() for task in job.tasks}
    for name in plan.tasks:  # each stands behind those before it
        if name in unfinished:
            do(run, plan, name)
    return plan


def do(run: RunPaths, plan: Plan, name: str) -> None:
    with working(run, name):
        for pattern in plan.tasks[name].outputs:
            atomic_text(run.root / pattern.replace("*", "file"), name)


def redone(run: RunPaths, profile: Profile) -> set[str]:
    return {task for job in make_plan(run, profile, workers=2).jobs.values() for task in job.tasks}


ENDING = {*(f"compare-{step}" for step in range(1, 12)), "reprod-log", "report"}


def test_mini_has_all_steps_and_trainings(run: RunPaths) -> None:
    plan = make_plan(run, profile_of(run), workers=2)
    kinds = Counter(task.kind for task in plan.tasks.values())
    assert (kinds["capture"], kinds["train"], kinds["features"]) == (20, 36, 2 * 16)
    for job in plan.jobs.values():
        assert len({(plan.tasks[name].kind, plan.tasks[name].backend) for name in job.tasks}) == 1
    done = [name for job in plan.jobs.values() for name in job.tasks]
    assert sorted(done) == sorted(plan.tasks)


def test_published_files_are_audited_where_they_are_named(run: RunPaths, tmp_path: Path) -> None:
    assert "audit" not in make_plan(run, profile_of(run), workers=2).tasks
    atomic_text(tmp_path / "published" / "a" / "log.txt", "1")
    evidence = {"evidence.source": "path", "evidence.directory": str(tmp_path / "published")}
    audited = profile_of(run, **evidence)
    finish(run, profile_of(run))
    assert redone(run, audited) == {"audit", *ENDING} - {"reprod-log"}
    finish(run, audited)
    atomic_text(tmp_path / "published" / "a" / "log.txt", "another")
    assert redone(run, audited) == {"audit", "report"}


def test_faults_are_planted_with_each_framework_and_judged_once(run: RunPaths) -> None:
    plan = make_plan(run, profile_of(run), workers=2)
    captures = {name: job for name, job in plan.jobs.items() if job.kind == "selftest-capture"}
    for backend in BACKENDS:
        of_backend = [job for job in captures.values() if job.backend == backend]
        assert len(of_backend) > 1, "the last of them do not run alone"
        assert sum(len(job.tasks) for job in of_backend) == 10 + 41
        assert plan.jobs[f"selftest-capture-{backend}-clean"].after == tuple(f"selftest-prepare-{n}" for n in range(10))
    assert "selftest-conclude" in plan.tasks["report"].after
    finish(run, profile_of(run))
    ending = {"selftest-conclude", *ENDING} - {"reprod-log"}
    more = {f"selftest-capture-{backend}-clean-10" for backend in BACKENDS} | {"selftest-prepare-10"}
    assert redone(run, profile_of(run, selftest__clean=11)) == {*more, "selftest-compare-clean", *ending}
    few = redone(run, profile_of(run, selftest__faults=["tf32", "beta2"]))
    compared = {f"selftest-compare-{part}" for part in COMPARED if part != "clean"}
    assert few == compared | set(ending), "a fault has its own task"
    assert not {name for name in redone(run, profile_of(run, training__seeds=[42])) if name.startswith("selftest")}
    for less in ({"selftest__faults": "none"}, {"backends": ["paddle"]}):
        assert not captures.keys() & set(make_plan(run, profile_of(run, **less), workers=2).jobs)
    with pytest.raises(InputError, match=r"no fault 'wrong'[\s\S]*layer-norm-epsilon"):
        make_plan(run, profile_of(run, selftest__faults=["wrong"]), workers=2)


def test_the_self_test_alone_is_a_plan_of_its_own(run: RunPaths) -> None:
    plan = make_plan(run, profile_of(run), workers=2, stages=SELFTEST)
    assert {plan.jobs[name].kind for name in plan.targets} == set(SELFTEST)
    before = {task for name in plan.targets for task in plan.jobs[name].after}
    assert before <= set(plan.unfinished()), "nothing else is needed"


def test_deviations_are_trained_beside_step_11_and_nothing_twice(run: RunPaths) -> None:
    few = {"deviations__switches": ["order", "last-epoch"], "deviations__seeds": [42]}
    finish(run, profile_of(run))
    more = redone(run, profile_of(run, **few))
    trained = {f"deviations-train-{side}-{v}" for side in BACKENDS for v in ("rounding", "order", "last-epoch")}
    ending = {"deviations-compare", *ENDING} - {"reprod-log"}
    assert more == {"convert-perturbed", *(f"{name}-{size}-42" for name in trained for size in (16, 128)), *ending}
    finish(run, profile_of(run, **few))
    again = redone(run, profile_of(run, **few | {"deviations__switches": ["order", "last-epoch", "adamw-eps"]}))
    assert {name for name in again if "train" in name} == {
        f"deviations-train-{side}-{name}-{size}-42"
        for side in BACKENDS
        for name in ("adamw-eps", "together")
        for size in (16, 128)
    }
    published = TaskList(run, profile_of(run, deviations__switches="all", protocol="published")).tasks
    assert (
        "deviations-train-paddle-paper-16-42" in published and "deviations-train-pytorch-paper-16-42" not in published
    )
    assert "deviations-train-paddle-together-16-42" not in published, "step 11 trains by these rules"


def test_the_deviations_alone_need_no_other_training(run: RunPaths) -> None:
    profile = profile_of(run, deviations__switches=["order"], deviations__sizes=[16], deviations__seeds=[42, 47])
    plan = make_plan(run, profile, workers=2, stages=DEVIATIONS)
    trained = {task for task in plan.unfinished() if plan.tasks[task].kind in TRAINS}
    shared = {f"train-{side}-pretrained-16-42" for side in BACKENDS}
    apart = ("rounding-16-42", "order-16-42", "paper-16-47", "rounding-16-47", "order-16-47")
    assert trained == shared | {f"deviations-train-{side}-{name}" for side in BACKENDS for name in apart}
    before = {task for name in plan.targets for task in plan.jobs[name].after}
    assert before <= set(plan.unfinished()), "nothing else is needed"
    assert len(make_plan(run, profile, workers=ALONE).trainings()) == 36 + 10, "an array has them all"


def test_moved_files_are_found_again_and_nothing_is_computed_again(run: RunPaths, tmp_path: Path) -> None:
    profile = profile_of(run, steps=[1, 11], training__seeds=[42], training__sizes=[16])
    finish(run, profile)
    (tmp_path / "weights").rename(tmp_path / "elsewhere")
    moved = load_profile("mini", profile.model_dump() | {"weights.path": tmp_path / "elsewhere"})
    assert redone(run, moved) == {"inputs", "compare-1", "compare-11", "report"}


def test_another_device_redoes_its_framework_alone(run: RunPaths) -> None:
    finish(run, profile_of(run, steps=[1, 11], device="cpu"))
    assert redone(run, profile_of(run, steps=[1, 11], device={"pytorch": "cpu", "paddle": "cpu"})) == {
        *("compare-1", "compare-11", "report")
    }, "the same devices in other words"
    again = redone(run, profile_of(run, steps=[1, 11], device={"pytorch": "gpu", "paddle": "cpu"}))
    assert {"capture-pytorch-1", "train-pytorch-pretrained-16-42"} <= again
    assert not {name for name in again if name.startswith(("capture-paddle", "train-paddle", "features"))}


def test_step_8_keeps_nothing_waiting_but_its_comparison(run: RunPaths) -> None:
    jobs = make_plan(run, profile_of(run), workers=2).jobs
    assert jobs["capture-pytorch-8"].tasks == ("capture-pytorch-8",)
    assert "capture-pytorch-8" not in {*jobs["measure-pytorch"].after, *jobs["capture-pytorch"].tasks}
    assert "capture-pytorch-8" in jobs["compare"].after


def test_the_trainings_and_what_needs_them_come_last(run: RunPaths) -> None:
    jobs = make_plan(run, profile_of(run), workers=2).jobs
    trainings = {job.priority for job in jobs.values() if job.kind == "train"}
    late = {name for name, job in jobs.items() if job.priority < max(trainings) and job.kind != "train"}
    assert late == {"report"}
    formed = [name for name in sorted(jobs, key=lambda name: -jobs[name].priority) if name.startswith("train")]
    assert formed == sorted(formed, key=lambda name: name.rpartition("-")[2]), "the largest groups first"


def test_the_jobs_of_a_stage_take_turns_between_the_frameworks(run: RunPaths) -> None:
    jobs = make_plan(run, profile_of(run), workers=2).jobs
    captures = sorted((name for name in jobs if "capture" in name), key=lambda name: -jobs[name].priority)
    assert captures == [
        *("capture-paddle", "capture-pytorch", "capture-paddle-8", "capture-pytorch-8"),
        *(
            f"selftest-capture-{side}-{part}"
            for part in ("clean", "forward", "others")
            for side in ("paddle", "pytorch")
        ),
    ]


def test_one_more_step_redoes_no_capture(run: RunPaths) -> None:
    finish(run, profile_of(run, steps=[1, 2, 3]))
    again = redone(run, profile_of(run, steps=[1, 2, 3, 11]))
    assert not {name for name in again if name.startswith("capture")}
    assert "features-paddle-dev" not in again
    assert {"features-paddle-train-1024-46", "train-paddle-pretrained-16-42", "report"} <= again


def test_another_learning_rate_redoes_what_depends_on_it(run: RunPaths) -> None:
    finish(run, profile_of(run))
    again = redone(run, profile_of(run, training__learning_rate=1e-4))
    captures = {int(name.rpartition("-")[2]) for name in again if name.startswith("capture")}
    assert captures == {5, 6, 7, 8}
    assert len({name for name in again if name.startswith("train")}) == 36
    assert not {name for name in again if name.startswith(("features", "convert", "inputs"))}
    assert "measure-paddle" in again, "it names the settings of step 8, for which it measured"


def test_another_length_or_other_weights_redo_what_depends_on_them(run: RunPaths) -> None:
    finish(run, profile_of(run, steps=[1, 2]))
    again = redone(run, profile_of(run, steps=[1, 2], features__doc_stride=16))
    assert {"features-pytorch-dev", "capture-paddle-1"} <= again
    assert not {"inputs", "convert-pretrained"} & again
    atomic_text(run.root.parent / "weights" / "model.safetensors", "{ }")
    task_module._content.cache_clear()
    assert {"inputs", "convert-pretrained", "capture-pytorch-1"} <= redone(run, profile_of(run, steps=[1, 2]))


def test_a_lost_or_touched_result_is_redone_with_the_report(run: RunPaths) -> None:
    profile = profile_of(run)
    finish(run, profile)
    assert redone(run, profile) == set()
    result = run.training("paddle", "pretrained", 128, 44) / "result.json"
    os.utime(result, (0, 0))
    assert redone(run, profile) == set(), "its content is the same"
    for why in ("is not as this task left it", "is missing"):
        result.unlink() if why == "is missing" else atomic_text(result, "cut off")
        plan = make_plan(run, profile, workers=2)
        assert {*plan.unfinished()} == {"train-paddle-pretrained-128-44", "compare-11", "report"}
        file = "training/paddle/pretrained-128-44/result.json"
        assert plan.damaged == {"train-paddle-pretrained-128-44": f"{file} {why}"}


def test_a_stage_by_hand_on_what_is_not_finished_leaves_no_stamp(run: RunPaths) -> None:
    finish(run, profile_of(run, steps=[1]))
    changed = profile_of(run, steps=[1], features__doc_stride=16)
    plan = make_plan(run, changed, workers=2)
    plan.write(plan_path(run))
    do(run, plan, "capture-paddle-1")  # from features of the other stride
    do(run, plan, "report")
    assert {"capture-paddle-1", "features-paddle-dev", "report"} <= redone(run, changed)
    do(run, plan, "inputs")
    do(run, plan, "features-paddle-dev")
    assert "features-paddle-dev" not in redone(run, changed)
    atomic_text(plan_path(run), "{}")
    with pytest.raises(InputError, match=r"the plan of this run is damaged[\s\S]*repro all --out"):
        do(run, plan, "report")


def test_a_link_is_not_what_a_task_wrote(run: RunPaths) -> None:
    few = {"selftest__faults": ["tf32"], "selftest__clean": 1, "training__seeds": [42], "training__sizes": [16]}
    profile = profile_of(run, **few)
    plan = finish(run, profile)
    path = run.selftest / "faults" / "paddle" / "tf32" / "dumps" / "paddle" / "step02.npy"
    path.symlink_to(run.selftest / "clean" / "0" / "dumps" / "paddle" / "file")
    do(run, plan, "selftest-capture-paddle-tf32")
    atomic_text(path.resolve(), "another")
    assert {name for name in redone(run, profile) if "capture" in name} == {"selftest-capture-paddle-clean-0"}


def test_both_captures_of_a_step_are_done_under_one_profile(run: RunPaths) -> None:
    first = profile_of(run, steps=[1, 2])
    finish(run, first)
    lost = run.dump("pytorch", 1)
    lost.unlink()
    assert redone(run, first) - ENDING == {"capture-pytorch-1"}, "interrupted: the finished counterpart stays"
    changed = redone(run, profile_of(run, steps=[1, 2], alignment__random_rows=4))
    assert {"capture-pytorch-1", "capture-paddle-1"} <= changed


def test_trainings_are_grouped_by_framework_longest_first() -> None:
    def task(backend: str, number: int, cost: float) -> Task:
        return Task(kind="train", key="", outputs=(), backend=backend, part=str(number), cost=cost)

    costs = [10.0] * 10 + [40.0] * 5
    tasks = [task("pytorch", n, cost) for n, cost in enumerate(costs)]
    tasks += [task("paddle", n, 2 * cost) for n, cost in enumerate(costs)]
    groups = group_trainings(tasks, 2)
    assert sorted(p.name for group in groups for p in group) == sorted(p.name for p in tasks)
    assert all(len({p.backend for p in group}) == 1 for group in groups)
    costs = [sum(p.cost for p in group) for group in groups]
    assert groups[0][0].backend == "paddle"
    assert costs[0] <= sum(costs) / 4 + 40, "half a training more than a quarter of the work, at most"
    assert costs[-1] <= 40, "the end is even"
    assert len(groups) <= len(tasks) / 2
    forked = group_trainings(tasks, 2, {"pytorch": 0.5, "paddle": 0.5})
    assert len(forked) >= len(groups) and sum(p.cost for p in forked[-1]) <= costs[-1]

    alone = group_trainings(tasks, 100)
    assert len(alone) >= 10, "many workers get a group each"


def test_dependencies_are_tasks_of_the_plan(run: RunPaths) -> None:
    for profile in (profile_of(run), profile_of(run, steps=[11], backends=["paddle"]), profile_of(run, steps=[6])):
        tasks = TaskList(run, profile).tasks
        assert all(set(task.after) <= set(tasks) for task in tasks.values())
