"""A few faults end to end in the real frameworks, and every one planted and removed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from repro.cli import selftest as command
from repro.cli.main import main
from repro.numerics.record import Record
from repro.paths import read_json
from repro.profile import BACKENDS
from repro.selftest import SelftestPaths
from repro.selftest.faults import NAMES
from repro.steps import s06_learning_rate
from repro.steps.outcome import Outcome
from repro.steps.pair import CompareContext
from tests.selftest.worker import FAULTS

# Not in what the worker computes: without decay, on answers inside the window, in float32, from given data.
UNSEEN_HERE = {"outside-counted", "decayed-layer-norms", "l2-decay", "clipped-exactly"}
GIVEN = {"lower-case", "labels-shifted", "dropout-seeds-unequal", "nan"}


@pytest.fixture
def run(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SelftestPaths:
    """A copy of what was captured, and ``repro selftest`` without its captures."""
    shutil.copytree(folder / "run", tmp_path / "run", symlinks=True)
    monkeypatch.setattr(command, "_capture_beside", lambda out, arguments: None)
    return SelftestPaths(tmp_path / "run")


def selftest(run: SelftestPaths) -> int:
    return main(["selftest", "--out", str(run.root), "--faults", ",".join(FAULTS), "--clean", "1"])


def test_the_real_steps_see_real_faults(run: SelftestPaths) -> None:
    assert selftest(run) == 0
    rows = {row["fault"]: row for row in read_json(run.json)["faults"]}
    assert list(rows) == [name for name in NAMES if name in FAULTS]
    for backend in BACKENDS:
        epsilon, tf32 = rows["layer-norm-epsilon"][backend], rows["tf32"][backend]
        assert epsilon["told"]["tensor"] == "embeddings" and epsilon["told"]["margin"] > 1e6
        assert epsilon["seen"][0] == 1 and not {2, 5, 6, 7, 9, 10} & set(epsilon["seen"])
        assert 1.0 < tf32["told"]["margin"] < 100.0, "float32 errors differ, float64 results do not"
        assert 6 in rows["warmup-off-by-one"][backend]["seen"]
        assert 9 in rows["labels-shifted"][backend]["seen"] and 2 not in rows["labels-shifted"][backend]["seen"]
        assert rows["stale-file"][backend]["told"]["extent"] == "stale file"
        assert rows["stale-file"][backend]["seen"] == list(range(1, 11))
        assert not run.fault("tf32", backend).dump(backend, 1).exists(), "judged dumps are removed"
    assert selftest(run) == 0, "results are kept"


def test_a_blinded_check_is_found_out(run: SelftestPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(context: CompareContext) -> Outcome:
        return Outcome(tuple(Record(name, "compared", verdict="equal") for name in context.side("paddle")), (), "")

    monkeypatch.setattr(s06_learning_rate, "compare", blind)
    assert selftest(run) == 1
    missed = read_json(run.json)["summary"]["missed"]
    assert missed == [f"{name} in {backend}" for name in ("warmup-off-by-one",) for backend in BACKENDS]


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_is_left_of_a_fault(folder: Path, backend: str) -> None:
    found = json.loads((folder / f"{backend}.json").read_text())
    before = found["after"][""]
    assert {name for name, after in found["after"].items() if after != before} == set()
    same = {name for name, inside in found["inside"].items() if inside == before}
    assert same == UNSEEN_HERE | GIVEN
    assert not found["redone"], "a finished capture is not done again"
