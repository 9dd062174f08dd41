"""What the comparison of one tensor says. Fails closed: an outcome that is not ``compared`` is never a pass."""

from typing import Literal

from repro.results.base import Result

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
    "equivalent within the margin",
    "different semantics",
    "different",
    "undecidable at this precision",
    "not shown",
]
UNDECIDED: tuple[NumberVerdict, ...] = ("undecidable at this precision", "not shown")
PASSED: tuple[NumberVerdict, ...] = (
    "equal",
    "same semantics, rounding only",
    "as declared",
    "equivalent within the margin",
)


class RecordFields(Result):
    """One compared tensor, PyTorch (a) against Paddle (b).

    Attributes:
        mean_abs, max_abs: of |a - b|, in the tensor's unit.
        relative_l2: ||a - b|| / ||a||.
        max_ulp: largest distance in ulp of the compared dtype; None for integers.
        scale: root mean square of a.
        error_a, error_b: relative L2 of each float32 result against the float64 result of the same framework.
        gap64: relative L2 between the two float64 results: the semantic gap.
        noise_floor: relative L2 by which the steadier framework's float32 result moves at most when weights move by
            1 ulp, or rows and threads change; None where it was not measured.
        tolerance: bound on ``gap64`` (on ``mean_abs`` where only equality counts: 0; on the mean difference of scores:
            their margin), with its derivation.
        sha256_a, sha256_b: of the two float32 dumps; empty where no dump stands behind the record.
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
    def conclusion(self) -> str:
        """The verdict, or the outcome that kept the tensor from being compared."""
        return self.verdict if self.outcome == "compared" else self.outcome


class Record(RecordFields):
    """One compared tensor, as the comparison of a step writes it."""

    @property
    def passed(self) -> bool:
        """True only for a finished comparison with one of the verdicts ``PASSED``."""
        return self.outcome == "compared" and self.verdict in PASSED
