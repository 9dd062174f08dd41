"""What a comparison asks of two arrays before it calls them equal."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Tolerance:
    """The condition of one comparing call.

    Attributes:
        absolute: bound on the difference; the only one that ``reprod_log`` knows.
        relative: share of the size of the reference that is allowed on top, as in ``allclose``.
        measure: what the bound holds for: the mean of all differences, or each of them.
        source: where the numbers stand: ``check.py:12``, a log, or the default of a library.
    """

    absolute: float
    relative: float = 0.0
    measure: Literal["mean", "each"] = "mean"
    source: str = ""
