"""What a training prints is read as series, and compared where names say that two programs printed it."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from repro.audit import audit
from repro.untrusted.training_logs import series
from tests.audit.test_foreign_forms import faults
from tests.audit.test_strangers import Files, write

RNG = np.random.default_rng(7)
EPOCHS = 12
LOSS = 2.3 * np.exp(-np.arange(EPOCHS) / 5) + 0.2 + RNG.normal(0, 0.01, EPOCHS)
ACC = 0.9 - 0.55 * np.exp(-np.arange(EPOCHS) / 4) + RNG.normal(0, 0.004, EPOCHS)
PORT_LOSS, PORT_ACC = (values * RNG.normal(1, 0.004, EPOCHS) for values in (LOSS, ACC))
LATE = np.where(np.arange(EPOCHS) < 3, PORT_ACC - 0.12, PORT_ACC)
BAR = "[==============================]"
Values = Sequence[float] | np.ndarray
Form = Callable[[Values, Values], str]


def keras(loss: Values, acc: Values) -> str:
    """Bars that are drawn again over the last one."""
    text = ""
    for n, (one, right) in enumerate(zip(loss, acc, strict=True), 1):
        text += (
            f"Epoch {n}/{len(loss)}\n 1/12 [=>....] - ETA: 9s - loss: {2 * one:.4f} - accuracy: {right / 2:.4f}"
            + "\b" * 40
        )
        text += f"\r12/12 {BAR} - 1s 9{n}ms/step - loss: {one:.4f} - accuracy: {right:.4f} - val_loss: {1.1 * one:.4f}"
        text += f" - val_accuracy: {0.97 * right:.4f}\n"
    return text


def paddle(loss: Values, acc: Values) -> str:
    """A heading says what the line below is about."""
    return "".join(
        f"Epoch {n}/{len(loss)}\nstep 12/12 {BAR} - loss: {one:.4f} - accuracy: {right:.4f} - 9ms/step\n"
        f"Eval begin...\nstep 3/3 {BAR} - loss: {1.1 * one:.4f} - accuracy: {0.97 * right:.4f} - 5ms/step\n"
        "Eval samples: 9\n"
        for n, (one, right) in enumerate(zip(loss, acc, strict=True), 1)
    )


def fairseq(loss: Values, acc: Values) -> str:
    return "".join(
        f"2021-03-01 10:00:{n:02d} | INFO | {part} | epoch {n:03d} | loss {one:.3f} | accuracy {right:.3f}"
        f" | wps {9e4 * one:.1f}\n"
        for n, (one, right) in enumerate(zip(loss, acc, strict=True), 1)
        for part in ("train", "valid")
    )


def megatron(loss: Values, acc: Values) -> str:
    return "".join(
        f" iteration {100 * n:8d}/ 5000 | elapsed time per iteration (ms): {90 + one:.1f} | learning rate: 1.5E-04 |"
        f" lm loss: {one:.6E} | accuracy: {100 * right:.2f} | loss scale: 1.0 |\n"
        for n, (one, right) in enumerate(zip(loss, acc, strict=True), 1)
    )


def hydra(loss: Values, acc: Values) -> str:
    return "".join(
        f"[2023-01-01 10:10:{n:02d},123][train][INFO] - Epoch {n}: train_loss={one:.4f},"
        f" val_acc={right:.4f}, time={one:.1f}s\n"
        for n, (one, right) in enumerate(zip(loss, acc, strict=True))
    )


def absl(loss: Values, acc: Values) -> str:
    return "".join(
        f"I0301 10:01:{n:02d}.123456 140 train.py:123] train epoch: {n}, loss: {one:.4f}\n"
        f"I0301 10:01:{n:02d}.123456 140 train.py:130] eval epoch: {n},"
        f" loss: {1.1 * one:.4f}, accuracy: {100 * right:.2f}\n"
        for n, (one, right) in enumerate(zip(loss, acc, strict=True), 1)
    )


def transformers(loss: Values, acc: Values) -> str:
    return "".join(
        f"{{'loss': {one:.4f}, 'learning_rate': 5e-05, 'epoch': {n}.0}}\n"
        f"{{'eval_loss': {1.1 * one:.4f}, 'eval_accuracy': {right:.4f},"
        f" 'eval_runtime': {3 + one:.2f}, 'epoch': {n}.0}}\n"
        for n, (one, right) in enumerate(zip(loss, acc, strict=True), 1)
    )


def classy(loss: Values, acc: Values) -> str:
    return "".join(
        f"Epoch: [{n}/12] loss: {one:.3f} F1: {100 * right:.2f}\n"
        for n, (one, right) in enumerate(zip(loss, acc, strict=True))
    )


def r_frame(loss: Values, acc: Values) -> str:
    rows = (f"{n:<3} {n:>4} {one:.4f}   {right:.4f}\n" for n, (one, right) in enumerate(zip(loss, acc, strict=True), 1))
    return "   epoch   loss accuracy\n" + "".join(rows)


FORMS: tuple[Form, ...] = (keras, paddle, fairseq, megatron, hydra, absl, transformers, classy, r_frame)


@pytest.mark.parametrize(
    ("loss", "acc", "kinds"),
    [
        (PORT_LOSS, PORT_ACC, set()),
        (PORT_LOSS, LATE, set()),  # slower in the first epochs, alike in the end
        (PORT_LOSS, ACC - 0.2, {"sides differ"}),
        (1.7 * PORT_LOSS, PORT_ACC, {"sides differ"}),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_logs_of_two_trainings(form: Form, loss: np.ndarray, acc: np.ndarray, kinds: set[str], tmp_path: Path) -> None:
    report = audit(write(tmp_path, {"logs/torch.txt": form(LOSS, ACC), "logs/paddle.txt": form(loss, acc)}))
    assert faults(report) == kinds and report.checks and not report.uncompared


def test_two_programs_print_in_their_own_forms(tmp_path: Path) -> None:
    files: Files = {"logs/keras.log": keras(LOSS, ACC), "logs/paddle.log": paddle(PORT_LOSS, ACC - 0.2)}
    (check,) = audit(write(tmp_path, files)).checks
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= {key.key for key in check.keys if key.fit == "same"}


def test_a_progress_bar_is_read_as_it_was_left() -> None:
    found = series(keras([2.0, 1.5, 1.25], [0.5, 0.6, 0.7]))
    assert {name: list(values) for name, values in found.items()} == {
        "loss": [2.0, 1.5, 1.25],
        "accuracy": [0.5, 0.6, 0.7],
        "val_loss": [2.2, 1.65, 1.375],
        "val_accuracy": [0.485, 0.582, 0.679],
    }


@pytest.mark.parametrize(
    "files",
    [
        {"before.log": keras(LOSS, ACC - 0.2), "after.log": keras(LOSS, ACC)},
        {"run_a.txt": hydra(LOSS, ACC - 0.2), "run_b.txt": hydra(LOSS, ACC)},
        {"train.log": hydra(LOSS, ACC - 0.2), "train_torch.log": hydra(LOSS, ACC)},
    ],
)
def test_trainings_that_are_not_named_for_two_programs_are_named_as_not_compared(files: Files, tmp_path: Path) -> None:
    report = audit(write(tmp_path, files))
    assert not report.findings and report.uncompared == tuple(sorted(files))


@pytest.mark.parametrize(
    "columns",
    [
        "epoch {n} d_loss: {loss:.4f}\n",  # of an adversary, which goes anywhere
        "epoch {n} loss: {small:.5f}\n",  # of a model that knows its samples by heart
        "epoch {n} acc: 1.0\n",
    ],
)
def test_losses_that_say_nothing(columns: str, tmp_path: Path) -> None:
    def log(factor: float) -> str:
        numbers = ((n, loss * factor, 2 * 0.2**n * (factor if n else 1)) for n, loss in enumerate(LOSS))
        return "".join(columns.format(n=n, loss=loss, small=small) for n, loss, small in numbers)

    assert not faults(audit(write(tmp_path, {"torch.log": log(1), "paddle.log": log(2)})))


def records(acc: Values) -> str:
    """A line of JSON for each epoch, with records in it."""
    lines = ({"step": n, "took": {"time": 3 + n}, "val": {"accuracy": round(float(x), 5)}} for n, x in enumerate(acc))
    return "".join(json.dumps(line) + "\n" for line in lines)


def tensorboard(values: Values) -> str:
    """As TensorBoard exports one series: its name is that of the file."""
    return "Wall time,Step,Value\n" + "".join(
        f"{1.6e9 + n * values[0]:.3f},{10 * n},{x:.8f}\n" for n, x in enumerate(values)
    )


def results(acc: Values) -> str:
    """YAML with settings, times and an array beside the metric."""
    settings = f"config: {{lr: {acc[0] / 100:.5f}}}\nseconds: {acc[1]:.3f}\n"
    array = f"per_class: [0.81, {acc[-1]:.4f}]\n"
    return f"{settings}results:\n  top1_accuracy: {acc[-1]:.4f}\n  loss: {1 - acc[-1]:.4f}\n  {array}"


@pytest.mark.parametrize(
    ("name", "form"),
    [("{}/metrics.jsonl", records), ("{}_val_accuracy.csv", tensorboard), ("results/{}.yaml", results)],
)
@pytest.mark.parametrize(("acc", "kinds"), [(PORT_ACC, set()), (ACC - 0.2, {"sides differ"})])
def test_tables_of_two_trainings(
    name: str, form: Callable[[Values], str], acc: np.ndarray, kinds: set[str], tmp_path: Path
) -> None:
    report = audit(write(tmp_path, {name.format("torch"): form(ACC), name.format("jax"): form(acc)}))
    assert faults(report) == kinds and report.checks


@pytest.mark.parametrize(("share", "kinds"), [(0.8126, set()), (0.8123, {"fractional count"})])
def test_a_share_that_was_rounded_as_it_was_printed(share: float, kinds: set[str], tmp_path: Path) -> None:
    files: Files = {f"{side}_eval.json": json.dumps({"accuracy": share, "total": 1777}) for side in ("torch", "jax")}
    assert faults(audit(write(tmp_path, files))) == kinds


@pytest.mark.parametrize(
    ("text", "fewer"),
    [
        ("Trained for 12 epochs.", True),
        ("Trained for 8 epochs.", False),
        ("Trained for up to 12 epochs.", False),
        ("The paper trains for 12 epochs.", False),
        ("Trained for 12 epochs, of which 4 epochs warm up.", False),
        ("Trained for 16 epochs.", False),  # in two parts
    ],
)
def test_fewer_epochs_than_the_text_says(text: str, fewer: bool, tmp_path: Path) -> None:
    logs = {f"part{n}.log": keras(LOSS[:8], ACC[:8]) for n in (1, 2)}
    report = audit(write(tmp_path, {**logs, "README.md": f"# Result\n\n{text}\n"}))
    assert faults(report) == ({"fewer samples"} if fewer else set())


def test_a_log_that_ends_early_is_no_evidence_of_fewer_epochs(tmp_path: Path) -> None:
    log = keras(LOSS, ACC).partition("Epoch 9/")[0]
    assert not faults(audit(write(tmp_path, {"train.log": log, "README.md": "# R\n\nTrained for 20 epochs.\n"})))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("| model | F1 (mean of 4 seeds) |\n|---|---|\n| ours | 80.2 |", set()),
        ("| model | F1 (mean of 4 seeds) |\n|---|---|\n| ours | 82.4 |", {"average differs"}),
        ("| model | F1 (mean of 5 seeds) |\n|---|---|\n| ours | 82.4 |", set()),  # not of these runs
        ("| model | best F1 |\n|---|---|\n| ours | 82.4 |", set()),
        ("| model | mean F1 |\n|---|---|\n| ours | 82.4 |", set()),  # perhaps over classes
        ("Averaged over 4 seeds, F1 is 82.4.", {"average differs"}),
        ("Averaged over 4 seeds, F1 is 80.2.", set()),
    ],
)
def test_the_best_seed_is_no_mean(text: str, kinds: set[str], tmp_path: Path) -> None:
    runs = {f"runs/seed{n}/r.json": json.dumps({"f1": f1, "n": n}) for n, f1 in enumerate((81.2, 77.9, 79.3, 82.4), 1)}
    assert faults(audit(write(tmp_path, {**runs, "README.md": f"# Results\n\n{text}\n"}))) == kinds


def test_a_seed_that_failed_has_no_part_in_a_mean(tmp_path: Path) -> None:
    files: Files = {f"seed_{n}.csv": f"f1\n{f1}\n" for n, f1 in enumerate(("81.5", "nan", "83.5"), 1)}
    files["README.md"] = "| model | F1 (mean of 3 seeds) |\n|---|---|\n| ours | 83.5 |"
    assert faults(audit(write(tmp_path, files))) == set()
