"""Statistics of the deviations: what is found, what is not, and that noise never helps."""

import numpy as np
import pytest

from repro.config.profile import BACKENDS
from repro.deviations.effects import by_file, curve_effect, judged
from repro.numerics.equivalence import paired
from repro.results.deviations import Comparison, CurveEffect, Effect

ROUNDING = np.full(50, 1e-7)


def comparison(*differences: list[float], variant: str = "order", unchanged: bool = False) -> Comparison:
    """Of as many frameworks as there are lists."""
    effects = [
        Effect(
            backend=backend,
            differences=tuple(values),
            mean=sum(values) / len(values),
            interval=None,
            answers_changed=1.0,
            curve=CurveEffect(change=(0.0,), beyond_rounding=None),
            unchanged=unchanged,
        )
        for backend, values in zip(BACKENDS, differences, strict=False)
    ]
    return Comparison(
        variant=variant,
        reference="paper",
        size=16,
        seeds=tuple(range(len(differences[0]))),
        effects=tuple(effects),
        mean=by_file(effects).mean,
        p_adjusted=None,
        verdict="reference",
    )


CLEAR, CLOSE = [-3.0, -3.1, -2.9, -3.2, -2.8], [1.9, 1.1, 2.7, 1.4, 2.2]


def verdicts(*compared: Comparison) -> list[str]:
    return [item.verdict for item in judged(compared, 1.0)]


def test_the_verdict_is_corrected_for_every_comparison() -> None:
    assert verdicts(comparison(CLOSE)) == ["different"]
    among_many = [comparison(CLEAR), *(comparison(CLOSE, variant=f"deviation {number}") for number in range(40))]
    assert verdicts(*among_many)[:2] == ["different", "not shown"]
    assert judged(among_many, 1.0)[1].p_adjusted == pytest.approx(40 * paired(CLOSE).p_difference)
    reference, deviation = judged([comparison(CLEAR, variant="rounding"), comparison(CLOSE)], 1.0)
    assert reference.p_adjusted is None and reference.verdict == "reference", "rounding is no deviation"
    assert deviation.p_adjusted == pytest.approx(paired(CLOSE).p_difference)


def test_frameworks_on_the_same_path_count_once() -> None:
    one, two = judged([comparison(CLOSE)], 1.0), judged([comparison(CLOSE, CLOSE)], 1.0)
    assert one[0].p_adjusted == two[0].p_adjusted


def test_noise_never_helps() -> None:
    small = [0.1, -0.2, 0.0, 0.2, -0.1]
    assert verdicts(comparison(small)) == ["equivalent within the margin"]
    for values in (small, CLEAR):
        noisy = [value + noise for value, noise in zip(values, (-6, 5, -4, 6, -1), strict=True)]
        assert verdicts(comparison(noisy)) == ["not shown"]
    assert verdicts(comparison([0.5])) == ["not shown"], "a single seed shows nothing"
    assert verdicts(comparison([0.0] * 5, unchanged=True)) == ["no change"]


def test_a_change_counts_from_the_step_at_which_rounding_cannot_explain_it() -> None:
    reference = np.linspace(5.0, 1.0, 50)
    losses = reference.copy()
    losses[20:] *= 1 + 1e-4
    assert curve_effect([(losses, reference)], [ROUNDING]).beyond_rounding == 20
    assert curve_effect([(losses, reference)], [ROUNDING]).largest == pytest.approx(1e-4, rel=1e-3)
    losses[10:20] *= 1 + 1e-6  # within 16 times the effect of 1 ulp
    assert curve_effect([(losses, reference)], [ROUNDING]).beyond_rounding == 20
    growth = np.geomspace(1e-7, 1e-2, 50)
    assert curve_effect([(losses, reference)], [growth]).beyond_rounding is None, "training has amplified rounding"
    assert curve_effect([(reference, reference), (losses, reference)], [growth, ROUNDING]).beyond_rounding == 20
    shorter = curve_effect([(reference[:45], reference[:45])], [ROUNDING])
    assert shorter == CurveEffect(change=(0.0,) * 45, beyond_rounding=None)
