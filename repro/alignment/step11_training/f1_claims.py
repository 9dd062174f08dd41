"""Step 11's documented F1 scores: does a run like this one reach them?

The rows per seed and their averages are the Paddle program's, the rows of the paper the PyTorch program's. A claim is
reproduced if it lies inside the interval in which 95 % of further runs would lie, as the run's own seeds show it.
"""

from dataclasses import dataclass

from repro.claims import Claim, load_claims
from repro.config.profile import BACKEND_NAMES
from repro.context.trainings import TrainingContext
from repro.numerics.seed_statistics import prediction_interval, spread, welch_interval
from repro.results import ClaimResult, ClaimVerdict
from repro.results.inputs import read_inputs

SIZES, SEEDS = (16, 128, 1024), (42, 43, 44, 45, 46)
CLAIMS = (
    *(f"11.f1.{size}.{seed}" for size in SIZES for seed in (*SEEDS, "average")),
    *(f"11.paper.{size}" for size in SIZES),
)
ONE_SEED = "one seed alone does not show how far seeds scatter"


def claim_results(context: TrainingContext) -> list[ClaimResult]:
    """A verdict on every documented F1, size by size."""
    documented, backends = load_claims(), context.profile.backends
    published = "paddle" if "paddle" in backends else backends[0]
    original = "pytorch" if "pytorch" in backends else backends[0]
    results = []
    for size in SIZES:
        rows = {seed: documented[f"11.f1.{size}.{seed}"] for seed in SEEDS}
        trained = _Trained(context, published, size)
        results += [trained.seed_claim(claim, seed) for seed, claim in rows.items()]
        values = [float(claim.value) for claim in rows.values()]
        results.append(trained.mean_claim(documented[f"11.f1.{size}.average"], values))
        results.append(_Trained(context, original, size).mean_claim(documented[f"11.paper.{size}"], []))
    return results


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


@dataclass(frozen=True)
class _Trained:
    """The trainings of one framework and size from pretrained weights."""

    context: TrainingContext
    backend: str
    size: int

    @property
    def scores(self) -> dict[int, float]:
        return self.context.f1(self.backend, "pretrained", self.size)

    def seed_claim(self, claim: Claim, seed: int) -> ClaimResult:
        scores, name = self.scores, f"{BACKEND_NAMES[self.backend]}{self.context.profile.training.reduced}"
        if seed not in scores:
            return _not_run(claim, f"The profile does not train {self.size} examples with seed {seed}.")
        why = incomparable(self.context)
        if why or len(scores) < 2:
            reason = f"{name} reaches this F1 here, but {why}." if why else f"{ONE_SEED[0].upper()}{ONE_SEED[1:]}."
            return self._result(claim, [seed], scores[seed], "not comparable in this profile", reason)
        low, high = prediction_interval(scores.values(), 1)
        inside = low <= float(claim.value) <= high
        reason = (
            f"The documented value lies {'inside' if inside else 'outside'} [{low:.2f}, {high:.2f}], where 95 % of"
            f" further runs like these {len(scores)} of {name} would lie."
        )
        return self._result(claim, [seed], scores[seed], "reproduced" if inside else "differs", reason)

    def mean_claim(self, claim: Claim, documented: list[float]) -> ClaimResult:
        """Verdict on a documented mean over seeds.

        Args:
            documented: the scores of the single seeds, where the document has them.
        """
        scores = self.scores
        if not scores:
            return _not_run(claim, f"The profile does not train {self.size} examples.")
        mean, deviation = spread(scores.values())
        text = f"{BACKEND_NAMES[self.backend]}'s mean over {len(scores)} seeds{self.context.profile.training.reduced}"
        text += f", standard deviation {deviation:.2f}" if deviation is not None else ""
        why = incomparable(self.context)
        if why or deviation is None:
            reason = f"{text}, but {why or ONE_SEED}."
            return self._result(claim, list(scores), mean, "not comparable in this profile", reason)
        if documented:
            low, high = welch_interval(scores.values(), documented)
            inside = low <= 0 <= high
            rule = f"Welch's 95 % interval of the difference of means is [{low:.2f}, {high:.2f}]"
        else:
            low, high = prediction_interval(scores.values(), len(SEEDS))
            inside = low <= float(claim.value) <= high
            rule = f"95 % of further means of {len(SEEDS)} seeds would lie in [{low:.2f}, {high:.2f}]"
        verdict: ClaimVerdict = "reproduced" if inside else "differs"
        return self._result(claim, list(scores), mean, verdict, f"{text}; {rule}.")

    def _result(
        self, claim: Claim, seeds: list[int], measured: float, verdict: ClaimVerdict, reason: str
    ) -> ClaimResult:
        evidence = self.context.evidence((self.backend, "pretrained", self.size, seed) for seed in seeds)
        return ClaimResult(id=claim.id, measured=measured, verdict=verdict, reason=reason, evidence=evidence)


def _not_run(claim: Claim, reason: str) -> ClaimResult:
    return ClaimResult(id=claim.id, measured=None, verdict="not run", reason=reason)
