"""The effect of each variant on F1, answers and loss, and what can be said of it.

Assumptions. Seeds are independent draws of a training file, an order and masks; the variant and its reference share all
three, so that their difference shows the deviation and the seed's response to it alone. The tests are those of step 11
(``repro.numerics.equivalence``).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from repro.config.profile import BackendName
from repro.config.switches import BASELINE, ROUNDING
from repro.numerics.equivalence import Difference, holm, paired
from repro.numerics.perturbation_growth import largest_so_far, relative_gap
from repro.numerics.seed_statistics import CONFIDENCE
from repro.numerics.verdict import SCATTER
from repro.results import TrainingResult
from repro.results.deviations import Comparison, CurveEffect, Effect


@dataclass(frozen=True)
class Trained:
    """One finished training: its result, its loss at every step, float64 (steps,), its answer to every question."""

    result: TrainingResult
    losses: np.ndarray
    answers: Mapping[str, str]

    @classmethod
    def read(cls, folder: Path, result: TrainingResult) -> "Trained":
        """What lies beside a result."""
        answers = json.loads((folder / "predictions.json").read_bytes())
        return cls(result, np.load(folder / "losses.npy", allow_pickle=False), answers)


Seeds = Mapping[int, Trained]  # by seed


def curve_effect(pairs: Sequence[tuple[np.ndarray, np.ndarray]], rounding: Sequence[np.ndarray]) -> CurveEffect:
    """Change of the loss.

    Args:
        pairs: losses of the variant and of its reference, of the same steps, one pair a seed.
        rounding: relative change of the loss from weights that are 1 ulp off, one array a seed. As between two programs
            (``repro.numerics.perturbation_growth``), up to ``SCATTER`` times the largest so far counts as rounding.
    """
    changes, beyond = [relative_gap(*pair) for pair in pairs], []
    for change, moved in zip(changes, rounding, strict=True):
        limit = SCATTER * largest_so_far(moved)[: change.size]
        beyond += np.flatnonzero(change[: limit.size] > limit).tolist()[:1]
    largest = [max(at) for at in zip_longest(*(change.tolist() for change in changes), fillvalue=0.0)]
    return CurveEffect(change=tuple(largest), beyond_rounding=min(beyond, default=None))


def common_steps(a: Trained, b: Trained) -> tuple[np.ndarray, np.ndarray]:
    """Losses of both as far as the shorter training goes."""
    steps = min(a.losses.size, b.losses.size)
    return a.losses[:steps], b.losses[:steps]


def effect(backend: BackendName, trained: Mapping[str, Seeds], name: str, reference: str) -> Effect:
    """Effect of one variant in one framework at one size.

    Args:
        trained: trainings of every variant, all with the same seeds.
    """
    baseline, moved = trained[BASELINE], trained[ROUNDING]
    pairs = [(trained[name][seed], trained[reference][seed]) for seed in baseline]
    losses = [common_steps(a, b) for a, b in pairs]
    answers = [a.answers[question] != b.answers.get(question) for a, b in pairs for question in a.answers]
    differences = [a.result.f1 - b.result.f1 for a, b in pairs]
    difference = paired(differences)
    return Effect(
        backend=backend,
        differences=tuple(differences),
        mean=difference.mean,
        interval=difference.interval(CONFIDENCE) if len(differences) > 1 else None,
        answers_changed=100.0 * float(np.mean(answers)),
        curve=curve_effect(losses, [relative_gap(*common_steps(moved[seed], baseline[seed])) for seed in baseline]),
        unchanged=not any(answers) and all(np.array_equal(*curves) for curves in losses),
    )


def by_file(effects: Sequence[Effect]) -> Difference:
    """The differences of each seed, averaged over the frameworks.

    The frameworks take the same path and count once: the unit is the training file.
    """
    return paired(np.mean([effect.differences for effect in effects], axis=0).tolist())


def judged(compared: Sequence[Comparison], margin: float) -> list[Comparison]:
    """The same with verdicts, and with p corrected by Holm over all deviations and sizes.

    Holm, since a reader looks for the largest effects among all of them, and since it needs no assumption on how they
    depend on each other: variants share their files, their masks and their reference. Rounding is no deviation, and no
    test.

    Args:
        margin: a mean difference below so many points of F1 counts as none.
    """
    tested = [item for item in compared if item.variant != ROUNDING]
    corrected = iter(holm([by_file(item.effects).p_difference for item in tested]))
    return [item if item.variant == ROUNDING else _judged(item, margin, next(corrected)) for item in compared]


def _judged(item: Comparison, margin: float, p: float) -> Comparison:
    if all(effect.unchanged for effect in item.effects):
        return item.replace(p_adjusted=p, verdict="no change")
    return item.replace(p_adjusted=p, verdict=by_file(item.effects).conclusion(margin, p))
