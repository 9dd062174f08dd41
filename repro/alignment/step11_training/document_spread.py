"""Step 11 against the document: do the published rows scatter as trainings of this protocol do?

Published rows are one run of each training file, so the first run of each file here is what they are compared with.
Five files on either side see only a ratio below about a third; the paper's spread is not among the claims.
"""

from dataclasses import dataclass

from repro.alignment.step11_training.documented import SIZES, documented_rows
from repro.config.profile import BACKEND_NAMES
from repro.context.trainings import TrainingContext
from repro.numerics.equivalence import ALPHA, DECIMALS, holm
from repro.numerics.seed_statistics import SpreadRatio, spread_ratio
from repro.results import Table

TOO_SMALL = "smaller than its protocol gives"


@dataclass(frozen=True)
class SpreadComparison:
    """Table and summary; both empty where nothing can be compared."""

    tables: list[Table]
    summary: str


def spread_comparison(context: TrainingContext) -> SpreadComparison:
    """Standard deviation of the published rows over that of the run, size by size."""
    backend = "paddle" if "paddle" in context.profile.backends else context.profile.backends[0]
    ratios: dict[int, SpreadRatio] = {}
    for size in SIZES:
        documented, scores = [*documented_rows(size).values()], context.scores(backend, "pretrained", size)
        first = [runs[0] for runs in scores.values()]
        if first and (ratio := spread_ratio(documented, first)):
            ratios[size] = ratio
    corrected = dict(zip(ratios, holm([ratio.p_smaller for ratio in ratios.values()]), strict=True))
    small = [size for size, p in corrected.items() if p < ALPHA]
    rows = [
        (
            size,
            *(round(value, DECIMALS) for value in (ratio.a, ratio.b, ratio.ratio, *ratio.interval)),
            TOO_SMALL if size in small else "not shown to be small",
        )
        for size, ratio in ratios.items()
    ]
    if not rows:
        return SpreadComparison([], "")
    columns = ["examples", "deviation of the published rows", f"of {BACKEND_NAMES[backend]} here", "ratio"]
    columns += ["from", "to", f"verdict (one-sided F test, {100 * ALPHA:g} %, Holm)"]
    title = "Spread of F1 over training files against the document (points; 95 % interval of the ratio)"
    sizes = [f"{size} examples ({ratios[size].a:.2f} points, {ratios[size].b:.2f} here)" for size in small]
    summary = f" The published rows scatter less than this protocol gives: {', '.join(sizes)}." if sizes else ""
    return SpreadComparison([Table(title=title, columns=tuple(columns), rows=tuple(rows))], summary)
