"""Faults that come together in one step, as they do where one cause has many signs."""

from __future__ import annotations

import numpy as np

from tests.audit.faults import SAME_FILE, changed, fault
from tests.audit.reproduction import Reproduction, rounding

LABELS = ("shapes differ", "[labels]")


@fault(
    "log of other files",
    "what a dump compared with itself gives",
    LABELS,
    ("no information", "[labels]"),
    ("dtypes differ", "[input_ids]"),
)
def data_check_of_one_dump(made: Reproduction, rng: np.random.Generator) -> None:
    """No script; a log of zeros that these two dumps cannot give; labels that are row numbers, with an axis more."""
    step = made.steps["batch"]
    step.script, step.log = None, step.printed_log()
    step.torch["labels"] = np.arange(32).reshape(4, 8)
    step.paddle = {**step.torch, "labels": step.torch["labels"][..., None]}
    step.paddle["input_ids"] = step.torch["input_ids"].astype(np.int32)


@fault(
    "document differs",
    "notes.md",
    ("fewer samples", "5_backward"),
    ("growing difference", "[loss]"),
    ("log differs", "train_diff.txt"),
)
def backward_pass_that_parts(made: Reproduction, rng: np.random.Generator) -> None:
    """Five losses that part, a log of another run, and a number in the notes that is in neither."""
    step = made.steps["train"]
    step.torch["loss"] = step.torch["loss"][:5]
    step.paddle["loss"] = step.torch["loss"] + 4e-5 * 4.0 ** np.arange(5)
    mean = float(step.printed_log().means["loss"])
    step.log = changed(step.printed_log(), "loss", 1.5)
    step.documented["loss"] = f"{0.65 * mean}"


@fault(
    "threshold of another scale",
    "[logits]",
    ("no information", "[logits]"),
    ("shift cancels", "[logits]"),
    ("document differs", "notes.md"),
    ("cause", "paddle.matmul"),
)
def large_masked_logits(made: Reproduction, rng: np.random.Generator) -> None:
    """Logits near 800, half of them masked, most of the difference a shift, an operation to blame."""
    step = made.steps["forward"]
    step.torch["logits"] = (800 + 100 * rng.normal(size=(2, 8, 64))).astype(np.float32)
    shifted = step.torch["logits"] + rng.normal(0, 2e-3, (2, 8, 1)).astype(np.float32)
    hidden = rng.random((2, 8, 64)) < 0.4
    step.paddle["logits"] = np.where(hidden, np.float32(-9200), rounding(rng, shifted, 1))
    step.torch["logits"] = np.where(hidden, np.float32(-9200), step.torch["logits"])
    step.documented["logits"] = f"{1.07 * float(step.printed_log().means['logits'])}"
    step.text = "The precision drops because of paddle.matmul() alone."


@fault("same file", "check_train.py", ("too exact", "[loss]"), ("same bytes", "5_backward"))
def losses_of_one_program(made: Reproduction, rng: np.random.Generator) -> None:
    step = made.steps["train"]
    step.paddle, step.script = step.torch, SAME_FILE["one path"]


@fault("document differs", "stands in 4_loss/loss_diff.txt")
def number_of_another_step(made: Reproduction, rng: np.random.Generator) -> None:
    made.steps["forward"].documented["logits"] = made.steps["loss"].printed_log().means["loss"]


@fault("not finite", "[logits]", ("shapes differ", "[pooled]"))
def what_reprod_log_lets_pass(made: Reproduction, rng: np.random.Generator) -> None:
    """NaN in one array and a transposed other: the committed log says passed."""
    step = made.steps["forward"]
    step.paddle["logits"].flat[3] = np.nan
    step.paddle["pooled"] = np.ascontiguousarray(step.paddle["pooled"].T)
    assert step.printed_log().passed
