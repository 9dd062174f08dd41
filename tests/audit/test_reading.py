"""What a folder is read as: checks of any habit of storing, their logs, what is left aside and what is missing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

from repro.audit.evidence import Folder
from repro.audit.reading import read_folder
from repro.dumps import write_dump
from repro.dumps.helper import helper_log
from tests.audit.reproduction import STAMP
from tests.untrusted.bounded import run_bounded

GENERATOR = np.random.default_rng(7)
VALUES = GENERATOR.standard_normal((4, 16)).astype(np.float32)
OTHERS = VALUES + np.float32(1e-6) * GENERATOR.standard_normal((4, 16)).astype(np.float32)
SIDES = {"torch": VALUES, "paddle": OTHERS}


def _text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _h5(path: Path, named: dict[str, np.ndarray]) -> None:
    with h5py.File(path, "w") as file:
        for name, array in named.items():
            file[name] = array


SAVE: dict[str, Callable[[Path, dict[str, np.ndarray]], Any]] = {
    "x_{}.npy": write_dump,
    "{}.npy": lambda path, named: np.save(path, named["out"]),
    "x_{}.npz": lambda path, named: np.savez(path, **named),
    "x_{}.safetensors": lambda path, named: save_file(named, path),
    "x_{}.h5": _h5,
    "x_{}.json": lambda path, named: _text(path, json.dumps({k: v.tolist() for k, v in named.items()})),
    "x_{}.csv": lambda path, named: np.savetxt(path, named["out"], delimiter=","),
    "x_{}.txt": lambda path, named: np.savetxt(path, named["out"]),
}


@pytest.mark.parametrize("name", SAVE)
def test_every_format_is_compared(name: str, tmp_path: Path) -> None:
    for side, array in SIDES.items():
        SAVE[name](tmp_path / name.replace("{}", side), {"out": array})
    (check,) = read_folder(tmp_path).checks
    (facts,) = check.facts.values()
    assert facts.size == 64 and facts.difference is not None and 0 < facts.difference.mean_abs < 1e-5
    assert check.pair.reference == name.replace("{}", "torch")


@pytest.mark.parametrize(
    ("names", "key"),
    [
        (("torch_out", "paddle_out"), "*_out"),
        (("torch/out", "paddle/out"), "*/out"),
        (("ref", "ours"), "*"),
        (("out_expected", "out_actual"), "out_*"),
    ],
)
def test_both_sides_in_one_dump(names: tuple[str, str], key: str, tmp_path: Path) -> None:
    others: dict[str, np.ndarray] = {"lr": np.ones(3), "a": VALUES, "b": OTHERS, "left": VALUES, "right": OTHERS}
    write_dump(tmp_path / "both.npy", dict(zip(names, SIDES.values(), strict=True)) | others)
    (check,) = read_folder(tmp_path).checks
    assert check.name == "both.npy" and check.pair.inside
    assert list(check.facts) == [key] and check.helper.means == helper_log({key: VALUES}, {key: OTHERS}).means


def test_both_sides_in_one_table(tmp_path: Path) -> None:
    _text(tmp_path / "losses.csv", "step,torch_loss,paddle_loss\n1,0.5,0.5\n2,0.25,0.26\n")
    _text(tmp_path / "acc.json", '{"torch": {"top1": 76.31, "n": 3}, "paddle": {"top1": 76.3, "n": 3}, "epoch": 1.5}')
    _text(tmp_path / "data.csv", "a,b,old,new\n0.5,1.5,2.5,3.5\n1,2,3,4\n")
    folder = read_folder(tmp_path)
    assert {check.name: [*check.facts] for check in folder.checks} == {
        "losses.csv": ["*_loss", "step"],
        "acc.json": ["*.n", "*.top1", "epoch"],
    }
    assert set(folder.hashes) == {"losses.csv", "acc.json"}


def test_keys_that_name_their_side_are_one_key(tmp_path: Path) -> None:
    for side, array in SIDES.items():
        write_dump(tmp_path / f"x_{side}.npy", {f"{side}_out": array, "same": array, f"only_{side}_here": array})
        np.save(tmp_path / f"y_{side}.npy", array)
    np.savez(tmp_path / "y_paddle.npz", y=OTHERS)
    checks = {check.name: check for check in read_folder(tmp_path).checks}
    assert set(checks["x_*.npy"].facts) == {"*_out", "same", "only_*_here"}
    assert checks["x_*.npy"].helper.stopped  # the helper knows nothing of sides


def test_keys_that_a_script_compares_are_one_key(tmp_path: Path) -> None:
    write_dump(tmp_path / "first.npy", {"enc": VALUES, "same": VALUES})
    write_dump(tmp_path / "second.npy", {"vec": OTHERS, "same": OTHERS})
    write_dump(tmp_path / "both.npy", {"logits": VALUES, "result": OTHERS})
    _text(
        tmp_path / "check.py",
        """import numpy as np
a, b = (np.load(f"{name}.npy", allow_pickle=True).item() for name in ("first", "second"))
np.testing.assert_allclose(a["enc"], b["vec"])
c = np.load("both.npy", allow_pickle=True).item()
np.testing.assert_allclose(c["logits"], c["result"])
""",
    )
    checks = {check.name: check for check in read_folder(tmp_path).checks}
    assert list(checks["first.npy ~ second.npy"].facts) == ["same", "enc ~ vec"]
    assert list(checks["both.npy"].facts) == ["logits ~ result"]


def test_the_reference_of_a_scripted_pair_is_the_one_that_its_names_say(tmp_path: Path) -> None:
    write_dump(tmp_path / "result_pp.npy", {"x": OTHERS})
    (tmp_path / "dump").mkdir()
    write_dump(tmp_path / "dump" / "torch_result_of_model.npy", {"x": VALUES})
    _text(tmp_path / "check.py", _compare("result_pp.npy", "dump/torch_result_of_model.npy", "a.log"))
    (check,) = read_folder(tmp_path).checks
    assert check.pair.port == "result_pp.npy"


def test_a_bare_array_beside_a_named_one(tmp_path: Path) -> None:
    np.save(tmp_path / "y_torch.npy", VALUES)
    np.savez(tmp_path / "y_paddle.npz", logits=OTHERS)
    (check,) = read_folder(tmp_path).checks
    assert list(check.facts) == ["logits"]


def test_settings_and_data_are_no_evidence(tmp_path: Path) -> None:
    for side in SIDES:
        _text(tmp_path / f"config_{side}.json", '{"dropout": 0.1}')
        _text(tmp_path / side / "package.json", '{"version": 1.5}')
        _text(tmp_path / f"counts_{side}.json", '{"rows": 3}')
        _text(tmp_path / f"names_{side}.csv", "a,b\nx,y\n")
        _text(tmp_path / side / "notes.txt", "nothing of numbers\n")
    folder = read_folder(tmp_path)
    assert not folder.checks and not folder.has_evidence and not folder.unpaired
    assert not folder.inventory.refused


def test_other_peoples_code_is_left_aside_and_named(tmp_path: Path) -> None:
    for place in ("third_party/x", ".git", "env/lib", "src/node_modules", "__pycache__", "kept"):
        for side, array in SIDES.items():
            (tmp_path / place).mkdir(parents=True, exist_ok=True)
            write_dump(tmp_path / place / f"a_{side}.npy", {"x": array})
    (tmp_path / "env" / "pyvenv.cfg").touch()
    folder = read_folder(tmp_path)
    assert [check.name for check in folder.checks] == ["kept/a_*.npy"]
    assert folder.inventory.left_aside == ["env", "src/node_modules", "third_party"]


def test_a_counterpart_is_missing_only_where_one_is_likely(tmp_path: Path) -> None:
    write_dump(tmp_path / "weights_torch.npy", {"x": VALUES})
    assert not read_folder(tmp_path).unpaired
    for side, array in SIDES.items():
        (tmp_path / "step2").mkdir(exist_ok=True)
        write_dump(tmp_path / "step2" / f"out_{side}.npy", {"x": array})
    (tmp_path / "step1").mkdir()
    write_dump(tmp_path / "step1" / "out_torch.npy", {"x": VALUES})
    write_dump(tmp_path / "step1" / "inputs.npy", {"x": VALUES})
    assert read_folder(tmp_path).unpaired == ["step1/out_torch.npy"]


def test_one_unreadable_file_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    for name in ("x", "y"):
        for side, array in SIDES.items():
            write_dump(tmp_path / f"{name}_{side}.npy", {"out": array})
    (tmp_path / "x_paddle.npy").write_bytes(b"\x80\x04")
    (tmp_path / "data.docx").write_bytes(b"PK\x03\x04")
    folder = read_folder(tmp_path)
    assert [check.name for check in folder.checks] == ["y_*.npy"] and list(folder.inventory.refused) == ["x_paddle.npy"]


MEMORY = """
import json
from pathlib import Path
from repro.audit.reading import read_folder
peaks = []
for folder in sys.argv[1:]:
    (check,) = read_folder(Path(folder)).checks
    peaks.append(peak())
print(json.dumps({"grown": peaks[1] - peaks[0], "size": check.facts["x"].size}), file=sys.stderr)
"""


@pytest.mark.parametrize("name", ["x_{}.npy", "x_{}.npz"])
def test_a_large_pair_is_read_block_by_block(name: str, tmp_path: Path) -> None:
    """24 MiB on each side: less than one side is in memory at a time."""
    size = 6 << 20
    for folder, count in (("small", 100), ("large", size)):
        (tmp_path / folder).mkdir()
        for side, step in (("torch", 1.0), ("paddle", 1.0 + 2**-20)):
            array = np.arange(1, count + 1, dtype=np.float32) * np.float32(step)
            SAVE[name](tmp_path / folder / name.replace("{}", side), {"x": array})
    work, _ = run_bounded(MEMORY, tmp_path / "small", tmp_path / "large")
    assert work["size"] == size and work["grown"] < 16 << 20


# Logs


def _pair(folder: Path, name: str, key: str, reference: Any = VALUES, port: Any = OTHERS) -> list[str]:
    """Two dumps of one key, and the lines that the helper prints of them."""
    for side, value in (("torch", reference), ("paddle", port)):
        path = folder / name.replace("{}", side)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.array({key: value}, dtype=object))
    return [STAMP + line for line in helper_log({key: reference}, {key: port}).lines]


def _logs(folder: Path) -> dict[str, str | None]:
    return {check.name: check.log for check in read_folder(folder).checks}


def _compare(first: str, second: str, report: str) -> str:
    return f'h.compare_info(h.load_info("{first}"), h.load_info("{second}"))\nh.report(path="{report}")\n'


def test_a_log_that_only_the_script_ties_to_its_dumps(tmp_path: Path) -> None:
    zeros = np.zeros((2, 2), np.float32)
    for name in ("first", "second"):  # the same numbers, keys and folder, in names that nothing else connects
        lines = _pair(tmp_path, f"dumps/{{}}/{name}.npy", "out", zeros, zeros)
        (tmp_path / "logs").mkdir(exist_ok=True)
        _text(tmp_path / "logs" / f"{len(name)}.log", "\n".join(lines))
        script = _compare(f"dumps/torch/{name}.npy", f"dumps/paddle/{name}.npy", f"logs/{len(name)}.log")
        _text(tmp_path / f"{name}.py", script)
    assert _logs(tmp_path) == {"dumps/*/first.npy": "logs/5.log", "dumps/*/second.npy": "logs/6.log"}


def test_a_log_elsewhere_that_prints_the_numbers_of_its_dumps(tmp_path: Path) -> None:
    for number, port in enumerate((OTHERS, VALUES + 1, VALUES - 2)):
        lines = _pair(tmp_path, f"{number}x/{{}}.npy", "out", VALUES, port)
        _text(tmp_path / "results" / f"{'cab'[number]}.log", "\n".join(lines))
    assert _logs(tmp_path) == {f"{n}x/*.npy": f"results/{'cab'[n]}.log" for n in range(3)}


@pytest.mark.parametrize("method", ["max", "min", "all"])
def test_logs_of_other_measures(method: str, tmp_path: Path) -> None:
    _pair(tmp_path, "x_{}.npy", "out")
    methods = ("min", "max", "mean") if method == "all" else (method,)
    log = helper_log({"out": VALUES}, {"out": OTHERS}, methods=methods)
    _text(tmp_path / "diff.log", "\n".join(STAMP + line for line in log.lines))
    (check,) = read_folder(tmp_path).checks
    (line,) = check.lines
    assert check.log == "diff.log" and line.measure == ("mean" if method == "all" else method)
    assert check.gives("out", line.value, line.measure) and not check.gives("out", "0.75", line.measure)


def test_logs_of_nested_dicts(tmp_path: Path) -> None:
    lines = _pair(tmp_path, "x_{}.npy", "model", {"enc": {"w": VALUES}}, {"enc": {"w": OTHERS}})
    _text(tmp_path / "x_diff.txt", "\n".join(lines))
    (check,) = read_folder(tmp_path).checks
    assert check.log == "x_diff.txt" and [line.name for line in check.lines] == ["model.enc.w"]
    assert check.gives("model.enc.w", check.lines[0].value)


def test_a_log_in_a_form_of_its_own(tmp_path: Path) -> None:
    _pair(tmp_path, "x_{}.npy", "out")
    gap = np.abs(VALUES - OTHERS)
    _text(tmp_path / "compare.log", f"comparing ...\nout: max diff {gap.max()}, mean diff {gap.mean()} passed\n")
    _text(tmp_path / "train.log", "epoch 1 error: 0.25\n" * 20)
    folder = read_folder(tmp_path)
    (check,) = folder.checks
    assert check.log == "compare.log" and not check.logged_by_helper and list(folder.logs) == ["compare.log"]
    assert all(check.gives("out", line.value, line.measure) for line in check.lines)


def test_a_log_of_several_reports_belongs_to_several_checks(tmp_path: Path) -> None:
    first, second = _pair(tmp_path, "acc_{}.npy", "acc"), _pair(tmp_path, "f1_{}.npy", "f1")
    _text(tmp_path / "acc_diff.log", "\n".join(first + second))
    folder: Folder = read_folder(tmp_path)
    assert {check.name: (check.log, [line.name for line in check.lines]) for check in folder.checks} == {
        "acc_*.npy": ("acc_diff.log", ["acc"]),
        "f1_*.npy": ("acc_diff.log", ["f1"]),
    }
    assert not folder.unpaired


def test_a_log_of_another_project_is_not_tied(tmp_path: Path) -> None:
    _pair(tmp_path, "one/x_{}.npy", "logits")
    lines = _pair(tmp_path, "two/x_{}.npy", "logits", VALUES, VALUES + 1)
    for side in SIDES:
        (tmp_path / "two" / f"x_{side}.npy").unlink()
    _text(tmp_path / "two" / "result.log", "\n".join(lines))
    folder = read_folder(tmp_path)
    assert folder.checks[0].log is None and folder.unpaired == ["two/result.log"]


def test_one_log_of_its_own_form_tells_of_several_checks(tmp_path: Path) -> None:
    for key in ("out", "loss"):
        _pair(tmp_path, f"{key}_{{}}.npy", key)
    _text(tmp_path / "compare.log", "out: max diff 0.5\nloss: max diff 0.25\n")
    lines = {check.name: [(line.name, line.value) for line in check.lines] for check in read_folder(tmp_path).checks}
    assert lines == {"out_*.npy": [("out", "0.5")], "loss_*.npy": [("loss", "0.25")]}
