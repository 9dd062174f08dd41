"""``reprod_log``'s log rebuilt: every line as the original prints it, and where it stops; logs read back."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from repro.dumps.helper import HelperLog, helper_log
from repro.dumps.log import Line, parse, printed_differences, reports
from repro.numerics.chunks import BLOCK
from tests.draws import draws
from tests.dumps.original import Original

Case = tuple[dict[str, np.ndarray], dict[str, np.ndarray], float]


def _named() -> dict[str, Case]:
    one = np.arange(6, dtype=np.float32).reshape(2, 3)
    nan, inf = np.full((2, 3), np.nan, np.float32), np.full((2, 3), np.inf, np.float32)
    pairs: dict[str, tuple[Any, Any]] = {
        "alike": (one, one + np.float32(1e-7)),
        "apart": (one, one + 1),
        "nan": (nan, one),
        "infinite": (inf, one),
        "infinite on both sides": (inf, inf),
        "transposed": (one, one.T.copy()),
        "transposed square": (one[:, :2], one[:, :2].T.copy()),
        "broadcast": (one, one[:1]),
        "broadcast column": (np.arange(4.0), np.arange(4.0)[:, None]),
        "squeezed": (one[..., None], one),
        "scalar": (np.array(1.5), np.array([1.25])),
        "unfit": (one, one[:, :2]),
        "empty": (one[:0], one[:0]),
        "integers": (np.arange(5), np.arange(5)[::-1].copy()),
        "small unsigned": (np.arange(5, dtype=np.uint8), np.arange(5, dtype=np.uint8) + np.uint8(1)),
        "mixed": (one, one.astype(np.float64) + 1e-9),
        "mixed integers": (np.arange(5, dtype=np.int32), np.arange(5, dtype=np.int64) + 1),
        "half": (one.astype(np.float16), one.astype(np.float16) + np.float16(0.1)),
        "truth": (one > 2, one > 3),
        "texts": (np.array(["a"]), np.array(["b"])),
    }
    cases = {name: ({"x": a}, {"x": b}, 1e-6) for name, (a, b) in pairs.items()}
    cases["missing key"] = ({"x": one, "y": one}, {"x": one}, 1e-6)
    cases["further key"] = ({"x": one}, {"x": one, "z": one}, 1e-6)
    cases["second key stops"] = ({"x": one, "y": one}, {"x": one, "y": one[:, :2]}, 1e-6)
    cases["nothing"] = ({}, {}, 1e-6)
    cases["loose threshold"] = ({"x": one, "y": one}, {"x": one + 1, "y": one + 3}, 2.0)
    return cases


@pytest.fixture(scope="module")
def original() -> Iterator[Original]:
    process = Original()
    yield process
    process.close()


def check(original: Original, a: Any, b: Any, threshold: float = 1e-6, method: Any = "mean") -> HelperLog:
    """What we print is what the original prints, up to where it stops and why."""
    answer = original(a, b, threshold, method)
    rebuilt = helper_log(a, b, threshold, METHODS.get(str(method), (method,)))
    assert list(rebuilt.lines) == answer["lines"]
    assert rebuilt.stopped.split(" ")[0].rstrip(":") == answer["stopped"]
    assert rebuilt.passed == (bool(answer["lines"]) and answer["lines"][-1] == "diff check passed")
    if answer["stopped"] in ("ValueError", "UFuncTypeError", "_UFuncNoLoopError"):  # numpy's own words
        assert answer["why"].strip() in rebuilt.stopped
    return rebuilt


METHODS = {"all": ("min", "max", "mean"), "['min', 'max']": ("min", "max")}


@pytest.mark.parametrize("name", _named())
def test_every_line_is_the_originals(name: str, original: Original) -> None:
    check(original, *_named()[name])


@pytest.mark.parametrize("method", ["max", "min", "all", ["min", "max"]])
def test_every_measure(method: Any, original: Original) -> None:
    a, b, _ = _named()["loose threshold"]
    for threshold in (1e-6, 1.0, 2.0, 3.0):
        assert check(original, a, b, threshold, method).extremes["max"] == {"x": "1.0", "y": "3.0"}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int64"])
@pytest.mark.parametrize("shape", [(8191,), (8193,), (3, 90_001), (2 * BLOCK + 77,)])
def test_large_arrays_are_added_up_to_the_bit(dtype: str, shape: tuple[int, ...], original: Original) -> None:
    """Blocks of ours and buffers of numpy's, and arrays in another order of memory."""
    generator = np.random.default_rng(len(shape))
    a, b = ((100 * generator.standard_normal(shape)).astype(dtype) for _ in range(2))
    check(original, {"x": a, "y": np.asfortranarray(a)}, {"x": b, "y": np.asfortranarray(b)})


DTYPES = ["float32", "float64", "float16", "int64", "int32", "uint8", "bool"]
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)
LEAVES = (
    ARRAYS | st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=2) | st.lists(st.just(1.5))
)
LEAVES |= st.sampled_from([np.float32(1.5), np.float64(2.5), np.array(["a"]), np.array(1.0)])
KEYS = st.sampled_from(["loss", "mean", "max", "min", "a key", "中", ""]) | st.integers(0, 2)
DICTS = st.recursive(
    st.dictionaries(KEYS, ARRAYS, max_size=3),
    lambda inner: st.dictionaries(KEYS, inner | LEAVES, max_size=4),
    max_leaves=6,
)


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """A value like this one: arrays a little off, now and then something of another kind or left out."""
    if draw(st.integers(0, 40)) == 0:
        return draw(LEAVES)
    if isinstance(value, dict):
        return {key: draw(changed(part)) for key, part in value.items() if draw(st.integers(0, 60))}
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return (value + value.dtype.type(draw(st.sampled_from([0, 1e-7, 1e-3, 1])))).astype(value.dtype)
    return value


@settings(max_examples=draws(100), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), threshold=st.sampled_from([1e-6, 0.5, 0.0]), method=st.sampled_from(["mean", "all"]))
def test_any_two_dumps(data: st.DataObject, threshold: float, method: str, original: Original) -> None:
    """Texts, lists, None, Python's numbers, integer keys, nested dicts and bare arrays: lines and exceptions alike."""
    a = data.draw(DICTS | LEAVES | DICTS)
    check(original, a, data.draw(changed(a)), threshold, method)


def test_what_stops_it_is_said_by_its_key() -> None:
    one = np.ones((2, 3))
    for first, second, text in (
        ({"x": one, "y": one}, {"x": one}, "key y of the first dump is not in the second"),
        ({"x": one}, {"x": one, "z": one}, "key z of the second dump is not in the first"),
        ({"m": {"w": one}}, {"m": {"w": one[:, :2]}}, "ValueError at key m.w: operands could not be broadcast"),
        ({"m": {"w": 1.5}}, {"m": {"w": 1.5}}, "NotImplementedError at key m.w: float is no array"),
        (one, one, "AssertionError: ndarray and ndarray are not both dicts"),
    ):
        assert text in helper_log(first, second).stopped


# Logs

STAMP = "[2024/03/05 12:00:00] root INFO: "


def test_logs_of_nested_dicts_are_read_back() -> None:
    array = np.ones(3, np.float32)
    a = {"enc": {"w": array, "deep": {"v": array}}, "dec": {"w": array + 1}, "loss": array}
    log = helper_log(a, {"enc": {"w": array + 1, "deep": {"v": array}}, "dec": {"w": array}, "loss": array}, 0.5)
    lines = parse(STAMP + line for line in log.lines)
    assert {line.name: line.value for line in lines} == log.means
    assert [line.name for line in lines] == ["enc.w", "enc.deep.v", "dec.w", "loss"]
    assert [line.passed for line in lines] == [False, True, False, True]


def test_a_log_of_several_reports_is_taken_apart() -> None:
    logs = [helper_log({key: np.ones(2)}, {key: np.ones(2)}).lines for key in ("acc", "f1")]
    parts = reports(STAMP + line for log in logs for line in log)
    assert [[line.name for line in report] for report in parts] == [["acc"], ["f1"]]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "logits: max diff 1.5e-06, mean diff 2e-07 passed",
            [("logits", True, "1.5e-06", "max"), ("logits", True, "2e-07", "mean")],
        ),
        ("[INFO] max abs diff of layer1.0.conv = 3e-5 -> FAILED", [("layer1.0.conv", False, "3e-5", "max")]),
        ("loss diff: 4.2e-8", [("loss", None, "4.2e-8", "any")]),
        ("encoder.w | mean_diff=0.5", [("encoder.w", None, "0.5", "mean")]),
        ("Average difference for logits: 1e-3", [("logits", None, "1e-3", "mean")]),
        ("logits: relative diff 1e-3", []),
        ("epoch 3: loss 0.25, error rate 12", []),
        ("the difference between the two is small", []),
    ],
)
def test_differences_in_other_wordings(text: str, lines: list[tuple[str, bool | None, str, str]]) -> None:
    assert printed_differences([text], named_for_it=False) == [Line(*line) for line in lines]


def test_plain_numbers_are_differences_where_the_name_says_so() -> None:
    assert printed_differences(["logits: 1e-6"], named_for_it=True) == [Line("logits", None, "1e-6", "any")]
    assert printed_differences(["logits: 1e-6"], named_for_it=False) == []
