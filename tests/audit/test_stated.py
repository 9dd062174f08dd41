"""Which evidence a document's number is compared with, and which numbers claim nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.audit import audit
from repro.audit.quantities import quantity
from repro.dumps import write_dump
from tests.audit.reproduction import STAMP, table

LOGITS = np.random.default_rng(0).normal(size=(4, 10)).astype(np.float32)
PORT = np.nextafter(LOGITS, np.float32(9))
MEAN = str(np.abs(LOGITS - PORT).mean())
LOG = "```\n" + STAMP + "logits: \n" + STAMP + "\tmean diff: check passed: True, value: {}\n```\n"
DIFFERS, LOST = "document differs", "no evidence"


def pair(root: Path, name: str, **sides: tuple[Any, Any]) -> None:
    """Write ``name`` with ``*`` for the side; key -> reference, port."""
    for place, side in enumerate(("torch", "paddle")):
        path = root / name.replace("*", side)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_dump(path, {key: np.asarray(values[place]) for key, values in sides.items()})


def kinds(root: Path, document: str, text: str) -> list[str]:
    """Kinds of findings on what a document states."""
    (root / document).parent.mkdir(parents=True, exist_ok=True)
    (root / document).write_text(text, encoding="utf-8")
    return [item.kind for item in audit(root).findings if item.kind in (DIFFERS, LOST)]


@pytest.mark.parametrize(
    ("dumps", "document", "heading"),
    [
        ("pipeline/Step1/out_*.npy", "pipeline/Step1/README.md", "# 对齐"),
        ("pipeline/Step1/log/out_*.npy", "pipeline/Step1/README.md", "## 2. Results"),  # not of step 2
        ("forward/out_*.npy", "forward/README.md", "# Forward"),
        ("out_*.npy", "README.md", "# Forward"),
        ("out_*.npy", "README.md", "## 3. Forward"),
        ("Step1/out_*.npy", "docs/notes.md", "## 1. Forward"),
        ("a/Step1/out_*.npy", "a/README.md", "## 1. Forward"),
    ],
)
@pytest.mark.parametrize(("value", "findings"), [(MEAN, []), ("1.2e-09", [DIFFERS])])
def test_a_document_speaks_of_the_evidence_around_it(
    dumps: str, document: str, heading: str, value: str, findings: list[str], tmp_path: Path
) -> None:
    pair(tmp_path, dumps, logits=(LOGITS, PORT))
    pair(tmp_path, "b/Step1/out_*.npy", logits=(LOGITS, LOGITS + 1))  # another project
    if not document.startswith("a/") and "/" in dumps:
        (tmp_path / "b").rename(tmp_path / "Step7")
    assert kinds(tmp_path, document, f"{heading}\n\n{LOG.format(value)}") == findings


ROWS = [["model", "Top-1 Acc"], ["torch", "76.3%"]]


@pytest.mark.parametrize(
    ("accuracies", "document", "rows", "findings"),
    [
        ((0.763, 0.761), "README.md", [*ROWS, ["paddle", "76.1"]], []),
        ((76.3, 76.1), "README.md", [["", "精度"], ["torch", "0.763"], ["paddle", "0.761"]], []),
        ((0.763, 0.761), "Step2/README.md", [*ROWS, ["paddle", "77.9"]], [DIFFERS]),
        ((0.763, 0.761), "README.md", [*ROWS, ["paddle", "77.9"]], [DIFFERS]),  # the other side is this evaluation
        ((0.763, 0.761), "README.md", [*ROWS, ["paddle", "76.1"], ["paddle, seed 2", "77.9"]], [LOST]),
        ((0.5, 0.5), "README.md", [["model", "acc"], ["ResNet50", "76.3"]], [LOST]),  # of a few samples
    ],
)
def test_metrics_are_compared_as_shares_and_by_side(
    accuracies: tuple[float, float], document: str, rows: list[list[str]], findings: list[str], tmp_path: Path
) -> None:
    pair(tmp_path, "Step2/metric_*.npy", acc=accuracies)
    assert kinds(tmp_path, document, f"## 5. Results\n\n{table(rows)}") == findings


def test_an_accuracy_under_the_heading_of_another_step_is_no_fault(tmp_path: Path) -> None:
    pair(tmp_path, "Step3/loss_*.npy", loss=(np.float32(2.5), np.float32(2.5000002)))
    text = "## 3. 复现精度\n\n" + table([["模型", "Top-1 精度"], ["ResNet50", "76.3"]])
    assert kinds(tmp_path, "README.md", text) == [LOST]


@pytest.mark.parametrize("printed", ["acc1: 76.31", "top1=0.7631,", "Acc 76.3100"])
def test_a_training_log_is_evidence_of_a_metric(printed: str, tmp_path: Path) -> None:
    pair(tmp_path, "Step1/out_*.npy", logits=(LOGITS, PORT))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "train.log").write_text(f"epoch 120 {printed} loss 1.02\n")
    text = "## 精度\n\n" + table([["模型", "Top-1"], ["ResNet50", "76.31"]])
    assert kinds(tmp_path, "README.md", text) == []
    assert kinds(tmp_path, "README.md", text.replace("76.31", "77.31")) == [LOST]


def test_a_metric_dump_without_counterpart_is_evidence(tmp_path: Path) -> None:
    write_dump(tmp_path / "metric_paddle.npy", {"acc": np.array(0.7612)})
    assert kinds(tmp_path, "README.md", "## Result\n\n" + table([["", "Acc"], ["ours", "76.12"]])) == []


@pytest.mark.parametrize(
    "text",
    [
        table([["batch size", "lr", "epochs", "weight decay", "显存"], ["256", "0.1", "120", "1e-4", "11.5"]]),
        table([["参数", "值"], ["学习率", "0.001"], ["batch_size", "64"], ["dropout", "0.1"]]),
        table([["name", "value"], ["cuda", "10.2"], ["Python", "3.7"]]),
        table([["库", "版本"], ["paddle", "2.2"]]),
        table([["日期", "事项"], ["2021", "release"]]) + "\n" + table([["Table", "Figure"], ["3", "4"]]),
        table([["model", "Params(M)", "FLOPs(G)", "time(ms)"], ["r50", "25.6", "4.1", "3.2"]]),
        table([["key", "max diff"], ["logits", "3e-3"]]),
        "```\npython train.py --lr 0.1  # epochs: 90\nx = 3  # 2\n```\n",
        "We train with lr 0.1 and reach 76.3 Top-1; the loss starts at 6.9, version 2.2.\n",
        "The difference of logits is less than 1e-6。logits 误差小于1e-5。\n",
        f"The mean difference of logits is {float(MEAN):.2e}.\n",
    ],
)
def test_settings_counts_and_bounds_are_no_claims(text: str, tmp_path: Path) -> None:
    pair(tmp_path, "Step1/out_*.npy", logits=(LOGITS, PORT))
    assert kinds(tmp_path, "README.md", f"## 1. 说明\n\n{text}") == []


@pytest.mark.parametrize("text", ["The mean diff of logits is 5.5e-11.", "- logits 的平均误差为 5.5e-11"])
def test_a_sentence_about_a_key_is_a_claim(text: str, tmp_path: Path) -> None:
    pair(tmp_path, "Step1/out_*.npy", logits=(LOGITS, PORT))
    assert kinds(tmp_path, "Step1/README.md", f"# Step 1\n\n{text}\n") == [DIFFERS]


@pytest.mark.parametrize(
    ("heading", "value", "kind"),
    [
        ("反向对齐精度（20轮loss）", 2e-3, "difference"),
        ("Top-1 精度", 76.3, "metric"),
        ("学习率对齐精度", 0.0, "difference"),
        ("learning rate diff", 1e-9, "difference"),
        ("max diff", 1.0, "other measure"),
        ("Learning-Rate", 0.1, "setting"),
        ("max_seq_length", 384, "setting"),
        ("mAP@0.5", 55.1, "metric"),
        ("损失值", 2.3, "loss"),
        ("system", 1.5, None),
        ("Fake_data", 4.7e-7, None),
    ],
)
def test_a_heading_says_what_its_numbers_are(heading: str, value: float, kind: str | None) -> None:
    assert quantity(heading, value) == kind
