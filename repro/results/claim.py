"""The answer of a run to one documented claim."""

from typing import Annotated, Literal

from pydantic import Field

from repro.results.base import Result, Sha256
from repro.results.record import NumberVerdict

ClaimVerdict = Literal[
    "reproduced",
    "differs",
    "document inconsistent",
    "published check could not fail",
    "not comparable in this profile",
    "not run",
]
EXPLAINED: tuple[ClaimVerdict, ...] = ("document inconsistent", "published check could not fail")


class Evidence(Result):
    """A file of the run (path below the run directory) with its sha256."""

    file: str
    sha256: Sha256


class ClaimResult(Result):
    """A documented number (by its id in the claims file) answered by a measurement; no verdict without a reason.

    Attributes:
        measured: None where the profile cannot measure it.
        semantics: what the comparison behind the number says, whatever the profile can say about its absolute size.
    """

    id: str
    measured: float | str | None
    verdict: ClaimVerdict
    reason: Annotated[str, Field(pattern=r"\S")]
    relative: float | None = None
    semantics: NumberVerdict | None = None
    evidence: tuple[Evidence, ...] = ()
