"""Forms that other people's programs give to numbers: what is read of them, and that it raises no false alarm."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from repro.audit import audit
from repro.audit.documents import read_sections
from repro.audit.overview import overview
from repro.errors import InputError
from repro.pages import Plain
from repro.results.audit import AuditReport
from tests.audit.test_strangers import LOGITS, LOSSES, PORT, Files, write

SAMPLES = 10_570
WEIGHTS = {f"layer.{n}.weight": np.ascontiguousarray(LOGITS[:, n : n + 4] / 7) for n in range(4)}


def faults(report: AuditReport) -> set[str]:
    return {item.kind for item in report.findings if item.level == "fault"}


def results(right: int, scale: float) -> str:
    """Results of an evaluation as Windows writes them."""
    content = {"exact_match": scale * right / SAMPLES, "f1": scale * 0.884, "total": SAMPLES}
    return "\ufeff" + json.dumps(content, indent=1).replace("\n", "\r\n")


def lightning(losses: np.ndarray) -> str:
    """A table with rows of steps and, every ten steps, one of an evaluation."""
    rows = []
    for step, loss in enumerate(losses):
        rows.append(f"{step // 10},{step},{loss:.7f},\n")
        if step % 10 == 9:
            rows.append(f"{step // 10},{step},,{0.5 + step / 100}\n")
    return "epoch,step,train_loss,val_acc\n" + "".join(rows)


def trainer_state(losses: np.ndarray, seconds: float) -> str:
    """Steps, then an evaluation after the last one."""
    history: list[dict[str, float]] = [{"loss": round(float(loss), 4), "step": n + 1} for n, loss in enumerate(losses)]
    history.append({"eval_acc": 0.85, "eval_samples_per_second": 900 / seconds, "eval_runtime": seconds, "step": 20})
    return json.dumps({"global_step": 20, "log_history": history})


def european(losses: np.ndarray) -> str:
    rows = (f"{step};{loss:.6f}\r\n".replace(".", ",") for step, loss in enumerate(losses))
    return "step;loss\r\n" + "".join(rows)


def assertion(largest: float) -> str:
    mean = np.abs(LOGITS - PORT).mean()
    return f"logits: max abs diff {largest:.3e}, mean abs diff {mean:.3e}\r\n"


def few_shot(worse: float, runs: Sequence[int]) -> dict[str, list[tuple[float, list[float]]]]:
    """F1 and losses of four seeds on two sides; of the port, those of ``runs``."""
    scores = [[81.2, 77.9, 79.3, 82.4], [79.6, 81.1, 80.9, 78.2]]
    series = [[[round(x, 3) for x in np.random.default_rng([side, n]).random(9)] for n in range(4)] for side in (0, 1)]
    reference = list(zip(scores[0], series[0], strict=True))
    return {"torch": reference, "paddle": [(scores[1][n] - worse, series[1][n]) for n in runs]}


def _two(name: str, first: str, second: str, sides: Sequence[str] = ("torch", "paddle")) -> Files:
    return {name.format(side): text for side, text in zip(sides, (first, second), strict=True)}


# what an author publishes -> kinds of faults
FOLDERS: dict[str, tuple[Files, set[str]]] = {
    "percent beside fractions": (_two("{}/eval.json", results(8612, 100), results(8600, 1)), set()),
    "percent beside other fractions": (
        _two("{}/eval.json", results(8612, 100), results(7900, 1)),
        {"sides differ"},
    ),
    "empty cells": (_two("{}/metrics.csv", lightning(LOSSES), lightning(LOSSES * (1 + 1e-6))), set()),
    "empty cells, and another start": (
        _two("{}/metrics.csv", lightning(LOSSES), lightning(LOSSES * 1.03)),
        {"sides differ"},
    ),
    "records of two kinds": (
        _two("{}/trainer_state.json", trainer_state(LOSSES, 3.1), trainer_state(LOSSES + 2e-5, 4.7)),
        set(),
    ),
    "records of two kinds, and another start": (
        _two("{}/trainer_state.json", trainer_state(LOSSES, 3.1), trainer_state(LOSSES * 1.02, 4.7)),
        {"sides differ"},
    ),
    "folders of Lightning": (
        {"torch/version_0/m.csv": lightning(LOSSES), "paddle/version_1/m.csv": lightning(LOSSES + 1e-6)},
        set(),
    ),
    "folders of W&B": (
        {
            "torch/wandb/run-20230101_101010-x7f3k2ab/files/m.csv": lightning(LOSSES),
            "paddle/wandb/run-20230103_111213-q9z81kfe/files/m.csv": lightning(LOSSES * 1.03),
        },
        {"sides differ"},
    ),
    **{
        f"few examples, {what}": (
            {
                f"results/{side}-128-seed{seed}.json": json.dumps({"seed": seed, "f1": f1, "loss": losses})
                for side, runs in sides.items()
                for seed, (f1, losses) in enumerate(runs, 1)
            },
            kinds,
        )
        for what, sides, kinds in (
            ("of two programs", few_shot(0, (0, 1, 2, 3)), set[str]()),
            ("of a worse program", few_shot(9, (0, 1, 2, 3)), {"sides differ"}),
            ("one twice", few_shot(0, (0, 1, 1, 3)), {"bytes of another experiment"}),
        )
    },
    "decimal commas": (_two("{}_log.csv", european(LOSSES), european(LOSSES + 1e-6)), set()),
    "decimal commas that differ": (_two("{}_log.csv", european(LOSSES), european(LOSSES + 0.1)), {"sides differ"}),
    "a largest difference beside a mean": (
        {
            "logits_torch.npy": LOGITS,
            "logits_jax.npy": PORT,
            "check.log": assertion(float(np.abs(LOGITS - PORT).max())),
        },
        set(),
    ),
    "another largest difference beside the mean": (
        {"logits_torch.npy": LOGITS, "logits_jax.npy": PORT, "check.log": assertion(0.0123)},
        {"log differs"},
    ),
}


@pytest.mark.parametrize(("files", "kinds"), FOLDERS.values(), ids=FOLDERS)
def test_what_is_said_of_other_forms(files: Files, kinds: set[str], tmp_path: Path) -> None:
    report = audit(write(tmp_path, files))
    assert faults(report) == kinds and report.checks


@pytest.mark.parametrize("planted", [False, True])
def test_one_weight_among_halves_that_is_another(planted: bool, tmp_path: Path) -> None:
    halves = {key: value.astype(np.float16) for key, value in WEIGHTS.items()}
    if planted:
        halves["layer.2.weight"] = halves["layer.2.weight"][::-1].copy()
    save_file(
        {key: np.ascontiguousarray(value) for key, value in WEIGHTS.items()}, tmp_path / "torch_model.safetensors"
    )
    np.savez(tmp_path / "mindspore_model.npz", **halves)
    found = [item for item in audit(tmp_path).findings if item.level == "fault"]
    assert [item.where for item in found] == ["*_model.* [layer.2.weight]"] * planted


@pytest.mark.parametrize(
    ("printed", "number"),
    [
        ("81.2 ± 0.4", "81.2"),
        ("**81.2**±0.4", "81.2"),
        ("81.2 (0.4)", "81.2"),
        (r"$81.2 \pm 0.4$", "81.2"),
        ("81.2% [80.1, 82.0]", "81.2"),
        ("1,234.5", "1234.5"),
        ("10,570", "10570"),
        ("78,91 %", "78.91"),
        ("1.234,5", "1234.5"),
        ("0,123", "0.123"),
    ],
)
def test_numbers_as_people_write_them(printed: str, number: str) -> None:
    (_, section) = read_sections(f"# 1\n\n| model | acc |\n|---|---|\n| torch | {printed} |\n")
    assert [cell.text for cell in section.cells] == [number]


@pytest.mark.parametrize("printed", ["ResNet (50)", "1,2,3", "0.5 (ours)", "2021-05-01", "3-4", "± 0.4", "12,34,567"])
def test_what_only_looks_like_a_number(printed: str) -> None:
    (_, section) = read_sections(f"# 1\n\n| model | acc |\n|---|---|\n| torch | {printed} |\n")
    assert not section.cells


@pytest.mark.parametrize(("mean", "kinds"), [("81.0 ± 0.3", set()), ("81.7 ± 0.3", {"average differs"})])
def test_a_mean_with_its_deviation(mean: str, kinds: set[str], tmp_path: Path) -> None:
    row = f"| ours | 80.8 | 81.3 | 80.9 | {mean} |"
    text = f"# Results\n\n| model | s1 | s2 | s3 | mean ± std |\n|---|---|---|---|---|\n{row}\n"
    assert faults(audit(write(tmp_path, {"results.md": text}))) == kinds


@pytest.mark.parametrize(("right", "kinds"), [("81.2772", set()), ("81.2810", {"fractional count"})])
def test_a_count_of_samples_before_a_sentence_about_training(right: str, kinds: set[str], tmp_path: Path) -> None:
    text = (
        "# Evaluation\n\nWe evaluate on the 10,570 dev examples. Training saw 87,599 training examples.\n\n"
        f"| model | accuracy |\n|---|---|\n| paddle | {right} |\n"
    )
    assert faults(audit(write(tmp_path, {"README.md": text}))) == kinds


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_text_as_windows_writes_it(encoding: str, tmp_path: Path) -> None:
    write(tmp_path, {"a/x_torch.npy": LOGITS, "a/x_paddle.npy": PORT})
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    text = f"{mark}# Forward\r\n\r\nThe mean difference is 1.2e-4.\r\n"
    (tmp_path / "a" / "README.md").write_bytes(text.encode(encoding))
    assert faults(audit(tmp_path)) == {"document differs"}


def test_notes_in_a_format_of_their_own_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.docx").write_bytes(b"PK\x03\x04\x00\x00word/document.xml 81.2")
    with pytest.raises(InputError, match="no text but a file in a format of its own") as caught:
        audit(tmp_path, [tmp_path / "notes.docx"])
    assert caught.value.next_step == "save it as Markdown or plain text"


def test_what_was_not_compared_is_named(tmp_path: Path) -> None:
    texts = {"train.log": "step 1 loss 2.31\n", "eval.csv": "model,acc\na,0.81\n", "notes.pdf": "x", "LICENSE.txt": "2"}
    report = audit(write(tmp_path, {**texts, "logits.npy": LOGITS, "requirements.txt": "torch==2.1\n"}))
    assert report.uncompared == ("eval.csv", "logits.npy", "train.log") and report.unread == ("notes.pdf",)
    lines = {line.label.text: " ".join(map(Plain().text, line.texts)) for line in overview(report)}
    assert "3 files of numbers that nothing compares (eval.csv, logits.npy, train.log)" in lines["Not checked"]
    assert "1 file in a format that is not read (notes.pdf)" in lines["Not checked"]
    assert "Names tell two sides" in lines["Result"]


def test_logs_of_other_lengths_are_a_note(tmp_path: Path) -> None:
    tables = _two("{}/metrics.csv", lightning(LOSSES), lightning(np.append(LOSSES, LOSSES[:10] / 3)))
    report = audit(write(tmp_path, {**tables, "torch_x.npy": LOGITS, "paddle_x.npy": LOGITS[:3]}))
    by_kind = {item.kind: item for item in report.findings}
    assert by_kind.keys() == {"lengths differ", "shapes differ"} and by_kind["shapes differ"].where == "*_x.npy"
    assert "rows against" in by_kind["lengths differ"].text


@pytest.mark.parametrize(("printed", "known"), [("88,91", True), ("91,01", False)])
def test_an_accuracy_in_german_is_looked_up_in_a_log(printed: str, known: bool, tmp_path: Path) -> None:
    text = f"# Ergebnis\n\n| Modell | Testgenauigkeit (%) |\n|---|---|\n| Keras | {printed} |\n"
    report = audit(write(tmp_path, {"LIESMICH.md": text, "keras.log": "Epoch 8/8\nloss: 0.4 - val_accuracy: 0.8891\n"}))
    assert [item.kind for item in report.findings] == ["no evidence"] * (not known)
