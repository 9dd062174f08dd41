"""Which pieces a profile has, when they count as finished, and how they become jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from repro.paths import RunPaths, atomic_json, atomic_text
from repro.profile import Profile, load_profile
from repro.workflow.pieces import Piece, Pieces
from repro.workflow.plan import Plan, group_trainings, make_plan
from repro.workflow.receipts import plan_path, working


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
    atomic_json(plan_path(run), plan.to_json())
    for job in plan.jobs:
        for piece in job.pieces:
            with working(run, piece):
                for pattern in plan.pieces[piece].outputs:
                    atomic_text(run.root / pattern.replace("*", "file"), piece)
    return plan


def redone(run: RunPaths, profile: Profile) -> set[str]:
    return {piece for job in make_plan(run, profile, workers=2).jobs for piece in job.pieces}


ENDING = {"compare-alignment", "compare-training", "reprod-log", "report"}


def test_mini_has_all_steps_and_trainings(run: RunPaths) -> None:
    plan = make_plan(run, profile_of(run), workers=2)
    kinds = [piece.kind for piece in plan.pieces.values()]
    assert kinds.count("capture") == 20
    assert kinds.count("train") == 36
    assert kinds.count("features") == 2 * 16
    for job in plan.jobs:
        assert len({(plan.pieces[name].kind, plan.pieces[name].backend) for name in job.pieces}) == 1
    done = [name for job in plan.jobs for name in job.pieces]
    assert sorted(done) == sorted(plan.pieces)


def test_published_files_are_audited_where_they_are_named(run: RunPaths, tmp_path: Path) -> None:
    assert "audit-run" not in make_plan(run, profile_of(run), workers=2).pieces
    atomic_text(tmp_path / "published" / "a" / "log.txt", "1")
    evidence = {"evidence.source": "path", "evidence.directory": str(tmp_path / "published")}
    finish(run, profile_of(run))
    assert redone(run, profile_of(run, **evidence)) == {"audit-run", *ENDING} - {"reprod-log"}
    finish(run, profile_of(run, **evidence))
    assert redone(run, profile_of(run, **evidence)) == set()
    atomic_text(tmp_path / "published" / "a" / "log.txt", "another")
    assert redone(run, profile_of(run, **evidence)) == {"audit-run", "report"}


def test_faults_are_planted_with_each_framework_and_judged_once(run: RunPaths) -> None:
    plan = make_plan(run, profile_of(run), workers=2)
    captures = {f"selftest-capture-{backend}" for backend in ("pytorch", "paddle")}
    assert set(plan.pieces["selftest-compare"].after) == captures <= {job.name for job in plan.jobs}
    assert "selftest-compare" in plan.pieces["report"].after
    assert not {job.name for job in plan.until("train")} & captures
    finish(run, profile_of(run))
    assert redone(run, profile_of(run, selftest__clean=20)) == {*captures, "selftest-compare", *ENDING} - {"reprod-log"}
    assert not redone(run, profile_of(run, training__seeds=[42])) & captures
    for less in ({"selftest__faults": "none"}, {"backends": ["paddle"]}):
        assert not captures & set(make_plan(run, profile_of(run, **less), workers=2).pieces)


def test_a_finished_run_has_no_jobs(run: RunPaths) -> None:
    finish(run, profile_of(run))
    assert not make_plan(run, profile_of(run), workers=2).jobs


def test_one_more_step_redoes_no_capture(run: RunPaths) -> None:
    finish(run, profile_of(run, steps=[1, 2, 3]))
    again = redone(run, profile_of(run, steps=[1, 2, 3, 11]))
    assert not {name for name in again if name.startswith("capture")}
    assert "features-paddle-dev" not in again
    assert {"features-paddle-train-1024-46", "train-paddle-pretrained-16-42", "report"} <= again


def test_another_learning_rate_redoes_what_depends_on_it(run: RunPaths) -> None:
    finish(run, profile_of(run))
    again = redone(run, profile_of(run, training__learning_rate=1e-4))
    captures = {int(name[-2:]) for name in again if name.startswith("capture")}
    assert captures == {5, 6, 7, 8}
    assert len({name for name in again if name.startswith("train")}) == 36
    assert not {name for name in again if name.startswith(("features", "convert", "inputs"))}


def test_another_length_redoes_everything_behind_the_features(run: RunPaths) -> None:
    finish(run, profile_of(run, steps=[1, 2]))
    again = redone(run, profile_of(run, steps=[1, 2], features__doc_stride=16))
    assert {"features-pytorch-dev", "capture-paddle-01"} <= again
    assert not {"inputs", "convert-pretrained"} & again


def test_other_weights_redo_what_starts_from_them(run: RunPaths) -> None:
    finish(run, profile_of(run, steps=[1]))
    atomic_text(run.root.parent / "weights" / "model.safetensors", "{ }")
    from repro.workflow import pieces

    pieces._content.cache_clear()
    again = redone(run, profile_of(run, steps=[1]))
    assert {"inputs", "convert-pretrained", "capture-pytorch-01"} <= again


@pytest.mark.parametrize("fault", ["missing", "changed"])
def test_a_lost_or_touched_result_is_redone_with_the_report(run: RunPaths, fault: str) -> None:
    profile = profile_of(run)
    finish(run, profile)
    result = run.training("paddle", "pretrained", 128, 44) / "result.json"
    if fault == "missing":
        result.unlink()
    else:
        result.write_text("cut of")
    assert redone(run, profile) == {"train-paddle-pretrained-128-44", "compare-training", "report"}


def test_an_edited_backend_redoes_its_own_work_only(run: RunPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    from repro.workflow import pieces

    profile = profile_of(run)
    finish(run, profile)
    code = pieces._code
    monkeypatch.setattr(
        pieces, "_code", lambda kind, backend="": code(kind, backend) + ("x" if backend == "paddle" else "")
    )
    again = redone(run, profile) - ENDING - {"precision-pytorch"}  # reads both frameworks' dumps
    assert again
    assert all("paddle" in name for name in again)


def test_twins_that_are_compared_are_made_under_one_profile(run: RunPaths) -> None:
    first = profile_of(run, steps=[1, 2])
    finish(run, first)
    lost = run.dump("pytorch", 1)
    lost.unlink()
    assert redone(run, first) - ENDING == {"capture-pytorch-01"}, "interrupted: the finished twin stays"
    changed = redone(run, profile_of(run, steps=[1, 2], training__dropout=0.2)) - ENDING
    assert changed == {"capture-pytorch-01", "capture-paddle-01"}


def test_trainings_are_grouped_by_framework_longest_first() -> None:
    def piece(backend: str, number: int, cost: float) -> Piece:
        return Piece(f"{backend}-{number}", "train", "", (), backend=backend, cost=cost)

    costs = [10.0] * 10 + [40.0] * 5
    pieces = [piece("pytorch", n, cost) for n, cost in enumerate(costs)]
    pieces += [piece("paddle", n, 2 * cost) for n, cost in enumerate(costs)]
    groups = group_trainings(pieces, 2)
    assert sorted(p.name for group in groups for p in group) == sorted(p.name for p in pieces)
    assert all(len({p.backend for p in group}) == 1 for group in groups)
    costs = [sum(p.cost for p in group) for group in groups]
    assert groups[0][0].backend == "paddle"
    assert costs[0] <= sum(costs) / 4 + 40, "half a training more than a quarter of the work, at most"
    assert costs[-1] <= 40, "the end is even"
    assert len(groups) <= len(pieces) / 2

    alone = group_trainings(pieces, 100)
    assert len(alone) >= 10, "many workers get a group each"


def test_dependencies_are_pieces_of_the_plan(run: RunPaths) -> None:
    for profile in (profile_of(run), profile_of(run, steps=[11], backends=["paddle"]), profile_of(run, steps=[6])):
        pieces = Pieces(run, profile).names
        for piece in pieces.values():
            assert set(piece.after) <= set(pieces)
