"""How often two programs compute one loss to the bit: the bound against networks that are trained in two orders."""

import numpy as np
import pytest

from repro.audit.arithmetic import EVEN, chance_of_equal
from tests.audit.habits.numbers import Network, batches, initial

STEPS, NETWORKS = 40, 12


@pytest.mark.parametrize("rows", [4, 32, 256])
def test_the_chance_of_an_equal_loss_is_the_measured_share(rows: int) -> None:
    """Within 0.1: one network in four loses or wins that much in ``STEPS`` steps, twelve on average less than half."""
    measured, derived = [], []
    for seed in range(NETWORKS):
        rng = np.random.default_rng(seed)
        weights, data = initial(rng), batches(rng, STEPS, rows)
        networks = [Network(blocks, dict(weights)) for blocks in (1, 4)]
        logits = [network.forward(data[0][0])[1] for network in networks]
        losses = [network.train(data) for network in networks]
        measured.append((losses[0] == losses[1]).mean())
        error = float(np.sqrt(((logits[0] - logits[1]) ** 2).mean()) / np.spacing(losses[0].max()))
        derived.append(chance_of_equal(error, rows))
    assert np.mean(derived) == pytest.approx(np.mean(measured), abs=0.1)


def test_what_is_not_known_counts_as_even() -> None:
    assert chance_of_equal(0.0, 0) == chance_of_equal(100.0, 32) == EVEN
    assert EVEN < chance_of_equal(0.0, 4) < chance_of_equal(0.0, 32) < chance_of_equal(0.0, 10**6) < 0.85
