"""Faults put into one side on purpose: the comparison of logits has to show each."""

from __future__ import annotations

import numpy as np
import pytest

from tests.backends.conftest import Results

# Relative L2 of the logits that the fault makes at least; two sound sides are less than 1e-14 apart.
LEAST = {"epsilon": 1e-6, "transposed": 1e-2, "sep": 1e-2}


def distance(a: np.ndarray, b: np.ndarray) -> float:
    seen = (a > -5000) & (b > -5000)
    return float(np.linalg.norm(a[seen] - b[seen]) / np.linalg.norm(a[seen]))


@pytest.mark.parametrize("backend", ["pytorch", "paddle"])
@pytest.mark.parametrize("fault", list(LEAST))
def test_a_fault_on_one_side_shows(results: dict[str, Results], backend: str, fault: str) -> None:
    other = {"pytorch": "paddle", "paddle": "pytorch"}[backend]
    for name in ("start_logits", "end_logits"):
        sound = results[other].arrays[f"float64/logits/{name}"]
        assert distance(sound, results[backend].arrays[f"float64/logits/{name}"]) < 1e-14
        assert distance(sound, results[backend].arrays[f"fault/{fault}/{name}"]) > LEAST[fault]


def test_the_same_fault_on_both_sides_is_the_same(torch_results: Results, paddle_results: Results) -> None:
    for fault in LEAST:
        a, b = (found.arrays[f"fault/{fault}/start_logits"] for found in (torch_results, paddle_results))
        assert distance(a, b) < 1e-14, fault
