"""Numbers that follow from published arrays by more than a mean difference. Each function returns a sentence."""

import math

import numpy as np

from repro.audit.facts import Facts, key_facts
from repro.markdown import number
from repro.numerics.arrays import Arrays
from repro.numerics.schedule import linear_schedule

HALF_UNIT = 2.0**-24


def part(a: np.ndarray, b: np.ndarray, index: int) -> tuple[str, str]:
    """Mean |a - b| at one index of the first axis (empty where there is none), and what it implies.

    Args:
        a, b: masked logits (2, B, T), of which the document compares one half before masking.
    """
    facts = key_facts("", a[index], b[index])
    if facts.difference is None:
        return "", "the arrays cannot be subtracted"
    mean = facts.difference.mean_abs
    text = f"the arrays before masking were not published; in the masked logits this half differs by {number(mean, 8)}"
    if facts.masked:
        reach = facts.masked * float(np.spacing(np.float32(1e4)))
        text += f", and adding -10000 to {facts.masked:.0%} of them can move that by up to {number(reach, 2)}"
    return repr(mean), text


def _cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    f64 = logits.astype(np.float64)  # (B, T)
    top = f64.max(axis=-1, keepdims=True)
    normaliser = (top + np.log(np.exp(f64 - top).sum(axis=-1, keepdims=True)))[..., 0]  # (B,)
    return float((normaliser - f64[np.arange(len(labels)), labels]).mean())


def cross_entropy(a: np.ndarray, b: np.ndarray, inputs: Arrays, losses: tuple[float, float]) -> str:
    """The span loss of both frameworks' published logits in float64, beside the published float32 losses.

    Args:
        a, b: logits (2, B, T): start and end.
        inputs: with ``start_positions`` and ``end_positions``, (B,).
        losses: as published, reference and port.
    """
    try:
        labels = [inputs[name].reshape(-1).astype(np.int64) for name in ("start_positions", "end_positions")]
        exact = [
            sum(_cross_entropy(half, label) for half, label in zip(side, labels, strict=True)) / 2 for side in (a, b)
        ]
    except (KeyError, ValueError, IndexError) as error:
        return f"the loss cannot be recomputed from logits and labels ({error})"
    unit = float(np.spacing(np.float32(losses[0])))
    off = max(abs(value - loss) for value, loss in zip(exact, losses, strict=True)) / unit
    return (
        f"recomputed in float64 from the published logits and labels, the losses are {exact[0]:.8f} and"
        f" {exact[1]:.8f}, {number(abs(exact[0] - exact[1]))} apart, and the published ones are at most"
        f" {number(off, 2)} float32 units away: the loss functions agree, and the difference is that of their logits"
    )


def schedule(a: np.ndarray, b: np.ndarray) -> str:
    """The linear schedule that two equal sequences of rates (steps,) begin, if any."""
    rates = np.asarray(a, dtype=np.float64).ravel()
    top = int(rates.argmax())
    if rates.size < 3 or top + 1 >= rates.size or rates[top] <= rates[top + 1] or (a != b).any():
        return "the rates are not the beginning of one warm-up and decay on both sides"
    total = top + round(float(rates[top] / (rates[top] - rates[top + 1])))
    exact = bool((linear_schedule(float(rates[top]), top / total, total)[: rates.size] == rates).all())
    fit = "to the bit" if exact else "nearly"
    rest = "" if rates.size > total else f", of which steps {rates.size} to {total} were not compared"
    known = f"peak {rates[top]:g}, {top} warm-up steps and 0 at step {total}"
    return f"both sides are, {fit}, a linear schedule with {known}{rest}"


def equal_arrays(a: Arrays, b: Arrays, compared: np.ndarray) -> tuple[bool, str]:
    """Whether two dumps are equal in keys, shapes, dtypes and values, and which of their arrays was compared."""
    wrong = sorted(set(a) ^ set(b))
    wrong += [k for k in a if k in b and (a[k].shape, a[k].dtype) != (b[k].shape, b[k].dtype)]
    wrong += [k for k in a if k in b and a[k].shape == b[k].shape and (a[k] != b[k]).any()]
    if wrong:
        return False, f"not equal: {', '.join(dict.fromkeys(wrong))}"
    seen = [k for k in a if np.array_equal(a[k], compared)]
    text = f"{', '.join(a)} are equal on both sides in shape, dtype and every value"
    return True, f"{text}; the log is about {', '.join(seen) or 'none'} of them alone"


def product(facts: Facts, length: int) -> str:
    """What the size of a difference says about the matrix product behind it, of ``length`` terms in each sum.

    A float32 sum of n products is typically off by sqrt(n) half units of the sum of their magnitudes, which is at
    least the magnitude of the result (Higham and Mary, 2019).
    """
    inner = facts.informative
    if inner is None:
        return "the arrays cannot be subtracted"
    typical = math.sqrt(length) * HALF_UNIT * facts.mean_size
    left = "" if facts.residual is None else f"; {number(facts.residual)} without the shift that softmax cancels"
    return (
        f"the logits that carry information run from {number(facts.low)} to {number(facts.high)}, mean size"
        f" {number(facts.mean_size)}; their mean difference {number(inner.mean_abs)} is {number(inner.relative_l2)}"
        f" relative (L2) or {number(inner.mean_abs / facts.unit)} float32 units{left}. One float32 sum of {length}"
        f" products of that result is typically off by at least sqrt({length}) * 2^-24 * {number(facts.mean_size)} ="
        f" {number(typical)}, whichever program adds it up"
    )
