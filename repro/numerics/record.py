"""What a comparison writes down. Typed, fails closed: an outcome that is not ``compared`` is never a pass."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Outcome = Literal[
    "compared",
    "missing key",
    "extra key",
    "shape differs",
    "dtype differs",
    "not finite",
    "same file",
    "stale file",
    "constant",
]
NumberVerdict = Literal[
    "equal",
    "same semantics, rounding only",
    "as declared",
    "no systematic difference",
    "different semantics",
    "undecidable at this precision",
]
PASSED: tuple[NumberVerdict, ...] = (
    "equal",
    "same semantics, rounding only",
    "as declared",
    "no systematic difference",
)
ClaimVerdict = Literal[
    "reproduced",
    "differs",
    "document inconsistent",
    "published check could not fail",
    "not comparable in this profile",
    "not run",
]


@dataclass(frozen=True)
class Record:
    """One compared tensor, PyTorch (a) against Paddle (b).

    Attributes:
        mean_abs, max_abs: of |a - b|, in the tensor's unit.
        relative_l2: ||a - b|| / ||a||.
        max_ulp: largest distance in units in the last place of the compared dtype; None for integers.
        scale: root mean square of a.
        error_a, error_b: relative L2 of each float32 result against its own framework's float64 result.
        gap64: relative L2 between the two float64 results: the semantic gap.
        noise_floor: relative L2 by which the steadier framework's own float32 result moves at most when weights move
            by one unit in the last place, or rows and threads are others; None where it was not measured.
        tolerance: bound on ``gap64`` (or on ``mean_abs`` where only equality counts: 0), with its derivation.
    """

    name: str
    outcome: Outcome
    shape: tuple[int, ...] = ()
    dtype: str = ""
    mean_abs: float | None = None
    max_abs: float | None = None
    relative_l2: float | None = None
    max_ulp: float | None = None
    scale: float | None = None
    error_a: float | None = None
    error_b: float | None = None
    gap64: float | None = None
    noise_floor: float | None = None
    tolerance: float | None = None
    derivation: str = ""
    verdict: NumberVerdict = "undecidable at this precision"
    reason: str = ""
    sha256_a: str = ""
    sha256_b: str = ""

    @property
    def passed(self) -> bool:
        """True only for a finished comparison with one of the verdicts ``PASSED``."""
        return self.outcome == "compared" and self.verdict in PASSED


@dataclass(frozen=True)
class ClaimResult:
    """A documented number (by its id in the claims file) answered by a measurement.

    ``measured`` is None where the profile cannot measure it; ``evidence`` names files of the run with their sha256.
    """

    id: str
    measured: float | str | None
    verdict: ClaimVerdict
    reason: str
    relative: float | None = None
    evidence: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True)
class StepResult:
    """One of the eleven steps, as written to ``records/stepNN.json``.

    ``status``: ``passed`` every record passed; ``failed`` at least one did not; ``undecided`` none failed but some
    could not be judged; ``not run`` with the reason in ``summary``. ``tables`` are further results for the report:
    ``{"title", "columns", "rows"}``. ``command`` makes the step again.
    """

    step: int
    title: str
    status: Literal["passed", "failed", "undecided", "not run"]
    summary: str
    command: str = ""
    records: tuple[Record, ...] = ()
    claims: tuple[ClaimResult, ...] = ()
    tables: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON value."""
        return asdict(self)


def judge(
    records: list[Record] | tuple[Record, ...],
) -> tuple[Literal["passed", "failed", "undecided"], dict[str, int]]:
    """Status of a step and its counts; passed + failed + undecided = total always. No records: failed."""
    passed = sum(r.passed for r in records)
    open_ = ("compared", "constant")
    undecided = sum(r.outcome in open_ and r.verdict == "undecidable at this precision" for r in records)
    counts = {"total": len(records), "passed": passed, "undecided": undecided}
    counts["failed"] = counts["total"] - passed - undecided
    if not records or counts["failed"]:
        return "failed", counts
    return ("undecided" if undecided else "passed"), counts
