"""``reprod_log``'s text logs: read from a file, and rebuilt from the two dumps that it compares.

The original imports Paddle. What its helper (1.0.1) prints is rebuilt here to the digit: it subtracts in the dtype of
the arrays, transposes the first one where only that makes the shapes fit, leaves the rest to numpy's broadcasting,
averages in the same dtype, and tests ``mean > threshold``, which lets NaN pass.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from repro.numerics.arrays import Arrays

THRESHOLD = 1e-6  # the helper's default
_VALUE = re.compile(r"(mean|max|min) diff: check passed: (True|False), value: (\S+)")
# "[2021/10/22 22:36:47] root INFO: "
_PREFIX = re.compile(r"^(?:\[[^\]]*\]\s*)?(?:\S+ (?:DEBUG|INFO|WARNING|ERROR): )?")


@dataclass(frozen=True)
class Line:
    """``reprod_log``'s verdict on one key, with ``value`` as printed.

    ``measure`` of |a - b| is ``mean``, unless the script asked for ``max``, ``min`` or several.
    """

    name: str
    passed: bool
    value: str
    measure: str = "mean"


def parse(log: Iterable[str]) -> list[Line]:
    """Keys of a log in order. Lines in another wording are skipped, such as the last one, ``diff check passed``."""
    lines: list[Line] = []
    name = ""
    for text in log:
        if match := _VALUE.search(text):
            lines.append(Line(name, match[2] == "True", match[3], match[1]))
        else:
            name = _PREFIX.sub("", text).strip().removesuffix(":")
    return lines


def means(log: Iterable[str]) -> list[Line]:
    """Lines about mean differences, which is what documents quote."""
    return [line for line in parse(log) if line.measure == "mean"]


@dataclass(frozen=True)
class HelperLog:
    """What the helper prints for two dumps.

    Attributes:
        lines: messages without time stamps.
        means: key -> mean difference as printed.
        stopped: the exception that ends the helper before any message, or empty.
    """

    lines: tuple[str, ...]
    means: dict[str, str]
    passed: bool
    stopped: str = ""


def _difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.shape != b.shape and a.transpose().shape == b.shape:
        a = a.transpose()
    return np.asarray(np.abs(a - b))


def helper_log(a: Arrays, b: Arrays, threshold: float = THRESHOLD) -> HelperLog:
    """The helper's log of two dumps, with its default method ``mean``.

    Args:
        a, b: name -> array of any shape and dtype; what the helper cannot subtract ends up in ``stopped``.
    """
    for keys, others, which in ((a, b, "first dump is not in the second"), (b, a, "second dump is not in the first")):
        for key in keys:
            if key not in others:
                return HelperLog((), {}, False, f"AssertionError: key {key} of the {which}")
    lines, printed, all_passed = [], {}, True
    with np.errstate(all="ignore"):
        for key in a:
            try:
                difference = _difference(a[key], b[key])
                difference.max()  # the helper takes the largest and the smallest too, which stops it on empty arrays
                mean = difference.mean()
            except (ValueError, TypeError) as error:  # numpy's own words for what cannot be subtracted
                return HelperLog((), {}, False, f"{type(error).__name__} at key {key}: {str(error).strip()}")
            passed = not mean > threshold
            printed[key] = f"{mean}"
            lines += [f"{key}: ", f"\tmean diff: check passed: {passed}, value: {mean}"]
            all_passed &= passed
    lines.append("diff check passed" if all_passed else "diff check failed")
    return HelperLog(tuple(lines), printed, all_passed)
