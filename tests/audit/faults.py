"""Faults planted into healthy evidence, each with the findings that it owes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from repro.audit.reprod_log import HelperLog
from tests.audit.containers import Mkdir, pickled
from tests.audit.reproduction import Reproduction, Step, rounding

Plant = Callable[[Reproduction, np.random.Generator], None]
Place = tuple[str, str]  # kind of finding, text that stands in its place or its sentence


@dataclass(frozen=True)
class Fault:
    """One way to be wrong.

    Attributes:
        owed: findings without which the fault counts as missed.
        consequences: further findings that follow from the plant itself.
    """

    name: str
    owed: tuple[Place, ...]
    plant: Plant
    consequences: tuple[Place, ...] = field(default=())

    @property
    def kind(self) -> str:
        return self.owed[0][0]


FAULTS: dict[str, Fault] = {}


def fault(kind: str, where: str, *more: Place, follows: tuple[Place, ...] = ()) -> Callable[[Plant], Plant]:
    """Register the function as a fault under its own name."""

    def register(plant: Plant) -> Plant:
        name = plant.__name__.replace("_", " ")
        FAULTS[name] = Fault(name, ((kind, where), *more), plant, follows)
        return plant

    return register


def changed(log: HelperLog, key: str, factor: float) -> HelperLog:
    """A log that prints another mean for a key."""
    value = f"{float(log.means[key]) * factor}"
    lines = tuple(line.replace(log.means[key], value) for line in log.lines)
    return HelperLog(lines, {**log.means, key: value}, log.passed)


def both(step: Step, key: str, array: np.ndarray) -> None:
    step.torch[key], step.paddle[key] = array, array.copy()


@fault("document differs", "notes.md")
def notes_print_another_number(made: Reproduction, rng: np.random.Generator) -> None:
    mean = made.steps["forward"].printed_log().means["logits"]
    made.steps["forward"].documented["logits"] = f"{float(mean) * 1.3:.6g}"


@fault("document differs", "notes.md")
def notes_quote_an_older_log(made: Reproduction, rng: np.random.Generator) -> None:
    step = made.steps["train"]
    step.documented["loss"] = f"{float(step.printed_log().means['loss']) * 2}"


@fault("log differs", "train_diff.txt")
def log_of_an_older_run(made: Reproduction, rng: np.random.Generator) -> None:
    step = made.steps["train"]
    step.documented = dict(step.printed_log().means)
    step.log = changed(step.printed_log(), "loss", 1.01)


@fault("log of other files", "metric_diff.txt")
def log_without_one_key(made: Reproduction, rng: np.random.Generator) -> None:
    log = made.steps["metric"].printed_log()
    means = {key: value for key, value in log.means.items() if key != "f1"}
    lines = tuple(line for line in log.lines[:2] + log.lines[4:])
    made.steps["metric"].log = HelperLog(lines, means, True)


@fault("log of other files", "batch_diff.txt", ("shapes differ", "[labels]"))
def log_that_the_helper_could_not_write(made: Reproduction, rng: np.random.Generator) -> None:
    step = made.steps["batch"]
    step.log = step.printed_log()
    step.paddle["labels"] = step.paddle["labels"][..., None]


@fault("no evidence", "matmul(a, b): 3.51742e-07")
def number_behind_a_line_of_code(made: Reproduction, rng: np.random.Generator) -> None:
    made.steps["forward"].text = "```\nx = matmul(a, b)  # diff: 3.51742e-07\n```"


@fault("average differs", "notes.md")
def average_of_other_rows(made: Reproduction, rng: np.random.Generator) -> None:
    made.average = f"{float(made.average) + 1.2:.2f}"


@fault("fewer samples", "5_backward")
def five_losses_for_twenty(made: Reproduction, rng: np.random.Generator) -> None:
    step = made.steps["train"]
    step.torch["loss"], step.paddle["loss"] = step.torch["loss"][:5], step.paddle["loss"][:5]


@fault("cause", "paddle.matmul")
def an_operation_is_blamed(made: Reproduction, rng: np.random.Generator) -> None:
    made.steps["forward"].text = "The loss of precision is caused by paddle.matmul() of the two inputs."


SAME_FILE = {
    "one path": 'a = h.load_info("./{name}_torch.npy")\nb = h.load_info("./{name}_torch.npy")\nh.compare_info(a, b)',
    "a variable": 'p = "./{name}_torch.npy"\na = h.load_info(p)\nb = h.load_info(p)\nh.compare_info(a, b)',
    "formatted and joined": 'd = "."\na = np.load(f"{{d}}/{name}_torch.npy", allow_pickle=True).item()\n'
    'b = np.load(os.path.join(d, "{name}_torch.npy"), allow_pickle=True).item()\n'
    'np.testing.assert_allclose(a["x"], b["x"])',
    "pathlib": 'a = h.load_info(Path("..") / "2_data" / "{name}_torch.npy")\n'
    'b = h.load_info(Path(__file__).parent / "{name}_torch.npy")\nh.compare_info(a, b)',
    "percent and format": 'a = h.load_info("./%s_torch.npy" % "{name}")\n'
    'b = h.load_info("{{}}_torch.npy".format("{name}"))\nh.compare_info(a, b)',
    "one value twice": 'a = h.load_info("../2_data/{name}_torch.npy")\nh.compare_info(a, a)',
    "attributes": "class C:\n    def go(self):\n"
    '        self.a = h.load_info("{name}_" + "torch.npy")\n        h.compare_info(info1=self.a, info2=self.a)',
    "unpacked": 'a, b = h.load_info("./{name}_torch.npy"), h.load_info("{name}_torch.npy")\nh.compare_info(a, b)',
    "nested calls": 'h.compare_info(h.load_info("{name}_torch.npy"), h.load_info("{name}_torch.npy"))',
    "a later alias": 'a = h.load_info("{name}_torch.npy")\nb = a\nh.compare_info(a, b)',
    "in its own function": "def load(p):\n    return h.load_info(p)\n\ndef main():\n"
    '    p = "{name}_torch.npy"\n    h.compare_info(h.load_info(p), h.load_info(p))',
}


def _one_file(script: str) -> Plant:
    def plant(made: Reproduction, rng: np.random.Generator) -> None:
        made.steps["batch"].script = script

    return plant


for spelling, script in SAME_FILE.items():
    name = f"script loads one file: {spelling}"
    FAULTS[name] = Fault(name, (("same file", "2_data/check_batch.py"),), _one_file(script))


@fault("same bytes", "1_forward", follows=(("bit-equal", "1_forward"),))
def one_dump_copied(made: Reproduction, rng: np.random.Generator) -> None:
    made.steps["forward"].paddle = made.steps["forward"].torch


@fault("same evidence", "7_params")
def two_checks_on_one_pair(made: Reproduction, rng: np.random.Generator) -> None:
    step = made.steps["forward"]
    made.steps["params"] = Step("7_params", "params", "Parameters", step.torch, step.paddle)


@fault("copy", "losses")
def the_numbers_lie_elsewhere_too(made: Reproduction, rng: np.random.Generator) -> None:
    for side in ("torch", "paddle"):
        values = getattr(made.steps["train"], side)["loss"].tolist()
        made.files[f"5_backward/losses_{side}.bin"] = pickled(dict(enumerate(values, 1)))


@fault("repeated keys", "3_metric")
def keys_that_are_one_number(made: Reproduction, rng: np.random.Generator) -> None:
    both(made.steps["metric"], "HasAns_exact", made.steps["metric"].torch["exact"])


@fault("keys differ", "1_forward", ("log of other files", "1_forward"))
def a_key_is_missing(made: Reproduction, rng: np.random.Generator) -> None:
    step = made.steps["forward"]
    step.log = step.printed_log()
    del step.paddle["pooled"]


@fault("shapes differ", "labels")
def shapes_that_squeeze(made: Reproduction, rng: np.random.Generator) -> None:
    both(made.steps["batch"], "labels", rng.integers(0, 64, 16))
    made.steps["batch"].paddle["labels"] = made.steps["batch"].paddle["labels"][:, None]


@fault("shapes differ", "pooled")
def shapes_that_transpose(made: Reproduction, rng: np.random.Generator) -> None:
    step = made.steps["forward"]
    step.paddle["pooled"] = np.ascontiguousarray(step.paddle["pooled"].T)


@fault("shapes differ", "pooled")
def shapes_that_broadcast(made: Reproduction, rng: np.random.Generator) -> None:
    made.steps["forward"].paddle["pooled"] = made.steps["forward"].paddle["pooled"][:1]


@fault("shapes differ", "pooled", ("log of other files", "1_forward"))
def shapes_that_do_not_fit(made: Reproduction, rng: np.random.Generator) -> None:
    step = made.steps["forward"]
    step.log = step.printed_log()
    step.paddle["pooled"] = step.paddle["pooled"][:, :31]


@fault("scalar shapes", "[total]")
def a_number_with_an_axis(made: Reproduction, rng: np.random.Generator) -> None:
    made.steps["metric"].paddle["total"] = made.steps["metric"].paddle["total"].reshape(1)


@fault("dtypes differ", "input_ids")
def other_integers(made: Reproduction, rng: np.random.Generator) -> None:
    made.steps["batch"].paddle["input_ids"] = made.steps["batch"].paddle["input_ids"].astype(np.int32)


@fault("not finite", "logits")
def a_nan_in_one_entry(made: Reproduction, rng: np.random.Generator) -> None:
    made.steps["forward"].paddle["logits"].flat[int(rng.integers(1024))] = np.nan


@fault("not finite", "loss")
def an_infinite_loss(made: Reproduction, rng: np.random.Generator) -> None:
    made.steps["train"].torch["loss"][-1] = made.steps["train"].paddle["loss"][-1] = np.inf


@fault("unpaired", "4_loss")
def one_side_was_not_published(made: Reproduction, rng: np.random.Generator) -> None:
    made.steps["loss"].left_out.add("loss_paddle.npy")


@fault("threshold passes anything", "logits", follows=(("threshold passes anything", "pooled"),))
def a_threshold_of_ten(made: Reproduction, rng: np.random.Generator) -> None:
    made.steps["forward"].threshold = 10.0


@fault("threshold passes anything", "pooled", follows=(("threshold of another scale", "1_forward"),))
def a_log_that_passes_a_large_difference(made: Reproduction, rng: np.random.Generator) -> None:
    step = made.steps["forward"]
    step.script = None
    step.threshold = 5.0
    step.paddle["pooled"] = -step.paddle["pooled"]


@fault("threshold of another scale", "logits")
def logits_near_800(made: Reproduction, rng: np.random.Generator) -> None:
    step = made.steps["forward"]
    step.torch["logits"] = (800 + 100 * rng.normal(size=(2, 8, 64))).astype(np.float32)
    step.paddle["logits"] = rounding(rng, step.torch["logits"], 10)


@fault("threshold of another scale", "lr")
def rates_under_a_threshold_for_ones(made: Reproduction, rng: np.random.Generator) -> None:
    made.steps["lr"].threshold = 1e-6


@fault("threshold of another scale", "input_ids", follows=(("threshold of another scale", "[mask]"),))
def one_wrong_token_would_pass(made: Reproduction, rng: np.random.Generator) -> None:
    made.steps["batch"].threshold = 1e-3
    both(made.steps["batch"], "labels", rng.integers(0, 64, (2, 8)))


@fault("no information", "logits", follows=(("shift cancels", "logits"),))
def masked_logits(made: Reproduction, rng: np.random.Generator) -> None:
    step = made.steps["forward"]
    hidden = rng.random((2, 8, 64)) < 0.4
    for side in (step.torch, step.paddle):
        side["logits"] = side["logits"] + np.where(hidden, np.float32(-10000), np.float32(0))


@fault("no information", "labels")
def labels_that_are_all_zero(made: Reproduction, rng: np.random.Generator) -> None:
    both(made.steps["batch"], "labels", np.zeros((4, 8), dtype=np.int64))


@fault("no information", "labels")
def labels_that_count_rows(made: Reproduction, rng: np.random.Generator) -> None:
    both(made.steps["batch"], "labels", np.arange(32).reshape(4, 8))


@fault("constant input", "position_ids", ("constant input", "token_type_ids"))
def inputs_of_one_value(made: Reproduction, rng: np.random.Generator) -> None:
    both(made.steps["batch"], "position_ids", np.arange(64))
    both(made.steps["batch"], "token_type_ids", np.zeros((4, 8, 64), dtype=np.int64))


@fault("shift cancels", "logits")
def a_shift_of_whole_rows(made: Reproduction, rng: np.random.Generator) -> None:
    step = made.steps["forward"]
    shift = rng.normal(0, 1e-5, (2, 8, 1)).astype(np.float32)
    step.paddle["logits"] = step.paddle["logits"] + shift


@fault("growing difference", "loss")
def losses_that_part(made: Reproduction, rng: np.random.Generator) -> None:
    step = made.steps["train"]
    step.paddle["loss"] = step.torch["loss"] + 1e-6 * 1.5 ** np.arange(20) * rng.uniform(0.8, 1.2, 20)


@fault("too exact", "loss", follows=(("same bytes", "5_backward"),))
def losses_equal_to_the_bit(made: Reproduction, rng: np.random.Generator) -> None:
    made.steps["train"].paddle = {"loss": made.steps["train"].torch["loss"].copy()}


@fault("bit-equal", "pooled")
def activations_equal_to_the_bit(made: Reproduction, rng: np.random.Generator) -> None:
    both(made.steps["forward"], "pooled", made.steps["forward"].torch["pooled"])


@fault("refused", "extra.pkl")
def a_pickle_that_runs_code(made: Reproduction, rng: np.random.Generator) -> None:
    made.files["extra.pkl"] = pickled({"x": Mkdir("EXECUTED")})
