"""The simulation of step 11's statistics, small: rates are where its page says."""

import numpy as np

from benchmarks.seed_statistics import FILES, PARTS, SIZES, conclusions, families_of


def share(deviation: float, true: float, conclusion: str, count: int = 60) -> float:
    """Of sizes with this conclusion."""
    noise = np.random.Generator(np.random.PCG64(0)).normal(true, deviation, (count, SIZES, FILES))
    return float(np.mean([text == conclusion for family in families_of(noise) for text in conclusions(family)]))


def test_noise_passes_nothing_and_a_point_is_found_where_it_can_be() -> None:
    equivalent, different = "equivalent within the margin", "different"
    assert share(0.2, 0.0, equivalent) == 1.0 and share(0.2, 1.0, different) > 0.9
    assert share(0.2, 1.0, equivalent) < 0.1 and share(5.0, 0.0, equivalent) == 0.0
    assert share(5.0, 1.0, "not shown") > 0.9 and share(5.0, 0.0, different) < 0.05


def test_every_part_is_a_table() -> None:
    for part in PARTS.values():
        lines = [*part(np.random.Generator(np.random.PCG64(0)), 2)]
        assert len(lines) > 5 and {line.count("|") for line in lines[:5]} == {lines[0].count("|")}
