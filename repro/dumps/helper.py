"""What ``reprod_log``'s helper (1.0.1) prints for two dumps, rebuilt to the digit, because the original imports Paddle.

It wants dicts with the same keys and, for each key, values of one type: dicts, which it enters, or arrays. It subtracts
in the dtype of the arrays, transposes the first one where only that makes the shapes fit, leaves the rest to numpy's
broadcasting, averages in the same dtype, and tests ``mean > threshold``, which lets NaN pass. Anything else ends it
with an exception, before or while it prints.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from repro.numerics.chunks import blocks

THRESHOLD = 1e-6  # the helper's default
MEASURES = ("mean", "max", "min")


@dataclass(frozen=True)
class HelperLog:
    """What the helper prints for two dumps.

    Attributes:
        lines: messages without time stamps.
        means: key -> mean difference as printed; keys of nested dicts are joined with ``.``.
        stopped: the exception that ends the helper, or empty.
        extremes: ``max`` and ``min`` -> key -> largest and smallest difference as the helper would print them.
    """

    lines: tuple[str, ...]
    means: dict[str, str]
    passed: bool
    stopped: str = ""
    extremes: dict[str, dict[str, str]] = field(default_factory=dict)

    def prints(self, key: str, measure: str) -> list[str]:
        """What it prints of one measure of a key; for ``any`` of both the mean and the largest difference."""
        by_measure = {"mean": self.means, **self.extremes}
        wanted = ("mean", "max") if measure == "any" else (measure,)
        return [by_measure[name][key] for name in wanted if key in by_measure.get(name, {})]


class _Stop(Exception):
    """The exception that ends the helper."""


def _measures(a: np.ndarray, b: np.ndarray) -> dict[str, np.generic]:
    if a.shape != b.shape and a.transpose().shape == b.shape:
        a = a.transpose()
    if a.shape != b.shape or not (a.flags.c_contiguous and b.flags.c_contiguous) or not a.size:
        gap = np.abs(a - b)
        return {"max": gap.max(), "min": gap.min(), "mean": gap.mean()}  # the largest first: there is none of nothing
    kind = np.abs(a[..., :0] - b[..., :0]).dtype if a.shape else np.abs(a - b).dtype
    # numpy's mean adds up whole numbers in float64, and float16 in float32
    total = np.zeros((), np.float64 if kind.kind in "biu" else np.float32 if kind == np.float16 else kind)[()]
    extremes = []
    for x, y in blocks(a, b):
        gap = np.abs(x - y)
        extremes.append((gap.max(), gap.min()))
        total = np.add.reduce(gap, dtype=total.dtype, initial=total)
    largest, smallest = (np.array(values) for values in zip(*extremes, strict=True))
    mean = total / a.size
    return {"mean": kind.type(mean) if kind.kind == "f" else mean, "max": largest.max(), "min": smallest.min()}


def _compare(a: dict[Any, Any], b: dict[Any, Any], path: str = "") -> dict[Any, Any]:
    """Differences in the structure of the dicts."""
    differences: dict[Any, Any] = {}
    for key, first in a.items():
        name = f"{path}.{key}" if path else f"{key}"
        if key not in b:
            raise _Stop(f"AssertionError at key {name}: it is not in the second dump")
        second = b[key]
        if type(first) is not type(second):
            kinds = f"{type(first).__name__} against {type(second).__name__}"
            raise _Stop(f"AssertionError at key {name}: {kinds}")
        if isinstance(first, dict):
            differences[key] = _compare(first, second, name)
        elif isinstance(first, np.ndarray):
            try:
                differences[key] = _measures(first, second)
            except (ValueError, TypeError) as error:  # numpy's own words for what cannot be subtracted
                raise _Stop(f"{type(error).__name__} at key {name}: {str(error).strip()}") from None
        else:
            raise _Stop(f"NotImplementedError at key {name}: {type(first).__name__} is no array")
    return differences


@dataclass
class _Printer:
    threshold: float
    methods: Sequence[str]
    lines: list[str] = field(default_factory=list)
    printed: dict[str, dict[str, str]] = field(default_factory=lambda: {name: {} for name in MEASURES})

    def report(self, differences: dict[Any, Any], path: str = "", level: int = 0) -> bool:
        """Print a dict of differences; returns whether all of them passed."""
        all_passed, indent = True, "\t" * level
        for key, value in differences.items():
            name = f"{path}.{key}" if path else f"{key}"
            if set(value) == set(MEASURES):  # a dict with keys of these names passes for differences, too
                self.lines.append(f"{indent}{key}: ")
                passed = self._leaf(name, value, indent + "\t")
            else:
                self.lines.append(f"{indent}{key}")
                passed = self.report(value, name, level + 1)
            all_passed &= passed
        return all_passed

    def _leaf(self, name: str, value: dict[str, Any], indent: str) -> bool:
        passed = True
        for method in self.methods:
            if isinstance(value[method], dict):
                raise _Stop(f"TypeError at key {name}: '>' not supported between a dict and a number")
            passed &= not value[method] > self.threshold
            self.lines.append(f"{indent}{method} diff: check passed: {passed}, value: {value[method]}")
        for measure in MEASURES:
            self.printed[measure][name] = f"{value[measure]}"
        return passed


def helper_log(a: object, b: object, threshold: float = THRESHOLD, methods: Sequence[str] = ("mean",)) -> HelperLog:
    """The helper's log of two dumps.

    Args:
        a, b: contents of dumps, as ``read_content`` returns them.
        methods: what it prints of each key; the helper's default is the mean alone.
    """
    printer = _Printer(threshold, methods)
    passed, stopped = False, ""
    try:
        if not isinstance(a, dict) or not isinstance(b, dict):
            raise _Stop(f"AssertionError: {type(a).__name__} and {type(b).__name__} are not both dicts")
        for keys, others, which in (
            (a, b, "first dump is not in the second"),
            (b, a, "second dump is not in the first"),
        ):
            for key in keys:
                if key not in others:
                    raise _Stop(f"AssertionError: key {key} of the {which}")
        with np.errstate(all="ignore"):
            passed = printer.report(_compare(a, b))
        printer.lines.append("diff check passed" if passed else "diff check failed")
    except _Stop as error:
        stopped = str(error)
    means, *extremes = printer.printed.values()
    return HelperLog(tuple(printer.lines), means, passed, stopped, dict(zip(MEASURES[1:], extremes, strict=True)))
