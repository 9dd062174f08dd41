"""Faults to plant into a reproduction of any habit, one for each way that issue-trackers and reviews know of.

What a fault is called here is a meaning; ``MEANINGS`` says which kinds of finding express it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.audit.habits.layouts import Habit
from tests.audit.habits.numbers import IMAGES, Item, as_keys
from tests.audit.habits.writing import Project

Rng = np.random.Generator
Plant = Callable[[Project, Item, Rng], object]

MEANINGS: dict[str, tuple[str, ...]] = {
    "sides differ": ("sides differ",),
    "threshold failed": ("fails its threshold",),
    "log says failed": ("log says failed",),
    "log contradicts itself": ("verdict contradicts value",),
    "threshold not shown": ("threshold not shown",),
    "document differs": ("document differs",),
    "too exact": ("too exact",),
    "growing": ("growing difference",),
    "loose threshold": ("threshold passes anything",),
    "same file": ("same file",),
    "one program": ("one program", "same evidence"),
    "log differs": ("log differs",),
    "log of other files": ("log of other files",),
    "unpaired": ("unpaired",),
    "hand-made": ("hand-made numbers",),
    "fractional count": ("fractional count",),
    "same evidence": ("same evidence",),
    "shapes differ": ("shapes differ",),
    "not finite": ("not finite",),
}


@dataclass(frozen=True)
class Fault:
    """One way to be wrong.

    Attributes:
        item: what is touched; findings about other items are false alarms.
        meaning: key of ``MEANINGS``, without which the fault counts as missed.
        fits: habits in which it can occur.
    """

    name: str
    item: str
    meaning: str
    plant: Plant
    fits: Callable[[Habit], bool] = lambda habit: True


FAULTS: dict[str, Fault] = {}


def _with_log(habit: Habit) -> bool:
    return bool(habit.log)


def _with_helper_log(habit: Habit) -> bool:
    return habit.wording == "reprod_log" and bool(habit.log)


def fault(item: str, meaning: str, fits: Callable[[Habit], bool] = lambda habit: True) -> Callable[[Plant], Plant]:
    """Register a function under its name as a fault of an item."""

    def register(plant: Plant) -> Plant:
        name = plant.__name__.replace("_", " ")
        can = lambda habit: fits(habit) and item in (habit.items or (item,))  # noqa: E731
        FAULTS[name] = Fault(name, item, meaning, plant, can)
        return plant

    return register


# Disagreement


@fault("forward", "sides differ")
def unrelated_arrays(project: Project, item: Item, rng: Rng) -> None:
    item.port = {key: rng.permutation(value.ravel()).reshape(value.shape) for key, value in item.reference.items()}


@fault("forward", "sides differ")
def opposite_sign(project: Project, item: Item, rng: Rng) -> None:
    item.port["logits"] = -item.port["logits"]


@fault("forward", "sides differ")
def rows_in_another_order(project: Project, item: Item, rng: Rng) -> None:
    item.port["hidden"] = np.roll(item.port["hidden"], 1, axis=0)


@fault("forward", "sides differ")
def another_epsilon(project: Project, item: Item, rng: Rng) -> None:
    """As a normalisation with another epsilon scales every value."""
    item.port["logits"] = item.port["logits"] * np.float32(1.0005)


@fault("gradients", "sides differ")
def one_gradient_is_missing_a_term(project: Project, item: Item, rng: Rng) -> None:
    item.port["fc1.weight"] = item.port["fc1.weight"] + np.float32(0.01) * rng.normal(size=(64, 48)).astype("float32")


@fault("forward", "threshold failed")
def a_threshold_that_the_pair_fails(project: Project, item: Item, rng: Rng) -> None:
    item.port["hidden"] = item.port["hidden"] * np.float32(1.001)


@fault("forward", "log says failed", _with_helper_log)
def a_committed_log_that_failed(project: Project, item: Item, rng: Rng) -> None:
    item.port["hidden"] = item.port["hidden"] * np.float32(1.001)


@fault("forward", "log contradicts itself", _with_log)
def a_verdict_turned_to_true(project: Project, item: Item, rng: Rng) -> None:
    item.port["hidden"] = item.port["hidden"] * np.float32(1.001)
    item.log = {key: (value, True) for key, (value, _) in item.lines().items()}


@fault("forward", "log contradicts itself", lambda habit: habit.style == "helper")
def a_verdict_turned_to_true_at_the_default(project: Project, item: Item, rng: Rng) -> None:
    """No script names a threshold, so that it is the library's."""
    item.threshold, item.threshold_is_stated = 1e-6, False
    a_verdict_turned_to_true(project, item, rng)


@fault("forward", "threshold not shown", _with_helper_log)
def a_verdict_turned_to_true_without_a_script(project: Project, item: Item, rng: Rng) -> None:
    project.has_scripts = False
    a_verdict_turned_to_true(project, item, rng)


@fault("metric", "document differs")
def an_accuracy_that_was_improved(project: Project, item: Item, rng: Rng) -> None:
    item.documented = {"top1": str(float(item.port["top1"]) + 1.5)}


# Series


@fault("losses", "too exact")
def losses_equal_to_the_bit(project: Project, item: Item, rng: Rng) -> None:
    item.port = {key: value.copy() for key, value in item.reference.items()}


@fault("losses", "growing")
def losses_that_diverge(project: Project, item: Item, rng: Rng) -> None:
    values = np.array(list(item.reference.values())).ravel()
    steps = np.arange(len(values))
    port = (values + 3e-7 * 2.6**steps * rng.uniform(0.9, 1.1, len(values))).astype(np.float32)
    item.port = {"loss": port} if "loss" in item.reference else as_keys(port)


@fault("losses", "loose threshold")
def a_threshold_above_every_loss(project: Project, item: Item, rng: Rng) -> None:
    item.threshold = 50.0


# Proof in scripts and in neighbouring dumps


@fault("forward", "same file")
def one_path_loaded_twice(project: Project, item: Item, rng: Rng) -> None:
    item.sides_in_script = (0, 0)


@fault("losses", "same file")
def the_port_loaded_twice(project: Project, item: Item, rng: Rng) -> None:
    item.sides_in_script = (1, 1)


@fault("forward", "one program", lambda habit: habit.container in ("plain npy", "npy of a dict"))
def both_files_saved_from_one_variable(project: Project, item: Item, rng: Rng) -> None:
    item.port = {key: value.copy() for key, value in item.reference.items()}
    plain = project.habit.container == "plain npy"
    lines = ["import numpy as np", "import torch", "from model import Net", "", "net = Net().eval()"]
    for key in item.reference:
        saved = f"{key}.detach().numpy()"
        lines += [f"{key} = net.{key}(torch.load('input.pt'))"]
        if plain:
            lines += [f"np.save('{project.dump(item, side, key)}', {saved})" for side in (0, 1)]
    if not plain:
        content = ", ".join(f"'{key}': {key}.detach().numpy()" for key in item.reference)
        lines += [f"result = {{{content}}}"]
        lines += [f"np.save('{project.dump(item, side)}', result)" for side in (0, 1)]
    project.files["dump_outputs.py"] = "\n".join([*lines, ""]).encode()


@fault("losses", "one program")
def losses_of_the_neighbour(project: Project, item: Item, rng: Rng) -> None:
    """The port's losses have the bits of the reference's second run."""
    again = {key: value + np.float32(1e-3) for key, value in item.reference.items()}
    item.port = {key: value.copy() for key, value in again.items()}
    project.neighbours.append(Item("losses_again", again, {}, left_out=(1,)))


@fault("losses", "one program")
def losses_of_a_run_in_the_same_file(project: Project, item: Item, rng: Rng) -> None:
    """The port's losses have the bits of a second run of the reference, which only the reference's file holds."""
    again = {key: value + np.float32(1e-3) for key, value in item.reference.items()}
    item.port = {key: value.copy() for key, value in again.items()}
    item.more = {f"again_{key}": value for key, value in again.items()}


@fault("losses", "one program", lambda habit: habit.container not in ("plain npy", "csv"))
def losses_of_a_run_that_is_compared_too(project: Project, item: Item, rng: Rng) -> None:
    """Two runs in one file: the second port has the bits of the first reference."""
    losses = np.array(list(item.reference.values())).ravel().astype(np.float32)
    port = np.array(list(item.port.values())).ravel().astype(np.float32)
    item.reference = {"loss_run1": losses + np.float32(1e-3), "loss_run2": losses}
    item.port = {"loss_run1": port + np.float32(1e-3), "loss_run2": losses + np.float32(1e-3)}


# Documents, logs


@fault("forward", "document differs")
def a_number_of_another_run(project: Project, item: Item, rng: Rng) -> None:
    item.documented = {"hidden": f"{1.7 * item.gaps()['hidden']:.5e}"}


@fault("gradients", "log differs", _with_log)
def a_log_of_another_run(project: Project, item: Item, rng: Rng) -> None:
    item.log = {key: (1.3 * value, passed) for key, (value, passed) in item.lines().items()}


@fault("gradients", "log of other files", _with_helper_log)
def a_log_without_one_key(project: Project, item: Item, rng: Rng) -> None:
    item.log = dict(list(item.lines().items())[:-1])


@fault("gradients", "unpaired")
def one_side_was_not_published(project: Project, item: Item, rng: Rng) -> None:
    item.left_out = (1,)


# The files themselves


@fault("gradients", "shapes differ")
def shapes_that_do_not_fit(project: Project, item: Item, rng: Rng) -> None:
    item.log = item.lines()
    item.port["fc1.weight"] = item.port["fc1.weight"][:, :-1]


@fault("forward", "not finite")
def one_value_is_nan(project: Project, item: Item, rng: Rng) -> None:
    item.port["hidden"] = item.port["hidden"].copy()
    item.port["hidden"].flat[5] = np.nan
    item.log = {key: (value, True) for key, (value, _) in item.lines().items()}


# Hand-made numbers


@fault("losses", "hand-made")
def the_reference_with_noise(project: Project, item: Item, rng: Rng) -> None:
    """One side is the other, rounded to eight digits, plus noise that no float32 program computes."""
    item.reference = {key: value.astype(np.float64) for key, value in item.reference.items()}
    item.port = {
        key: np.round(value, 8) + rng.uniform(-1e-7, 1e-7, value.shape) for key, value in item.reference.items()
    }


@fault("metric", "fractional count")
def an_accuracy_of_half_an_image(project: Project, item: Item, rng: Rng) -> None:
    right = int(rng.integers(35_000, 42_000))
    item.port = {"top1": np.array(100 * (right + 0.37) / IMAGES), "total": np.array(IMAGES)}
    item.reference = {"top1": np.array(100 * right / IMAGES), "total": np.array(IMAGES)}


@fault("gradients", "same evidence", lambda habit: habit.container in ("npz", "npy of a dict", "pickle", "h5", "json"))
def one_experiment_is_another(project: Project, item: Item, rng: Rng) -> None:
    forward = project.items["forward"]
    item.reference, item.port = dict(forward.reference), dict(forward.port)
    item.threshold = forward.threshold
