"""Faults to plant into healthy evidence, each with the findings that the audit must report."""

import pickle

import numpy as np

from repro.dumps.helper import HelperLog
from tests.audit.fault_registry import FAULTS, Rng, fault
from tests.audit.reproduction import Reproduction, Step, rounding
from tests.audit.step_changes import SAME_FILE
from tests.untrusted.hostile import Payload

__all__ = ["FAULTS"]


@fault("document differs: is in 4_loss/loss_diff.txt")
def number_of_another_step(reproduction: Reproduction, rng: Rng) -> None:
    reproduction.steps["forward"].documented["logits"] = reproduction.steps["loss"].printed_log().means["loss"]


@fault("log differs: train_diff.txt")
def log_of_an_older_run(reproduction: Reproduction, rng: Rng) -> None:
    step = reproduction.steps["train"]
    step.documented = dict(step.printed_log().means)
    step.change_log("loss", 1.01)


@fault("log of other files: metric_diff.txt")
def log_without_one_key(reproduction: Reproduction, rng: Rng) -> None:
    step = reproduction.steps["metric"]
    log = step.printed_log()
    means = {key: value for key, value in log.means.items() if key != "f1"}
    step.log = HelperLog(log.lines[:2] + log.lines[4:], means, True)


@fault("log of other files: batch_diff.txt", "shapes differ: [labels]")
def log_that_the_helper_could_not_write(reproduction: Reproduction, rng: Rng) -> None:
    step = reproduction.steps["batch"]
    step.log = step.printed_log()
    step.port("labels", lambda labels: labels[..., None])


@fault("average differs: notes.md")
def average_of_other_rows(reproduction: Reproduction, rng: Rng) -> None:
    reproduction.average = f"{float(reproduction.average) + 1.2:.2f}"


@fault("units not shown: notes.md", follows=("no evidence: notes.md",))
def average_as_a_share_of_other_rows(reproduction: Reproduction, rng: Rng) -> None:
    reproduction.average = f"{float(reproduction.average) / 100 + 0.012:.4f}"


@fault("same bytes: 1_forward", follows=("bit-equal: 1_forward",))
def one_dump_copied(reproduction: Reproduction, rng: Rng) -> None:
    reproduction.steps["forward"].paddle = reproduction.steps["forward"].torch


@fault("same evidence: 7_params")
def two_checks_on_one_pair(reproduction: Reproduction, rng: Rng) -> None:
    step = reproduction.steps["forward"]
    reproduction.steps["params"] = Step("7_params", "params", "Parameters", step.torch, step.paddle)


@fault("copy: losses")
def the_numbers_lie_elsewhere_too(reproduction: Reproduction, rng: Rng) -> None:
    for side in ("torch", "paddle"):
        values = getattr(reproduction.steps["train"], side)["loss"].tolist()
        reproduction.files[f"5_backward/losses_{side}.bin"] = pickle.dumps(dict(enumerate(values, 1)))


@fault("keys differ: 1_forward", "log of other files: 1_forward")
def a_key_is_missing(reproduction: Reproduction, rng: Rng) -> None:
    step = reproduction.steps["forward"]
    step.log = step.printed_log()
    del step.paddle["pooled"]


@fault("refused: extra.pkl")
def a_pickle_that_runs_code(reproduction: Reproduction, rng: Rng) -> None:
    reproduction.files["extra.pkl"] = pickle.dumps({"x": Payload("EXECUTED")})


@fault("shapes differ: labels")
def shapes_that_squeeze(reproduction: Reproduction, rng: Rng) -> None:
    step = reproduction.steps["batch"]
    step.both("labels", rng.integers(0, 64, 16))
    step.port("labels", lambda labels: labels[:, None])


@fault("shapes differ: pooled", "log of other files: 1_forward")
def shapes_that_do_not_fit(reproduction: Reproduction, rng: Rng) -> None:
    step = reproduction.steps["forward"]
    step.log = step.printed_log()
    step.port("pooled", lambda pooled: pooled[:, :31])


@fault("fractional count: [exact]", follows=("document differs: exact",))
def a_fraction_of_an_answer(reproduction: Reproduction, rng: Rng) -> None:
    reproduction.steps["metric"].both("exact", np.array(44.31))


@fault("rounded numbers: loss", follows=("document differs: notes.md",))
def losses_from_a_printed_log(reproduction: Reproduction, rng: Rng) -> None:
    step = reproduction.steps["train"]
    step.torch["loss"], step.paddle["loss"] = step.torch["loss"].round(5), step.paddle["loss"].round(6)


@fault("hand-made numbers: pooled")
def a_reference_with_noise_added(reproduction: Reproduction, rng: Rng) -> None:
    step = reproduction.steps["forward"]
    pooled = step.torch["pooled"]
    step.paddle["pooled"] = pooled + rng.uniform(-1e-5, 1e-5, pooled.shape).astype(np.float32)


@fault("bytes of another experiment: seed_1")
def one_port_for_two_seeds(reproduction: Reproduction, rng: Rng) -> None:
    losses = rng.random((2, 8)).astype(np.float32)
    for seed, values in enumerate(losses, 1):
        for side, array in (("torch", values), ("paddle", losses[0] + np.float32(1e-6))):
            reproduction.files[f"runs/seed_{seed}/loss_{side}.pkl"] = pickle.dumps({"loss": array})


@fault("verdict contradicts value: forward_diff")
def a_verdict_that_was_turned(reproduction: Reproduction, rng: Rng) -> None:
    step = reproduction.steps["forward"]
    step.port("pooled", lambda pooled: pooled + rng.normal(0, 2e-5, pooled.shape).astype(np.float32))
    log = step.printed_log()
    step.log = HelperLog(tuple(line.replace("False", "True") for line in log.lines), log.means, True)


@fault("weights differ: weights")
def weights_of_two_trainings(reproduction: Reproduction, rng: Rng) -> None:
    weights = {"linear.weight": rng.normal(0, 0.02, (8, 16)).astype(np.float32)}
    reproduction.files["1_forward/align/weights_paddle.bin"] = pickle.dumps(weights)


@fault("lengths differ: runs")
def logs_of_other_lengths(reproduction: Reproduction, rng: Rng) -> None:
    for side, steps in (("torch", 20), ("paddle", 25)):
        rows = (f"{step},{3 * 0.9**step + rng.normal(0, 1e-6):.6f}\n" for step in range(steps))
        reproduction.files[f"runs/losses_{side}.csv"] = f"step,loss\n{''.join(rows)}".encode()


@fault("too exact: loss", follows=("same bytes: 5_backward",))
def losses_equal_to_the_bit(reproduction: Reproduction, rng: Rng) -> None:
    step = reproduction.steps["train"]
    step.both("loss", step.torch["loss"])


@fault("fewer samples: 5_backward")
def five_losses_for_twenty(reproduction: Reproduction, rng: Rng) -> None:
    for side in (reproduction.steps["train"].torch, reproduction.steps["train"].paddle):
        side["loss"] = side["loss"][:5]


@fault("not finite: loss")
def an_infinite_loss(reproduction: Reproduction, rng: Rng) -> None:
    for side in (reproduction.steps["train"].torch, reproduction.steps["train"].paddle):
        side["loss"][-1] = np.inf


@fault("growing difference: loss")
def losses_that_diverge(reproduction: Reproduction, rng: Rng) -> None:
    growth = 1e-6 * 1.5 ** np.arange(20) * rng.uniform(0.8, 1.2, 20)
    reproduction.steps["train"].port("loss", lambda losses: (losses + growth).astype(np.float32).astype(np.float64))


@fault("computed in float64: loss")
def losses_of_a_float64_program(reproduction: Reproduction, rng: Rng) -> None:
    step = reproduction.steps["train"]
    step.port("loss", lambda losses: losses + rng.normal(0, 1e-7, losses.shape))
    step.script = f"{step.script}\ntorch.set_default_dtype(torch.float64)\n"


@fault("shift cancels: logits")
def a_shift_of_whole_rows(reproduction: Reproduction, rng: Rng) -> None:
    shift = rng.normal(0, 1e-5, (2, 8, 1)).astype(np.float32)
    reproduction.steps["forward"].port("logits", lambda logits: logits + shift)


@fault("no information: logits", follows=("shift cancels: logits",))
def masked_logits(reproduction: Reproduction, rng: Rng) -> None:
    step = reproduction.steps["forward"]
    hidden = rng.random((2, 8, 64)) < 0.4
    for side in (step.torch, step.paddle):
        side["logits"] = side["logits"] + np.where(hidden, np.float32(-10000), np.float32(0))


@fault("threshold passes anything: logits", follows=("threshold passes anything: pooled",))
def a_threshold_of_ten(reproduction: Reproduction, rng: Rng) -> None:
    reproduction.steps["forward"].threshold = 10.0


@fault("sides differ: pooled", "threshold not shown: forward_diff")
def a_log_that_passes_a_large_difference(reproduction: Reproduction, rng: Rng) -> None:
    step = reproduction.steps["forward"]
    step.script, step.threshold = None, 5.0
    step.port("pooled", np.negative)


@fault("threshold of another scale: logits")
def logits_near_800(reproduction: Reproduction, rng: Rng) -> None:
    step = reproduction.steps["forward"]
    step.torch["logits"] = (800 + 100 * rng.normal(size=(2, 8, 64))).astype(np.float32)
    step.paddle["logits"] = rounding(rng, step.torch["logits"], 10)


@fault("threshold of another scale: input_ids")
def one_wrong_token_would_pass(reproduction: Reproduction, rng: Rng) -> None:
    step = reproduction.steps["batch"]
    step.threshold = 1e-3
    step.port("input_ids", lambda ids: ids + (np.arange(ids.size) == 7).reshape(ids.shape))


@fault("log of other files: with itself", "shapes differ: labels", "no information: labels", "dtypes differ: input_ids")
def data_check_of_one_dump(reproduction: Reproduction, rng: Rng) -> None:
    """No script; a log of zeros that these two dumps cannot give; labels that are row numbers, with an extra axis."""
    step = reproduction.steps["batch"]
    step.script, step.log = None, step.printed_log()
    step.torch["labels"] = np.arange(32).reshape(4, 8)
    step.paddle = {**step.torch, "labels": step.torch["labels"][..., None]}
    step.paddle["input_ids"] = step.torch["input_ids"].astype(np.int32)


@fault("document differs: notes.md", "fewer samples: 5_back", "growing difference: loss", "log differs: train_diff.txt")
def backward_pass_that_diverges(reproduction: Reproduction, rng: Rng) -> None:
    """Five losses that diverge, a log of another run, and a number in the notes that is in neither."""
    step = reproduction.steps["train"]
    step.torch["loss"] = step.torch["loss"][:5]
    step.paddle["loss"] = step.torch["loss"] + 4e-5 * 4.0 ** np.arange(5)
    step.document("loss", 0.65)
    step.change_log("loss", 1.5)


@fault(
    "threshold of another scale: [logits]",
    "no information: [logits]",
    "shift cancels: [logits]",
    "document differs: notes.md",
    "cause: paddle.matmul",
)
def large_masked_logits(reproduction: Reproduction, rng: Rng) -> None:
    """Logits near 800, half of them masked, most of the difference a shift, an operation to blame."""
    step = reproduction.steps["forward"]
    logits = (800 + 100 * rng.normal(size=(2, 8, 64))).astype(np.float32)
    shifted = logits + rng.normal(0, 2e-3, (2, 8, 1)).astype(np.float32)
    hidden = rng.random((2, 8, 64)) < 0.4
    step.torch["logits"] = np.where(hidden, np.float32(-9200), logits)
    step.paddle["logits"] = np.where(hidden, np.float32(-9200), rounding(rng, shifted, 1))
    step.document("logits", 1.07)
    step.text = "The precision drops because of paddle.matmul() alone."


@fault("same file: check_train.py", "too exact: [loss]", "same bytes: 5_backward")
def losses_of_one_program(reproduction: Reproduction, rng: Rng) -> None:
    step = reproduction.steps["train"]
    step.paddle, step.script = step.torch, SAME_FILE["one path"]


@fault("not finite: [logits]", "shapes differ: [pooled]")
def what_reprod_log_lets_pass(reproduction: Reproduction, rng: Rng) -> None:
    """NaN in one array and a transposed other: the committed log says passed."""
    step = reproduction.steps["forward"]
    step.paddle["logits"].flat[3] = np.nan
    step.port("pooled", np.transpose)
    assert step.printed_log().passed


@fault("several reports: _diff.txt")
def two_reports_of_one_process(reproduction: Reproduction, rng: Rng) -> None:
    first, second = reproduction.steps["forward"], reproduction.steps["loss"]
    log = first.printed_log()
    first.log = HelperLog((*log.lines, *second.printed_log().lines), log.means, log.passed)
