"""Step 11's documented F1 scores beside what the run has to say about each.

The rows per training file and their averages are the Paddle program's, the paper's averages the PyTorch program's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from repro.claims import Claim, load_claims
from repro.context.trainings import TrainingContext
from repro.numerics.equivalence import Difference, from_mean, one_of, paired
from repro.numerics.seed_statistics import spread
from repro.results.inputs import read_inputs

SIZES, SEEDS = (16, 128, 1024), (42, 43, 44, 45, 46)
CLAIMS = (
    *(f"11.f1.{size}.{seed}" for size in SIZES for seed in (*SEEDS, "average")),
    *(f"11.paper.{size}" for size in SIZES),
)


@dataclass(frozen=True)
class Comparison:
    """A documented F1 and the measured one.

    Attributes:
        kind: ``row``: a single training file; ``average`` of the rows; ``paper``: the paper's average.
        seeds: training files behind ``measured``; none where the profile does not train them.
        difference: measured - documented; None where the document has no row for these files.
    """

    claim: Claim
    backend: str
    size: int
    kind: Literal["row", "average", "paper"]
    seeds: tuple[int, ...] = ()
    measured: float = 0.0
    difference: Difference | None = None


def comparisons(context: TrainingContext) -> Iterator[Comparison]:
    """Every documented F1, in the order of ``CLAIMS``."""
    backends = context.profile.backends
    paddle, pytorch = (name if name in backends else backends[0] for name in ("paddle", "pytorch"))
    yield from (item for size in SIZES for item in _published(context, paddle, size))
    yield from (_paper(context, pytorch, size) for size in SIZES)


def documented_rows(size: int) -> dict[int, float]:
    """Seed of the training file -> documented F1."""
    claims = load_claims()
    return {seed: float(claims[f"11.f1.{size}.{seed}"].value) for seed in SEEDS}


def _published(context: TrainingContext, backend: str, size: int) -> Iterator[Comparison]:
    """The rows of one size, then their average. Both programs trained on the same files, so files pair them."""
    claims, documented = load_claims(), documented_rows(size)
    scores = context.f1(backend, "pretrained", size)
    common = [seed for seed in SEEDS if seed in scores]
    differences = [scores[seed] - documented[seed] for seed in common]
    for seed in SEEDS:
        claim = claims[f"11.f1.{size}.{seed}"]
        if seed not in scores:
            yield Comparison(claim, backend, size, "row")
        else:
            difference = one_of(differences, common.index(seed))
            yield Comparison(claim, backend, size, "row", (seed,), scores[seed], difference)
    claim = claims[f"11.f1.{size}.average"]
    if not scores:
        yield Comparison(claim, backend, size, "average")
    else:
        of_mean = paired(differences) if differences else None
        yield Comparison(claim, backend, size, "average", tuple(scores), spread(scores.values())[0], of_mean)


def _paper(context: TrainingContext, backend: str, size: int) -> Comparison:
    """The paper's average, of which neither rows nor a spread are among the claims."""
    claim, scores = load_claims()[f"11.paper.{size}"], context.f1(backend, "pretrained", size)
    if not scores:
        return Comparison(claim, backend, size, "paper")
    values = [*scores.values()]
    difference = from_mean(values, float(claim.value), len(SEEDS))
    return Comparison(claim, backend, size, "paper", tuple(scores), spread(values)[0], difference)


def incomparable(context: TrainingContext) -> str:
    """Why F1 cannot be compared with the document; empty where it can."""
    profile = context.profile
    if profile.weights.source != "fetched" or profile.data.source != "fetched":
        return f"profile {profile.name} trains other weights on other data than the document"
    if profile.data.directory is not None and not read_inputs(context.run).data.published:
        return "these are other data than the document's"
    if profile.protocol != "paper" and profile.backends == ("pytorch",):
        return "the published Paddle program's rules need Paddle"
    return ""
