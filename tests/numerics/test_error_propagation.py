"""Shares sum to the difference, and an error is attributed to the operation that makes it."""

from operator import itemgetter
from typing import Any

import numpy as np
import pytest

from repro.numerics.arrays import Arrays
from repro.numerics.error_propagation import add_moves, input_error, patch_activations, propagate_errors
from repro.results.precision import OperationError, Shares

LAYERS, WIDTH, ROWS = 12, 24, 6
SPAN = "logits"


class Chain:
    """Embeddings, layers with a residual and a normalisation, and a product of two branches."""

    def __init__(self, seed: int = 0) -> None:
        generator = np.random.default_rng(seed)
        self.weights = [generator.normal(0, 1 / np.sqrt(WIDTH), (WIDTH, WIDTH)) for _ in range(LAYERS)]
        self.weights = [matrix.astype(np.float32) for matrix in self.weights]
        self.start = generator.normal(size=(ROWS, WIDTH)).astype(np.float32)
        names = ["embeddings", *(f"layer.{n}" for n in range(LAYERS))]
        self.operations: dict[str, tuple[str, ...]] = {
            name: (names[i - 1],) if i else ("start",) for i, name in enumerate(names)
        }
        self.operations |= {"query": (names[-1],), "keys": (names[-1],), SPAN: ("query", "keys")}

    def run(self, name: str, values: dict[str, Any], dtype: str = "float64", order: int = 1) -> np.ndarray:
        first, *others = (values[key].astype(dtype) for key in self.operations[name])
        if name == SPAN:
            return self._product(first, others[0].T, order)
        if not name.startswith("layer."):
            return first * np.asarray(1.1, dtype)
        output = first + np.tanh(self._product(first, self.weights[int(name[6:])].astype(dtype), order))
        return output / np.sqrt((output**2).mean(-1, keepdims=True))

    @staticmethod
    def _product(a: np.ndarray, b: np.ndarray, order: int) -> np.ndarray:
        total = np.zeros((a.shape[0], b.shape[1]), a.dtype)
        for k in range(a.shape[1])[::order]:
            total = total + a[:, k, None] * b[k]
        return total

    def float32(self, order: int, fault: str = "", size: float = 0.0) -> Arrays:
        """A float32 pass; the values of ``fault`` are off by a relative ``size``, which what follows inherits."""
        values: dict[str, Any] = {"start": self.start}
        for name in self.operations:
            values[name] = self.run(name, values, "float32", order)
            if name == fault:
                noise = np.random.default_rng(1).normal(size=values[name].shape) * values[name].std()
                values[name] = values[name] + (size * noise).astype(np.float32)
        return {name: values[name] for name in self.operations}


def attribute(chain: Chain, a: Arrays, b: Arrays) -> tuple[dict[str, OperationError], Shares]:
    errors: dict[str, OperationError] = {}
    shares = Shares()
    for rows in (slice(0, 2), slice(2, ROWS)):
        parts = [{n: (v[rows] if n != SPAN else v[rows][:, rows]) for n, v in side.items()} for side in (a, b)]
        f64 = propagate_errors(chain.operations, chain.run, {"start": chain.start[rows]}, parts[1], errors)
        a_moves, b_moves = (
            patch_activations(chain.operations, chain.run, f64, part, itemgetter(SPAN)) for part in parts
        )
        add_moves(shares, a_moves, b_moves, *(part[SPAN] for part in parts))
    return errors, shares


def test_shares_sum_to_the_difference_within_their_stated_error() -> None:
    chain = Chain()
    _, shares = attribute(chain, chain.float32(1), chain.float32(-1))
    assert shares.difference > 0 and list(shares.dot) == list(chain.operations)
    assert abs(shares.total() - 1) <= shares.total_error() < 1e-6


@pytest.mark.parametrize("culprit", ["layer.5", "layer.0", "query", SPAN])
def test_an_injected_error_is_attributed_to_where_it_was_injected(culprit: str) -> None:
    chain = Chain()
    clean, faulty = chain.float32(1), chain.float32(-1, culprit, 1e-3)
    errors, shares = attribute(chain, clean, faulty)
    assert shares.share(culprit) > 0.99
    assert max(abs(shares.share(name)) for name in chain.operations if name != culprit) < 0.01
    assert max(chain.operations, key=lambda name: errors[name].relative("local")) == culprit


def test_an_error_as_small_as_rounding_shows_as_one_share_among_others() -> None:
    chain = Chain()
    errors, shares = attribute(chain, chain.float32(1), chain.float32(-1, "layer.5", 1e-6))
    assert max(chain.operations, key=shares.share) == "layer.5"
    assert errors["layer.5"].relative("local") > 3 * errors["layer.4"].relative("local")


def test_the_error_of_the_inputs_is_no_local_error() -> None:
    chain = Chain()
    errors, _ = attribute(chain, chain.float32(1), chain.float32(-1, "layer.5", 1e-3))
    behind = errors["layer.8"]
    assert input_error("layer.8", chain.operations, errors) > 1e-4
    assert behind.relative("local") < 1e-6 and behind.relative("propagated") > 1e-4
    assert input_error("embeddings", chain.operations, errors) == 0.0


def test_equal_passes_have_no_difference_to_share() -> None:
    chain = Chain()
    _, shares = attribute(chain, chain.float32(1), chain.float32(1))
    assert shares.difference == 0.0 and shares.total() == 0.0 and shares.share("layer.0") == 0.0
