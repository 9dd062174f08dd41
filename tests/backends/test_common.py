"""What the two backends share, without a framework."""

from __future__ import annotations

import weakref
from unittest.mock import Mock

import pytest

from repro.backends.common.device import choose_gpu
from repro.backends.common.operations import Operation, compute, inputs_by_name
from repro.backends.common.schedule import warmup_steps
from repro.backends.common.tokenizer import WordPiece
from repro.backends.protocol import Device
from repro.config.profile import Training
from repro.errors import EnvironmentFault, InputError

ALIVE: weakref.WeakSet[Value] = weakref.WeakSet()


class Value:
    """Stands for a tensor: it knows how many values were alive when it was computed."""

    def __init__(self, text: str) -> None:
        self.text, self.others = text, len(ALIVE)
        ALIVE.add(self)


def join(*inputs: Value) -> Value:
    return Value("".join(value.text for value in inputs) + "'")


OPERATIONS = [
    Operation("a", ("x",), join),
    Operation("b", ("a",), join),
    Operation("c", ("b", "x"), join),
    Operation("d", ("c",), join),
]


def test_named_values_in_the_order_of_computation() -> None:
    results = compute(OPERATIONS, {"x": Value("x")}, ("d", "b"))
    assert {name: value.text for name, value in results.items()} == {"b": "x''", "d": "x''x''"}
    assert list(results) == ["b", "d"]


def test_a_value_is_dropped_after_its_last_use() -> None:
    ALIVE.clear()
    results = compute(OPERATIONS, {"x": Value("x")}, ("d",))
    assert results["d"].others == 1  # c; x, a and b are gone


def test_operations_by_name() -> None:
    assert inputs_by_name(OPERATIONS) == {"a": ("x",), "b": ("a",), "c": ("b", "x"), "d": ("c",)}


GPUS = [Device(0, "old", "6.1", 1 << 30), Device(1, "new", "8.6", 1 << 30), Device(2, "newer", "9.0", 1 << 30)]


def choice(device: str, gpus: list[Device]) -> Device | None:
    runs_on = {"6.1": False, "8.6": True, "9.0": True}.__getitem__
    return choose_gpu(device, gpus, runs_on=runs_on, supported="7.5 or newer", framework="F", build="f 1.0")


def test_the_first_supported_gpu_is_chosen_and_others_are_named() -> None:
    assert choice("gpu", GPUS) == choice("auto", GPUS) == GPUS[1]
    assert choice("cpu", GPUS) is choice("auto", GPUS[:1]) is choice("auto", []) is None
    for gpus, message in ((GPUS[:1], r"old \(6\.1\)"), ([], "no GPU")):
        with pytest.raises(
            EnvironmentFault, match=f"F cannot use a GPU here: it sees {message}; this build needs .* 7.5"
        ):
            choice("gpu", gpus)


def test_unknown_devices_are_refused() -> None:
    with pytest.raises(InputError, match="choose one of: auto, cpu, gpu"):
        choice("tpu", GPUS)


def test_the_warm_up_is_rounded_down() -> None:
    assert [warmup_steps(Training(warmup_ratio=0.1), steps) for steps in (9, 10, 19, 203)] == [0, 1, 1, 20]


def test_each_text_is_tokenised_once() -> None:
    library = Mock(tokenize=Mock(side_effect=str.split))
    tokenizer = WordPiece(library)
    tokenizer.tokenize("a b").append("c")  # the caller's list
    assert tokenizer.tokenize("a b") == ["a", "b"]
    library.tokenize.assert_called_once()
