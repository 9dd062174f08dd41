"""Habits of repositories that are not ours: what the audit says of each, and that it says no more."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from repro.audit import audit
from repro.dumps import write_dump
from tests.audit.reproduction import STAMP

RNG = np.random.default_rng(5)
LOGITS = RNG.normal(size=(4, 10)).astype(np.float32)
PORT = (LOGITS + RNG.normal(0, 2, LOGITS.shape) * np.spacing(np.abs(LOGITS))).astype(np.float32)
GAP = float(np.abs(LOGITS - PORT).max())
LOSSES = (3 * np.exp(-np.arange(20) / 9) + RNG.normal(0, 0.1, 20)).astype(np.float32)
TURNED = f"{STAMP}logits: \n{STAMP}\tmean diff: check passed: True, value: 0.0034\n{STAMP}diff check passed\n"
HELPER = (
    "from reprod_log import ReprodDiffHelper\nhelper = ReprodDiffHelper()\n"
    'helper.compare_info(helper.load_info("t.npy"), helper.load_info("p.npy"))\n'
    'helper.report(path="forward_diff.log")\n'
)
ONE_VALUE = (
    "import numpy as np, torch\nfrom model import Net\n\ny = Net()(torch.ones(4, 10))\n"
    'np.savez("parity.npz", out_torch=y.detach().numpy(), out_jax=y.detach().numpy())\n'
)
Files = dict[str, np.ndarray | str]


def curve(losses: np.ndarray) -> str:
    """A training log as a table; the rate is constant."""
    return "step,loss,lr\n" + "".join(f"{step},{loss:.6f},0.001000\n" for step, loss in enumerate(losses))


def columns(first: str, second: str, more: float) -> str:
    """Losses of two programs in one table."""
    rows = (f"{step},{loss:.6f},{loss + more:.6f}\n" for step, loss in enumerate(LOSSES))
    return f"step,{first},{second}\n" + "".join(rows)


def history(losses: np.ndarray) -> str:
    """A training log with one JSON object a line."""
    return "".join(json.dumps({"_step": step, "train/loss": float(loss)}) + "\n" for step, loss in enumerate(losses))


def epochs(more: float) -> str:
    """Losses, accuracies and seconds of the epochs of one training."""
    rows = [(n, 2.3 * 0.9**n + more / 50, 90 - 50 * 0.8**n + more * (-1) ** n, 40 + more * n) for n in range(1, 21)]
    lines = (f"{n},{loss:.4f},{accuracy:.2f},{seconds:.1f}\n" for n, loss, accuracy, seconds in rows)
    return "epoch,loss,val_acc,time\n" + "".join(lines)


def write(root: Path, files: Files) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        else:
            np.save(path, content)
    return root


# what an author publishes -> kinds of faults
FOLDERS: dict[str, tuple[Files, set[str]]] = {
    "mixed case": ({"Torch_out/logits.npy": LOGITS, "Paddle_out/logits.npy": PORT}, set()),
    "single letters": ({"out_t.npy": LOGITS, "out_p.npy": LOGITS[::-1].copy()}, {"sides differ"}),
    "a table of a run": ({"torch_log.csv": curve(LOSSES), "ms_log.csv": curve(LOSSES * (1 + 1e-6))}, set()),
    "epochs of two trainings": ({"pytorch/log.csv": epochs(0.0), "mindspore/log.csv": epochs(0.3)}, set()),
    "tables that differ": ({"torch_log.csv": curve(LOSSES), "ms_log.csv": curve(LOSSES + 0.1)}, {"sides differ"}),
    "a copied table": ({"torch_log.csv": curve(LOSSES), "ms_log.csv": curve(LOSSES)}, {"too exact"}),
    "a copied history": (
        {"wandb/torch/history.jsonl": history(LOSSES), "wandb/paddle/history.jsonl": history(LOSSES)},
        {"too exact"},
    ),
    "dates in names": (
        {"runs/torch/20230101_log.json": history(LOSSES), "runs/paddle/20230105_log.json": history(LOSSES + 0.1)},
        {"sides differ"},
    ),
    "targets and predictions": ({"y_t.npy": LOGITS, "y_p.npy": LOGITS + 1}, set()),
    **{
        f"the last numbers of two trainings, {share} apart": (
            {
                f"wandb/run-{side}/summary.json": json.dumps({"_step": 1000, "train/loss": loss, "val/acc": 0.912})
                for side, loss in (("torch", 0.3421987), ("paddle", 0.3421987 * (1 + share)))
            },
            kinds,
        )
        for share, kinds in ((0.003, set[str]()), (0.2, {"sides differ"}))
    },
    "sides as columns": ({"losses.csv": columns("t", "p", 0.1)}, {"sides differ"}),
    "sides as columns that agree": ({"losses.csv": columns("t", "p", 1e-6)}, set()),
    "columns of a measurement": ({"weather.csv": columns("t", "p", 0.1)}, set()),
    "原始 and 复现": ({"原始_输出.npy": LOGITS, "复现_输出.npy": -LOGITS}, {"sides differ"}),
    "a log of its own that failed": (
        {
            "emb_torch.npy": LOGITS,
            "emb_jax.npy": PORT,
            "cmp.log": f"emb: max diff {GAP:.3g} OK\nenc: max diff 0.53 FAIL\n",
        },
        {"log says failed"},
    ),
    "a limit in the line": (
        {"fwd_torch.npy": LOGITS, "fwd_ms.npy": PORT, "compare.log": "fwd: max diff 0.00123 < 1e-4 PASS\n"},
        {"verdict contradicts value", "log differs"},
    ),
    **{
        f"bare arrays, and {name} says: {text}": (
            {
                "enc_torch.npy": LOGITS,
                "enc_jax.npy": PORT,
                "dec_torch.npy": 2 * LOGITS,
                "dec_jax.npy": 2 * PORT,
                name: text,
            },
            {"log differs"} if "0.0123" in text and name not in ("train.log", "diff.log") else set(),
        )
        for name, text in (
            ("compare.log", f"enc: max diff = {GAP:.6g}\ndec: max diff = {2 * GAP:.6g}\n"),
            ("compare.log", f"enc: max diff = 0.0123\ndec: max diff = {2 * GAP:.6g}\n"),
            ("log.txt", "enc_torch.npy vs enc_jax.npy: max abs diff 0.0123, mean abs diff 0.002\n"),
            ("enc.log", f"max diff: {GAP:.3e}\n"),
            ("enc.log", "max diff: 0.0123\n"),
            ("diff.log", "max diff: 0.0123\n"),
            ("train.log", "enc: error 0.0123\nenc: error 0.0119\nmax diff: 0.0123\nmax diff: 0.0119\n"),
        )
    },
    "a log without dumps": ({"forward_diff.log": TURNED, "check.py": HELPER}, {"verdict contradicts value"}),
    "a number in a sentence": (
        {
            "对齐/前向_torch.npy": LOGITS,
            "对齐/前向_paddle.npy": PORT,
            "对齐/README.md": "# 前向\n\n平均误差为 1.2e-4。\n",
        },
        {"document differs"},
    ),
    **{
        text: (
            {"a/x_torch.npy": LOGITS, "a/x_paddle.npy": PORT, "a/README.md": f"# Forward\n\n{text}\n"},
            set(),
        )
        for text in (
            "The mean difference is 1e-7.",
            "Differences up to 3.5e-5 are allowed.",
            "误差要求 1.5e-4。",
            "The F1 differs, a difference of 0.31.",
        )
    },
    "two keys of one value": (
        {"dump.py": ONE_VALUE},
        {"one program"},
    ),
}


@pytest.mark.parametrize(("files", "kinds"), FOLDERS.values(), ids=FOLDERS)
def test_what_is_said_of_a_stranger_s_folder(files: Files, kinds: set[str], tmp_path: Path) -> None:
    write(tmp_path, files)
    if "dump.py" in files:
        np.savez(tmp_path / "parity.npz", out_torch=LOGITS, out_jax=LOGITS)
    report = audit(tmp_path)
    assert {item.kind for item in report.findings if item.level == "fault"} == kinds


COMPARE = 'import numpy as np\nprint(abs(np.load("dumps/{}.npy") - np.load("dumps/{}.npy")).mean())\n'


@pytest.mark.parametrize(
    ("name", "script", "likely"),
    [
        ("logits_torch", "", True),
        ("first", COMPARE.format("first", "second"), True),
        ("expected_logits", "", False),
        ("input_torch", "", False),
        ("pytorch", "", False),
    ],
)
def test_a_side_alone_is_named_where_another_is_likely(name: str, script: str, likely: bool, tmp_path: Path) -> None:
    write(tmp_path, {f"dumps/{name}.npy": LOGITS, "compare.py": script})
    assert [item.where for item in audit(tmp_path).findings if item.kind == "unpaired"] == [
        f"dumps/{name}.npy"
    ] * likely


def test_two_dated_runs_a_side_are_paired_by_date_or_not_at_all(tmp_path: Path) -> None:
    names = {side: [f"out_{side}_2021-0{month}-01.npy" for month in (5, 6)] for side in ("torch", "paddle")}
    write(tmp_path / "same", {name: LOGITS for both in names.values() for name in both})
    assert [check.pair for check in audit(tmp_path / "same").checks] == [
        "out_*_2021-05-01.npy",
        "out_*_2021-06-01.npy",
    ]
    later = [name.replace("-01.npy", "-03.npy") for name in names["paddle"]]
    write(tmp_path / "other", dict.fromkeys([*names["torch"], *later], LOGITS))
    report = audit(tmp_path / "other")
    assert not report.checks and {item.kind for item in report.findings} == {"unpaired"}
    assert f"other dates: {', '.join(later)}. Names do not say" in report.findings[-1].text


@pytest.mark.parametrize(("port", "verdict"), [(PORT * 1000, "no more than"), (LOGITS * 1001, "more than")])
def test_a_verdict_without_a_threshold_is_judged_by_the_size_of_the_values(
    port: np.ndarray, verdict: str, tmp_path: Path
) -> None:
    gap = np.abs(LOGITS * 1000 - port).mean()
    log = TURNED.replace("0.0034", repr(float(gap)))
    write(tmp_path, {"forward_diff.log": log})
    for side, array in (("torch", LOGITS * 1000), ("paddle", port)):
        write_dump(tmp_path / f"forward_{side}.npy", {"logits": array})
    (text,) = [item.text for item in audit(tmp_path).findings if item.kind == "threshold not shown"]
    assert f"of the size of the values, {verdict} rounding may cost." in text
    write(tmp_path / "alone", {"forward_diff.log": TURNED})
    (text,) = [item.text for item in audit(tmp_path / "alone").findings if item.kind == "threshold not shown"]
    assert text.endswith("Rounding explains 0.0034 where the values are of size 56 or larger.")


@pytest.mark.parametrize("spread", [lambda key: f"{key}_again", lambda key: f"second_{key}"])
def test_a_neighbour_in_the_same_file_is_seen(spread: Callable[[str], str], tmp_path: Path) -> None:
    second = LOSSES + np.float32(1e-3)
    np.savez(tmp_path / "losses.npz", loss_torch=LOSSES, loss_jax=second, **{spread("loss_torch"): second})
    (item,) = [item for item in audit(tmp_path).findings if item.kind == "one program"]
    assert "20 numbers" in item.text and spread("loss_torch") in item.text
