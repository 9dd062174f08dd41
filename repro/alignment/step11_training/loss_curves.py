"""Step 11: where and how fast the losses of the two frameworks part, beside what rounding grows to in step 8."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from repro.analysis.perturbation_growth import measured_growth
from repro.config.profile import BACKENDS
from repro.config.trainings import TrainingKey
from repro.context.dumps import NotRunError, NotTrustedError, StepDumps
from repro.context.trainings import TrainingContext
from repro.numerics.perturbation_growth import relative_gap
from repro.results import Cell, Table

LOSSES = "losses.npy"
GROWTH_STEP = 8
REACHES = (20, 200, None)  # steps from the start; None: all


@dataclass(frozen=True)
class LossGap:
    """How far the losses of one training part: ``steps`` are relative gaps, float64 (steps,)."""

    steps: np.ndarray

    def largest(self, reach: int | None) -> float:
        """Within so many steps."""
        return float(self.steps[:reach].max())

    @property
    def worst_step(self) -> int:
        """The step of the largest gap, from 0."""
        return int(self.steps.argmax())


def loss_gaps(context: TrainingContext) -> dict[TrainingKey, LossGap]:
    """Of every training whose losses both frameworks left."""
    gaps = {}
    for key, *results in context.pairs():
        if all(LOSSES in result.files for result in results):
            paths = [context.run.training(side, *key) / LOSSES for side in BACKENDS]
            a, b = (np.load(path, allow_pickle=False) for path in paths)
            both = min(len(a), len(b))
            gaps[key] = LossGap(relative_gap(a[:both], b[:both]))
    return gaps


def rounding_growth(context: TrainingContext) -> np.ndarray | None:
    """What 1 ulp in every start weight grows to over step 8's trainings, relative, float64 (steps,); None without."""
    dumps = StepDumps(context.run, context.profile, GROWTH_STEP)
    try:
        dumps.open()
    except (NotRunError, NotTrustedError):
        return None
    grown = measured_growth(*dumps.dumps(), "losses")
    return None if grown is None else grown.envelope


def gap_table(context: TrainingContext, gaps: dict[TrainingKey, LossGap]) -> list[Table]:
    """One row per start weights and size: the largest gap of all its trainings; no table without losses."""
    groups: dict[tuple[str, int], list[LossGap]] = defaultdict(list)
    for key, gap in gaps.items():
        groups[key.init, key.size].append(gap)
    growth = rounding_growth(context)
    rows = []
    for (init, size), group in groups.items():
        worst = max(group, key=lambda gap: gap.largest(None))
        row: list[Cell] = [init, size, len(group), *(max(gap.largest(reach) for gap in group) for reach in REACHES)]
        rows.append((*row, worst.worst_step, len(worst.steps), *_beside(growth, group)))
    if not rows:
        return []
    columns = ["start weights", "examples", "trainings", "first 20 steps", "first 200", "all", "largest at step", "of"]
    columns += ["1 ulp in every start weight grows to", "largest gap in units of that"]
    title = "Losses, PyTorch against Paddle: largest relative difference; perturbation growth as step 8 measures it"
    return [Table(title=title, columns=tuple(columns), rows=tuple(rows))]


def _beside(growth: np.ndarray | None, group: list[LossGap]) -> tuple[Cell, Cell]:
    """Perturbation growth over the steps that step 8 ran, and the largest gap at one of them, as a multiple."""
    if growth is None:
        return None, None
    ratios = [(gap.steps[: len(growth)] / growth[: len(gap.steps)]).max() for gap in group]
    return float(growth[-1]), round(float(max(ratios)), 2)


def gap_sentence(gaps: dict[TrainingKey, LossGap]) -> str:
    """The largest differences in words; empty without losses."""
    if not gaps:
        return ""
    longest = max(gap.steps.size for gap in gaps.values())
    largest = {reach: max(gap.largest(reach) for gap in gaps.values()) for reach in REACHES}
    within = [f"{largest[reach]:.2g} in the first {reach} steps" for reach in REACHES if reach and reach < longest]
    return (
        f" Pairs of trainings: {len(gaps)}; the largest relative difference of their losses is"
        f" {', '.join([*within, f'{largest[REACHES[-1]]:.2g} in all'])}."
    )
