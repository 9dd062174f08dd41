"""Faults put into one side on purpose: the comparison of logits has to show each."""

import numpy as np
import pytest

from tests.backends.conftest import Results

# Relative L2 of the logits that the fault makes at least; two sound sides are less than 1e-14 apart.
LEAST = {"epsilon": 1e-6, "transposed": 1e-2, "sep": 1e-2}


def distance(a: np.ndarray, b: np.ndarray) -> float:
    mask = (a > -5000) & (b > -5000)
    return float(np.linalg.norm(a[mask] - b[mask]) / np.linalg.norm(a[mask]))


@pytest.mark.parametrize(("backend", "other"), [("pytorch", "paddle"), ("paddle", "pytorch")])
@pytest.mark.parametrize("fault", LEAST)
def test_a_fault_on_one_side_shows(results: dict[str, Results], backend: str, other: str, fault: str) -> None:
    for name in ("start_logits", "end_logits"):
        sound = results[other].arrays[f"float64/logits/{name}"]
        faulty = results[backend].arrays[f"fault/{fault}/{name}"]
        assert distance(sound, results[backend].arrays[f"float64/logits/{name}"]) < 1e-14
        assert distance(sound, faulty) > LEAST[fault]
        assert distance(results[other].arrays[f"fault/{fault}/{name}"], faulty) < 1e-14
