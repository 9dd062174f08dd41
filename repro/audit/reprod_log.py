"""What ``reprod_log``'s helper (1.0.1) would print for two dumps, to the digit. The original imports Paddle.

It subtracts in the arrays' own dtype, transposes the first array where only that makes the shapes fit, leaves the rest
to numpy's broadcasting, averages in the same dtype, and tests ``mean > threshold``, which lets NaN pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

THRESHOLD = 1e-6
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class HelperLog:
    """Messages without time stamps; ``stopped`` is the exception that ends it before any message, or empty.

    ``means`` holds the value of every key as printed.
    """

    lines: tuple[str, ...]
    means: dict[str, str]
    passed: bool
    stopped: str = ""


def _difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.shape != b.shape and a.transpose().shape == b.shape:
        a = a.transpose()
    return np.asarray(np.abs(a - b))


def _stop(a: Arrays, b: Arrays) -> str:
    for key in a:
        if key not in b:
            return f"AssertionError: key {key} of the first dump is not in the second"
    for key in b:
        if key not in a:
            return f"AssertionError: key {key} of the second dump is not in the first"
    return ""


def helper_log(a: Arrays, b: Arrays, threshold: float = THRESHOLD) -> HelperLog:
    """The helper's log of two dicts of arrays, with its default method ``mean``."""
    if stopped := _stop(a, b):
        return HelperLog((), {}, False, stopped)
    lines, means, all_passed = [], {}, True
    with np.errstate(all="ignore"):
        for key in a:
            try:
                difference = _difference(a[key], b[key])
                difference.max()  # it takes the largest and the smallest too, which stops it on empty arrays
                mean = difference.mean()
            except (ValueError, TypeError) as error:  # numpy's own words for what cannot be subtracted
                return HelperLog((), {}, False, f"{type(error).__name__} at key {key}: {str(error).strip()}")
            passed = not mean > threshold
            means[key] = f"{mean}"
            lines += [f"{key}: ", f"\tmean diff: check passed: {passed}, value: {mean}"]
            all_passed &= passed
    lines.append("diff check passed" if all_passed else "diff check failed")
    return HelperLog(tuple(lines), means, all_passed)
