"""The benchmark against the model libraries: its pairs, its judgement, its table, and all programs once, tiny."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.programs import material, pairs
from benchmarks.programs.material import Material
from benchmarks.programs.pairs import Pairs, Reply, measure
from benchmarks.programs.table import Line, loading, render
from repro.config.profile import BACKENDS
from repro.errors import EXIT_INPUT, EnvironmentFault, InputError

STEP, FINE_TUNING = (next(row for row in peers.ROWS if row.part == part) for part in ("step", "fine-tuning"))


def replies(*seconds: float, items: tuple[str, ...] = (), **numbers: float) -> list[Reply]:
    return [{"seconds": each, "memory": 1e6, "items": list(items), "numbers": numbers} for each in seconds]


@pytest.mark.parametrize(("apart", "starts"), [(False, "ours peer"), (True, "ours peer peer ours ours peer")])
def test_programs_take_turns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, apart: bool, starts: str) -> None:
    started, asked, living = [], [], 0

    @contextmanager
    def fake(arguments: list[str], _: Path) -> Iterator[tuple[Reply, object]]:
        nonlocal living
        started.append(arguments[0])
        living += 1
        yield {}, lambda: asked.append((arguments[0], living)) or {}  # type: ignore[func-returns-value]
        living -= 1

    monkeypatch.setattr(pairs, "started", fake)
    result = measure("step", "base", "paddle", pairs=3, apart=apart, material=tmp_path, log=tmp_path)
    assert [side for side, _ in asked] == "ours peer peer ours ours peer".split()
    assert started == starts.split()
    assert [len(result.runs[side]) for side in pairs.SIDES] == [3, 3]
    assert living == 0
    assert max(count for _, count in asked) == (1 if apart else 2)


def test_a_failing_program_is_one_readable_message(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere.json"
    with pytest.raises(EnvironmentFault, match=r"(?s)FileNotFoundError.*ours pytorch step 4x128"):
        measure("step", "4x128", "pytorch", pairs=1, apart=True, material=nowhere, log=tmp_path / "log")


def test_agreement() -> None:
    def judged(ours: list[Reply], peer: list[Reply]) -> tuple[str, bool]:
        return peers.agreement(Pairs(runs={"ours": ours, "peer": peer}), STEP, "pytorch")

    assert judged(replies(1, loss=7.0), replies(1, loss=7.0001)) == ("loss 7 and 7.0001", True)
    assert judged(replies(1, loss=7.0), replies(1, loss=7.1)) == ("**differs**: loss 7 and 7.1", False)
    assert judged(replies(1, loss=7.0), replies(1, loss=float("nan")))[1] is False
    many = tuple(map(str, range(200)))
    assert judged(replies(1, items=many), replies(1, items=(*many[:199], "x"))) == ("199 of 200 equal", True)
    assert judged(replies(1, items=many), replies(1, items=("x", *many[:199])))[1] is False
    assert judged(replies(1, items=many), replies(1, items=many[:199]))[1] is False


def test_choice_of_rows() -> None:
    assert peers.choose([], [], quick=False) == list(peers.ROWS)
    assert [row.argument for row in peers.choose(["features"], ["base"], quick=False)] == ["16", "128", "1024"]
    assert [row.argument for row in peers.choose(["step"], ["base"], quick=False)] == ["base"]
    assert "base" not in {row.argument for row in peers.choose([], [], quick=True)}
    for parts, geometries in ((["steps"], []), ([], ["large"]), (["evaluation"], ["base"])):
        with pytest.raises(InputError):
            peers.choose(parts, geometries, quick=False)


def test_options() -> None:
    chosen = peers.options(["--quick", "--parts", "step,features", "--out", "/somewhere/page.md"])
    assert (chosen.questions, chosen.steps) == (40, 4)
    assert peers.command(chosen) == "python -m benchmarks.peers --quick --parts step,features"
    assert peers.main(["--framework", "torch"]) == EXIT_INPUT
    with pytest.raises(SystemExit):
        peers.options(["--repeats", "0"])


def test_table() -> None:
    measured = Pairs(
        loads={"ours": replies(2), "peer": replies(4)},
        runs={"ours": replies(0.1, 0.2, 0.4), "peer": replies(0.3, 0.4, 4)},
    )
    line = Line.of("a part", "paddle", measured.runs, "all equal")
    assert str(line) == "| a part | Paddle | 0.200 | 0.400 | **3.00** | 1 | 1 | all equal |"
    page = render([*loading([("paddle", measured)]), line], command="me", about="texts")
    assert "| start: import the program | Paddle | 2.00 | 4.00 | **2.00** |" in page
    assert page.endswith(f"{line}\n")


@pytest.mark.slow
@pytest.mark.parametrize("framework", BACKENDS)
def test_both_programs_do_the_same(framework: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(material.SHAPES, "tiny", (1, 16, 2))
    material.write_weights(tmp_path, ["tiny"])
    train, dev, vocab = material.texts(None, None, (16,), tmp_path)
    described, log = tmp_path / "material.json", tmp_path / "log"
    Material(train, dev, vocab, str(tmp_path), questions=6, steps=2).write(described)
    result = measure("fine-tuning", "tiny", framework, pairs=1, apart=False, material=described, log=log)
    sentence, good = peers.agreement(result, FINE_TUNING, framework)
    assert good, sentence
    for side in pairs.SIDES:
        assert all(replies[side][0]["seconds"] > 0 for replies in (result.loads, result.runs))
        assert result.runs[side][0]["memory"] > 1e8
