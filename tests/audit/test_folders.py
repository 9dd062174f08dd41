"""Folders of any layout are audited, and nothing in them, however hostile, changes what is said about the rest."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.audit import audit
from repro.audit.evidence import read_folder
from repro.audit.render import render, terminal, to_json
from repro.dumps import write_dump
from repro.errors import InputError
from tests.audit.planted import make_reproduction
from tests.audit.reproduction import STAMP
from tests.dumps.hostile import make_hostile, mark

ROOT = Path(__file__).resolve().parents[2]
MEMORY = 500 << 20
# The command where importing a framework ends it, with little memory, and what it took.
COMMAND = """
import json, resource, sys, time
BLOCKED = {"torch", "paddle", "transformers", "scipy", "paddlenlp", "reprod_log", "snakemake"}
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(f"{name} is not to be imported")
sys.meta_path.insert(0, Blocker())
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
from repro.__main__ import main
try:
    code = main(sys.argv[2:])
except SystemExit as ended:
    code = ended.code
usage = resource.getrusage(resource.RUSAGE_SELF)
# not ru_maxrss, which a process has from the one that started it
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
took = {"code": code or 0, "rss": peak * 1024, "seconds": usage.ru_utime + usage.ru_stime}
print(json.dumps(took), file=sys.stderr)
"""


def command(*arguments: Path | str, cwd: Path) -> tuple[dict[str, Any], str]:
    """(exit code, peak memory and processor time of ``repro ...`` in a process without frameworks, its output)."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    line = [sys.executable, "-c", COMMAND, str(2 << 30), *map(str, arguments)]
    ended = subprocess.run(line, env=environment, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
    assert ended.stderr.strip(), ended
    return json.loads(ended.stderr.splitlines()[-1]), ended.stdout + ended.stderr


def lines(folder: Path) -> list[tuple[str, str, str]]:
    return [(item.kind, item.where, item.text) for item in audit(folder).findings if item.kind != "refused"]


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
def test_pairs_are_found_by_their_names(reference: str, port: str, name: str, tmp_path: Path) -> None:
    pair(tmp_path, reference, port)
    (check,) = audit(tmp_path).checks
    assert (check.name, check.pair.reference, check.pair.port) == (name, reference, port)
    assert check.facts["logits"].size == 64


def test_another_layout_is_judged(tmp_path: Path) -> None:
    pair(tmp_path, "results/torch/step01.npy", "results/paddle/step01.npy")
    pair(tmp_path, "results/a.npy", "results/b.npy", "loss")  # only the script says that these belong together
    (tmp_path / "results" / "paddle" / "step02.npy").write_bytes((tmp_path / "results" / "a.npy").read_bytes())
    (tmp_path / "logs").mkdir()
    text = f"{STAMP}logits: \n{STAMP}\tmean diff: check passed: True, value: 0.5\n{STAMP}diff check passed\n"
    (tmp_path / "logs" / "step01.log").write_text(text)
    script = (
        'import numpy as np\na = np.load("results/a.npy")\nb = np.load("results/b.npy")\nnp.allclose(a, b, atol=9)\n'
    )
    (tmp_path / "compare.py").write_text(script)
    (tmp_path / "README.md").write_text("# Port\n\n## Step 1\n\n| logits |\n|---|\n| 0.25 |\n")
    result = audit(tmp_path)
    assert [check.name for check in result.checks] == ["results/*/step01.npy", "results/a.npy ~ results/b.npy"]
    found = {(item.kind, item.where.partition(" ")[0]) for item in result.findings}
    assert {("log differs", "results/*/step01.npy"), ("document differs", "README.md:7")} <= found
    assert {("threshold passes anything", "results/a.npy"), ("unpaired", "results/paddle/step02.npy")} <= found
    assert not result.claims and "README.md" in render(to_json(result)) and "log differs" in terminal(result)


def test_the_rebuilt_log_judges_by_the_threshold_of_the_script(tmp_path: Path) -> None:
    pair(tmp_path, "1_a/out_torch.npy", "1_a/out_paddle.npy")
    script = tmp_path / "1_a" / "check.py"
    for threshold, last in ((1e-9, "diff check failed"), (1e-3, "diff check passed")):
        text = 'compare_info(load_info("out_torch.npy"), load_info("out_paddle.npy"))'
        script.write_text(f"{text}\nreport(diff_threshold={threshold})\n")
        (check,) = audit(tmp_path).checks
        assert check.threshold == threshold and check.helper.lines[-1] == last


@pytest.mark.parametrize("name", [None, "notes.dat", ".git/x.md"])
def test_a_folder_without_evidence_is_bad_input(name: str | None, tmp_path: Path) -> None:
    if name:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("nothing")
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    with pytest.raises(InputError, match="no dumps, logs or documents"):
        audit(tmp_path)


def test_a_document_alone_is_audited(tmp_path: Path) -> None:
    table = "| seed | F1 |\n|---|---|\n| 1 | 50.0 |\n| 2 | 60.0 |\n| mean | 58.0 |\n"
    (tmp_path / "README.md").write_text(f"# Results\n\n{table}")
    assert [item.kind for item in audit(tmp_path).findings] == ["no evidence", "average differs"][::-1]


def test_named_notes_that_cannot_be_read_are_bad_input(tmp_path: Path) -> None:
    pair(tmp_path, "a_torch.npy", "a_paddle.npy")
    (tmp_path / "notes.md").write_text("| a |\n|---|\n" + "| 1 |\n" * 5001)
    assert audit(tmp_path).folder.inventory.refused == {"notes.md": "document of more than 5000 numbers"}
    for notes, why in (("notes.md", "more than 5000 numbers"), ("none.md", "No such file")):
        with pytest.raises(InputError, match=why):
            audit(tmp_path, [tmp_path / notes])


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_reproduction(tmp_path_factory.mktemp("clean") / "made", None, 3)


def _plant_texts(folder: Path) -> dict[str, str]:
    """Scripts, logs, documents and entries of the file system that mean harm: path -> refusal."""
    made = {
        "broken.py": ("def f(:\n", "can be parsed"),
        "deep.py": ("(" * 5000 + ")" * 5000, "can be parsed"),
        "unary.py": ("x = " + "-" * 100_000 + "1", "can be parsed"),
        "sum.py": ("x = " + "+".join("a" * 50_000), "can be parsed"),
        "nul.py": ("x = 1\0", "can be parsed"),
        "big.py": ("#" * (2 << 20), "larger than"),
        "big.txt": ("x: \n\tmean diff: check passed: True, value: 1.0\n" * 120_000, "larger than"),
        "many.txt": ("x: \n\tmean diff: check passed: True, value: 1.0\n" * 60_000, "more than 5000 keys"),
        "many.md": ("| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 20_000, "more than 5000 numbers"),
        "big.md": ("| a |\n|---|\n" + "| 1 |\n" * 400_000, "larger than"),
    }
    for name, (text, _) in made.items():
        (folder / name).write_text(text)
    (folder / "run.py").write_text(f"import os\nos.mkdir({str(mark(folder))!r})\nh.compare_info(h.load_info(x), 1)\n")
    (folder / "loop").symlink_to("..")
    (folder / "link.npy").symlink_to("/etc/hostname")
    os.mkfifo(folder / "fifo.npy")
    os.mkfifo(folder / "fifo.txt")
    (folder / "/".join(["deep"] * 60)).mkdir(parents=True)
    (folder / "/".join(["deep"] * 60) / "x_torch.npy").write_bytes(b"x")
    for name in (b"a\nb.npy", b"\x1b[2J.txt", b"\xff.md", b"\xff"):  # the last is a folder
        path = os.path.join(os.fsencode(folder), name)
        os.mkdir(path) if name == b"\xff" else open(path, "wb").close()
    special = {"loop": "symbolic link", "link.npy": "symbolic link", "fifo.npy": "regular", "fifo.txt": "regular"}
    special |= dict.fromkeys(("a\\nb.npy", "\\x1b[2J.txt", "\\udcff.md", "\\udcff"), "name")
    return {name: why for name, (_, why) in made.items()} | special


def _plant_documents(folder: Path) -> None:
    """Markdown that is read, but must not take long: nested, a wide table, many markers."""
    (folder / "nested.md").write_text("> " * 3000 + "x\n\n" + "".join(f"{'  ' * n}- x\n" for n in range(400)))
    (folder / "brackets.md").write_text("[" * 30_000 + "*" * 30_000 + "`" * 30_000)
    (folder / "wide.md").write_text("|a" * 5000 + "|\n" + "|-" * 5000 + "|\n" + "|1" * 5000 + "|\n")
    (folder / "long.md").write_text("| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 2400)
    (folder / "long.txt").write_text("x: \n\tmean diff: check passed: True, value: 1.0\n" * 4900)
    (folder / "digits.md").write_text(
        f"## 1. {'7' * 5000} steps\n\n{'8' * 5000} steps\n\n| a |\n|---|\n| {'9' * 5000} |\n"
    )
    (folder / "odd.txt").write_bytes(b"\xff\xfe\0: \n\tmean diff: check passed: True, value: 1e999\n" * 9)


@pytest.fixture(scope="module")
def attacked(clean: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """(a healthy reproduction with hostile files in it, path -> refusal)."""
    folder = tmp_path_factory.mktemp("attacked") / "made"
    shutil.copytree(clean, folder)
    bad = folder / "bad"
    why = {f"bad/{one.path.name}": one.why for one in make_hostile(bad)}
    texts = _plant_texts(bad)
    _plant_documents(bad)
    return folder, why | {f"bad/{name}": text for name, text in texts.items()}


@pytest.fixture(scope="module")
def outcome(attacked: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("out")
    took, said = command("audit", attacked[0], "--out", out, cwd=out)
    assert took["code"] == 0, said
    return {**took, "report": json.loads((out / "audit.json").read_text()), "text": (out / "audit.md").read_text()}


def test_each_hostile_file_is_refused_with_a_clear_line(
    attacked: tuple[Path, dict[str, str]], outcome: dict[str, Any]
) -> None:
    refused = outcome["report"]["refused"]
    wrong = {name: refused.get(name) for name, why in attacked[1].items() if not re.search(why, refused.get(name, ""))}
    assert not wrong and len(attacked[1]) > 100
    assert any("nested more than" in why for why in refused.values())
    for name, why in refused.items():
        assert why.isprintable() and len(why) < 400 and f"`{name}`" in outcome["text"]


def test_the_rest_is_audited_as_if_they_were_not_there(clean: Path, outcome: dict[str, Any]) -> None:
    rest = [item for item in outcome["report"]["findings"] if "bad/" not in item["where"] + item["text"]]
    rest = [item for item in rest if item["where"] not in ("nested.md", "brackets.md", "wide.md", "long.md")]
    assert sorted((item["kind"], item["where"], item["text"]) for item in rest) == sorted(lines(clean))


def test_nothing_is_executed_and_memory_and_time_are_bounded(
    attacked: tuple[Path, dict[str, str]], outcome: dict[str, Any]
) -> None:
    assert not mark(attacked[0] / "bad").exists()
    assert outcome["rss"] < MEMORY and outcome["seconds"] < 10


def test_an_unreadable_file_is_refused(clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root may read everything, the refusal of the system is made."""
    folder = tmp_path / "made"
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


def test_without_frameworks_the_command_takes_seconds(clean: Path, tmp_path: Path) -> None:
    took, said = command("audit", clean, "--out", tmp_path / "out", cwd=tmp_path)
    assert took["code"] == 0 and took["rss"] < MEMORY and took["seconds"] < 5, took
    assert "7 pairs of dumps; 0 faults" in said
