"""Functions that compare two arrays, and what each asks for: its own arguments, else the library's defaults."""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from repro.audit.scripts.values import Measure, Value
from repro.audit.tolerance import Tolerance
from repro.numerics.verdict import EPS32

LARGEST = sys.float_info.max
REDUCTIONS: Mapping[str, Measure] = {
    **dict.fromkeys("mean nanmean average reduce_mean".split(), "mean"),
    **dict.fromkeys("max amax nanmax reduce_max norm sum nansum all any".split(), "each"),
}
MAGNITUDES = frozenset("abs fabs absolute".split())
SUBTRACTIONS = frozenset("subtract sub".split())
# Losses between the two sides: the power of the difference that they take the mean of.
LOSSES = {"mse_loss": 2.0, "mean_squared_error": 2.0, "l1_loss": 1.0, "mean_absolute_error": 1.0, "MAE": 1.0}
DIFFERENCES = frozenset({"compare_info", "compute_diff"})  # of reprod_log: judged later
HELPER = ("mean", 1e-6)  # its defaults, in every version so far


def number(value: Value) -> float | None:
    """A number of a script as a finite float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        return None
    return max(-LARGEST, min(float(value), LARGEST))


@dataclass(frozen=True)
class Comparer:
    """How a function of two arrays names its bounds.

    Attributes:
        names: of the arguments behind the two sides, in order; ``*`` where only keywords are allowed.
        defaults: relative and absolute, in the versions that frameworks of this age require.
        bounds: argument values by name -> relative and absolute bound.
    """

    names: tuple[str, ...]
    defaults: Mapping[str, float]
    bounds: Callable[[Mapping[str, float]], tuple[float, float]]


def _named(relative: str, absolute: str) -> Callable[[Mapping[str, float]], tuple[float, float]]:
    return lambda values: (values.get(relative, 0.0), values.get(absolute, 0.0))


def _close(rtol: float, atol: float, *names: str) -> Comparer:
    return Comparer(names or ("rtol", "atol"), {"rtol": rtol, "atol": atol}, _named("rtol", "atol"))


def _power(base: float, name: str) -> Callable[[Mapping[str, float]], tuple[float, float]]:
    """``base`` times a negative power of ten as the absolute bound."""
    return lambda values: (0.0, base * 10 ** -max(-300, min(values[name], 300)))


def _almost(values: Mapping[str, float]) -> tuple[float, float]:
    return (0.0, values["delta"]) if "delta" in values else _power(0.5, "places")(values)


def _digits(values: Mapping[str, float]) -> tuple[float, float]:
    return _power(10.0, "significant")(values)[1], 0.0


EXACT = Comparer((), {}, lambda values: (0.0, 0.0))
ALLCLOSE = _close(1e-5, 1e-8)  # numpy, torch, paddle and jax alike: |a - b| <= atol + rtol * |b|
COMPARERS: Mapping[str, Comparer] = {
    "allclose": ALLCLOSE,
    "isclose": ALLCLOSE,
    "assert_allclose": _close(1e-7, 0.0),
    "torch.testing.assert_allclose": _close(1e-4, 1e-5),  # of float32, until it was removed
    "assert_close": _close(1.3e-6, 1e-5, "*"),  # of float32, since torch 1.9
    "assert_near": _close(10 * EPS32, 10 * EPS32),
    "assert_trees_all_close": _close(1e-6, 0.0, "*"),
    "math.isclose": Comparer(("*",), {"rel_tol": 1e-9}, _named("rel_tol", "abs_tol")),
    "approx": Comparer(("rel", "abs"), {"rel": 1e-6, "abs": 1e-12}, _named("rel", "abs")),
    "assert_almost_equal": Comparer(("decimal",), {"decimal": 7}, _power(1.5, "decimal")),
    "assert_array_almost_equal": Comparer(("decimal",), {"decimal": 6}, _power(1.5, "decimal")),
    "assert_approx_equal": Comparer(("significant",), {"significant": 7}, _digits),
    "assert_array_max_ulp": Comparer(("maxulp",), {"maxulp": 1}, lambda values: (values["maxulp"] * EPS32, 0.0)),
    "assertAlmostEqual": Comparer(("places", "msg", "delta"), {"places": 7}, _almost),
    **dict.fromkeys(
        "assert_array_equal array_equal array_equiv assert_equal assert_trees_all_equal equal equal_all assertEqual"
        " assertListEqual assertDictEqual".split(),
        EXACT,
    ),
}


def comparer_of(full: str) -> Comparer | None:
    """What a function compares by, from its full name as far as the script shows it."""
    tail = ".".join(full.split(".")[-3:])
    return COMPARERS.get(tail) or COMPARERS.get(full) or COMPARERS.get(full.rpartition(".")[2])


def tolerance(function: str, positional: Sequence[Value], named: Mapping[str, Value], place: str) -> Tolerance | None:
    """What a call of a comparer asks for; None where one of its bounds is unknown.

    Args:
        positional, named: arguments behind the two sides.
        place: script and line.
    """
    comparer = comparer_of(function) or EXACT
    arguments = dict(zip(comparer.names, positional, strict=False)) | dict(named)
    values = dict(comparer.defaults)
    written = [name for name in (*comparer.names, "rtol", "atol", *comparer.defaults, "abs_tol") if name in arguments]
    for name in written:
        if arguments[name] is None or name == "msg":
            continue
        value = number(arguments[name])
        if value is None:
            return None
        values[name] = value
    relative, absolute = comparer.bounds(values)
    default = "" if written or comparer is EXACT else f" (defaults of {function})"
    return Tolerance(absolute, relative, "each", place + default)


def helper_tolerance(method: Value, threshold: Value, place: str) -> Tolerance | None:
    """What ``reprod_log``'s report asks for; None where its threshold is unknown.

    ``max`` bounds each difference, ``mean`` their mean; of several, the strictest decides, which is ``max``.
    """
    bound = number(threshold)
    methods = method if isinstance(method, (list, tuple)) else [method]
    if bound is None or not all(isinstance(one, str) for one in methods):
        return None
    return Tolerance(bound, 0.0, "each" if {"max", "all"} & set(methods) else "mean", place)
