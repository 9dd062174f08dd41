"""Folders of any layout are audited, and no file in them, however hostile, changes the findings about the rest."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.audit import audit
from repro.audit.reading import read_folder
from repro.audit.render import render, terminal, write
from repro.cli.main import main
from repro.dumps import write_dump
from repro.errors import EXIT_DIFFERS, EXIT_INPUT, EXIT_OK, InputError
from repro.results.audit import AuditReport
from tests.audit.planted import make_reproduction
from tests.audit.reproduction import STAMP
from tests.untrusted.bounded import run_bounded
from tests.untrusted.hostile import make_hostile, mark

MEMORY = 500 << 20
# What takes long to read, and is of a kind with others here: ``tests/untrusted`` measures it.
LONG = {"many marks", "colliding keys", "deep lists", "deep tuples", "deep tuples as a key"}
# The command, where importing a framework ends it.
COMMAND = """
import json
sys.modules.update(dict.fromkeys("torch paddle transformers scipy paddlenlp reprod_log snakemake".split()))
from repro.__main__ import main
import repro.audit.render  # and with it what only comes when there is something to show
allow(2 << 30)
count, code = calls(lambda: main(sys.argv[1:]))
print(json.dumps({"code": code, "memory": peak(), "calls": count}), file=sys.stderr)
"""


def pair(folder: Path, reference: str, port: str, key: str = "logits") -> None:
    generator = np.random.default_rng(1)
    values = generator.normal(size=(4, 16)).astype(np.float32)
    write_dump(folder / reference, {key: values})
    write_dump(folder / port, {key: np.nextafter(values, np.float32(generator.choice([-9, 9])))})


@pytest.mark.parametrize(
    ("reference", "port", "name"),
    [
        ("out_torch.pt", "out_paddle.pdparams", "out_*.*"),
        ("results/torch/step01.npy", "results/paddle/step01.npy", "results/*/step01.npy"),
        ("dumps/pytorch/step01.npy", "dumps/paddle/step01.npy", "dumps/*/step01.npy"),
        ("Forward_Reference.npy", "Forward_Ours.npy", "Forward_*.npy"),
        ("forwardTorch.npy", "forwardPaddle.npy", "forward*.npy"),
        ("1/ref-out.npy", "1/pd-out.npy", "1/*-out.npy"),
        ("a/TF/out.bin", "a/MINE/out.bin", "a/*/out.bin"),
    ],
)
def test_names_make_pairs(reference: str, port: str, name: str, tmp_path: Path) -> None:
    pair(tmp_path, reference, port)
    (check,) = audit(tmp_path).checks
    assert (check.pair, check.reference, check.port) == (name, reference, port)
    assert check.keys[0].size == 64


def test_another_layout_is_judged(tmp_path: Path) -> None:
    pair(tmp_path, "results/torch/step01.npy", "results/paddle/step01.npy")
    pair(tmp_path, "results/a.npy", "results/b.npy", "loss")
    (tmp_path / "results" / "paddle" / "step02.npy").write_bytes((tmp_path / "results" / "a.npy").read_bytes())
    (tmp_path / "logs").mkdir()
    text = f"{STAMP}logits: \n{STAMP}\tmean diff: check passed: True, value: 0.5\n{STAMP}diff check passed\n"
    (tmp_path / "logs" / "step01.log").write_text(text)
    script = (
        'import numpy as np\na = np.load("results/a.npy")\nb = np.load("results/b.npy")\nnp.allclose(a, b, atol=9)\n'
    )
    (tmp_path / "compare.py").write_text(script)
    (tmp_path / "README.md").write_text("# Port\n\n## Step 1\n\n| logits |\n|---|\n| 0.25 |\n")
    report = audit(tmp_path)
    assert [check.pair for check in report.checks] == ["results/*.npy", "results/*/step01.npy"]
    places = {(item.kind, item.where.partition(" ")[0]) for item in report.findings}
    assert {("log differs", "results/*/step01.npy"), ("document differs", "README.md:7")} <= places
    assert {("threshold passes anything", "results/*.npy"), ("unpaired", "results/paddle/step02.npy")} <= places
    assert not report.claims and "README.md" in render(report) and "log differs" in terminal(report)
    written = write(report, tmp_path / "out").with_suffix(".json").read_text()
    assert AuditReport.model_validate_json(written) == report


def test_the_rebuilt_log_judges_by_the_threshold_of_the_script(tmp_path: Path) -> None:
    pair(tmp_path, "1_a/out_torch.npy", "1_a/out_paddle.npy")
    script = tmp_path / "1_a" / "check.py"
    for threshold, last in ((1e-9, "diff check failed"), (1e-3, "diff check passed")):
        text = 'compare_info(load_info("out_torch.npy"), load_info("out_paddle.npy"))'
        script.write_text(f"{text}\nreport(diff_threshold={threshold})\n")
        (check,) = audit(tmp_path).checks
        assert check.threshold == threshold and check.reprod_log.lines[-1] == last


@pytest.mark.parametrize("name", [None, "notes.dat", ".git/x.md", "README.md", "train.py", "out_torch.npy"])
def test_nothing_can_be_checked_without_evidence(
    name: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "evidence"
    (folder / "empty" / "deeper").mkdir(parents=True)
    if name:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("nothing")
    assert main(["audit", str(folder), "--out", str(tmp_path / "out")]) == EXIT_INPUT
    assert "Nothing could be checked here" in capsys.readouterr().out
    assert not AuditReport.read(tmp_path / "out" / "audit.json").anything_checked


def test_the_exit_code_says_whether_a_documented_claim_is_contradicted(tmp_path: Path) -> None:
    pair(tmp_path, "1_a/out_torch.npy", "1_a/out_paddle.npy")
    command = ["audit", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main(command) == EXIT_OK
    (tmp_path / "README.md").write_text(
        "# Port\n\n| seed | F1 |\n|---|---|\n| 1 | 50.0 |\n| 2 | 51.0 |\n| average | 53.0 |\n"
    )
    assert main(command) == EXIT_DIFFERS


def test_named_notes_that_cannot_be_read_are_bad_input(tmp_path: Path) -> None:
    pair(tmp_path, "a_torch.npy", "a_paddle.npy")
    (tmp_path / "notes.md").write_text("| a |\n|---|\n" + "| 1 |\n" * 5001)
    assert audit(tmp_path).refused == {"notes.md": "document of more than 5000 numbers"}
    for notes, why in (("notes.md", "more than 5000 numbers"), ("none.md", "No such file")):
        with pytest.raises(InputError, match=why):
            audit(tmp_path, [tmp_path / notes])


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_reproduction(tmp_path_factory.mktemp("clean") / "published", None, 3)


def _plant_texts(folder: Path) -> dict[str, str]:
    """Hostile scripts, logs, documents and entries of the file system: path -> refusal, where it is refused."""
    compare = "h.compare_info(h.load_info('a'), h.load_info('b'))\n"  # other scripts are not parsed
    texts = {
        "broken.py": (compare + "def f(:\n", "can be parsed"),
        "deep.py": (compare + "(" * 5000 + ")" * 5000, "can be parsed"),
        "unary.py": (compare + "x = " + "-" * 100_000 + "1", "can be parsed"),
        "sum.py": (compare + "x = " + "+".join("a" * 50_000), "can be parsed"),
        "nul.py": (compare + "x = 1\0", "can be parsed"),
        "cells.ipynb": (compare, "can be parsed"),
        "big.py": ("#" * (2 << 20), "larger than"),
        "big.txt": ("x: \n\tmean diff: check passed: True, value: 1.0\n" * 120_000, "larger than"),
        "many.txt": ("x: \n\tmean diff: check passed: True, value: 1.0\n" * 6_000, "more than 5000 keys"),
        "many.md": ("| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 3_000, "more than 5000 numbers"),
        "big.md": ("| a |\n|---|\n" + "| 1 |\n" * 400_000, "larger than"),
    }
    numbers = f"## 1. {'7' * 5000} steps\n\n{'8' * 5000} steps\n\n| a |\n|---|\n| {'9' * 5000} |\n"
    read = {
        "nested.md": "> " * 3000 + "x\n\n" + "".join(f"{'  ' * n}- x\n" for n in range(400)),
        "brackets.md": "[" * 10_000 + "*" * 10_000 + "`" * 10_000,
        "columns.md": "|a" * 5000 + "|\n" + "|-" * 5000 + "|\n" + "|1" * 5000 + "|\n",
        "long.md": "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 2400,
        "long.txt": "x: \n\tmean diff: check passed: True, value: 1.0\n" * 4900,
        "digits.md": numbers,
    }
    for name, text in [*((name, text) for name, (text, _) in texts.items()), *read.items()]:
        (folder / name).write_text(text)
    (folder / "odd.txt").write_bytes(b"\xff\xfe\0: \n\tmean diff: check passed: True, value: 1e999\n" * 9)
    (folder / "run.py").write_text(f"import os\nos.mkdir({str(mark(folder))!r})\nh.compare_info(h.load_info(x), 1)\n")
    (folder / "loop").symlink_to("..")
    (folder / "link.npy").symlink_to("/etc/hostname")
    os.mkfifo(folder / "fifo.npy")
    os.mkfifo(folder / "fifo.txt")
    (folder / "/".join(["deep"] * 60)).mkdir(parents=True)
    (folder / "/".join(["deep"] * 60) / "x_torch.npy").write_bytes(b"x")
    for odd in (b"a\nb.npy", b"\x1b[2J.txt", b"\xff.md", b"\xff"):  # the last is a folder
        path = os.path.join(os.fsencode(folder), odd)
        os.mkdir(path) if odd == b"\xff" else open(path, "wb").close()
    special = {"loop": "symbolic link", "link.npy": "symbolic link", "fifo.npy": "regular", "fifo.txt": "regular"}
    special |= dict.fromkeys(("a\\nb.npy", "\\x1b[2J.txt", "\\udcff.md", "\\udcff"), "name")
    return {name: why for name, (_, why) in texts.items()} | special


@pytest.fixture(scope="module")
def outcome(clean: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Audit of a healthy reproduction with hostile files in it, and why each of them is refused."""
    folder, out = tmp_path_factory.mktemp("attacked") / "published", tmp_path_factory.mktemp("out")
    shutil.copytree(clean, folder)
    bad = folder / "bad"
    files = make_hostile(bad)
    for one in files:
        if one.name in LONG:
            one.path.unlink()
    hostile = {one.path.name: one.why for one in files if one.name not in LONG} | _plant_texts(bad)
    work, output = run_bounded(COMMAND, "audit", folder, "--out", out, cwd=out)
    assert work["code"] == 0, output
    report, text = AuditReport.read(out / "audit.json"), (out / "audit.md").read_text()
    return {**work, "report": report, "text": text, "hostile": hostile, "executed": mark(bad).exists()}


@pytest.mark.slow
def test_each_hostile_file_is_refused_with_a_clear_line(outcome: dict[str, Any]) -> None:
    refused, hostile = outcome["report"].refused, outcome["hostile"]
    wrong = [name for name, why in hostile.items() if not re.search(why, refused.get(f"bad/{name}", ""))]
    assert not wrong and len(hostile) > 100
    assert any("nested more than" in why for why in refused.values())
    for name, why in refused.items():
        assert why.isprintable() and len(why) < 400 and f"`{name}`" in outcome["text"]


def test_hostile_files_leave_the_findings_about_the_rest_as_they_are(clean: Path, outcome: dict[str, Any]) -> None:
    rest = [item for item in outcome["report"].findings if "bad/" not in item.where + item.text]
    rest = [item for item in rest if item.where not in ("nested.md", "brackets.md", "columns.md", "long.md")]
    assert rest == [item for item in audit(clean).findings if item.kind != "refused"]


def test_nothing_is_executed_and_memory_and_work_are_bounded(outcome: dict[str, Any]) -> None:
    assert not outcome["executed"]
    assert outcome["memory"] < MEMORY and outcome["calls"] < 20_000_000


def test_an_unreadable_file_is_refused(clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so the test plays the refusal of the system."""
    folder = tmp_path / "published"
    shutil.copytree(clean, folder)
    target = folder / "4_loss" / "loss_paddle.npy"
    target.chmod(0)
    opened = os.open

    def refusing(path: Any, *arguments: Any, **more: Any) -> int:
        if os.fspath(path) == str(target):
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **more)

    monkeypatch.setattr(os, "open", refusing)
    refused = read_folder(folder).inventory.refused
    assert refused == {"4_loss/loss_paddle.npy": "cannot read file: Permission denied"}


def test_the_command_needs_no_framework(clean: Path, tmp_path: Path) -> None:
    work, output = run_bounded(COMMAND, "audit", clean, "--out", tmp_path / "out", cwd=tmp_path)
    assert work["code"] == 0 and work["memory"] < MEMORY, work
    assert work["calls"] < 4_000_000, "half of them draw the losses"
    assert "7 pairs of dumps; no faults." in output
