"""What one framework's numbers are worth, from stage ``measure``: ``precision/{backend}.json``."""

import math
from dataclasses import dataclass, field

from pydantic import Field

from repro.config.profile import BackendName
from repro.results.base import Result
from repro.results.capture import Cost

Moves = dict[str, dict[str, float]]  # tensor -> what was changed -> relative L2 by which the tensor moved
HALF_ULP64 = 2.0**-53  # relative


@dataclass
class OperationError:
    """Squared L2 norms of one operation's errors, summed over all rows; ratios of their roots are relative errors.

    Attributes:
        size: of the float64 result.
        total: error of the float32 result.
        local: the part that the operation itself makes, its float32 inputs taken as they are.
        propagated: the part that it passes on from its inputs.
    """

    size: float = 0.0
    total: float = 0.0
    local: float = 0.0
    propagated: float = 0.0

    def relative(self, part: str) -> float:
        """``total``, ``local`` or ``propagated`` relative to the float64 result."""
        return math.sqrt(getattr(self, part) / self.size) if self.size else 0.0


@dataclass
class Shares:
    """How much each operation contributes to the difference of two float32 passes, seen from one float64 pass.

    Attributes:
        dot: operation -> sum of (move of b - move of a) * (final b - final a): its part of the squared difference.
        moves: operation -> squared norms of both sides' moves.
        difference: squared norm of final b - final a.
        size: squared norm of final a.
    """

    dot: dict[str, float] = field(default_factory=dict)
    moves: dict[str, tuple[float, float]] = field(default_factory=dict)
    difference: float = 0.0
    size: float = 0.0

    def share(self, name: str) -> float:
        """Part of the final difference that an operation makes; the parts sum to 1. Negative: it takes some away."""
        return self.dot[name] / self.difference if self.difference else 0.0

    def total(self) -> float:
        """Sum of all shares."""
        return sum(self.share(name) for name in self.dot)

    def total_error(self) -> float:
        """How far rounding may bring the sum from 1.

        Each of two passes' n moves is a difference of outputs rounded to float64: 2 n roundings of half a unit of the
        output's size, relative to the size of the difference; four times that for products and sums on the way.
        """
        if not self.difference:
            return 0.0
        return 8.0 * len(self.dot) * HALF_ULP64 * math.sqrt(self.size / self.difference)


class Attribution(Result):
    """Where the error of the logits comes from, by one framework's float64 pass.

    Attributes:
        operations: operation -> its inputs, in the order of computation.
        errors: operation -> errors of this framework.
        scaled: the same with classifiers scaled to logits of the published size, of the operations behind them.
    """

    operations: dict[str, tuple[str, ...]]
    errors: dict[str, OperationError]
    scaled: dict[str, OperationError]
    shares: Shares


class DeterminismCheck(Result):
    """What was done twice: ``bit-equal``, or the first tensor that differs.

    Attributes:
        forward: all activations of the forward pass.
        one_by_one: the operations by themselves against the whole pass.
        backward: all gradients; None where step 8 does not run, and in float64.
    """

    forward: str
    one_by_one: str
    backward: str | None = None


class PrecisionMeasurement(Result):
    """The whole file.

    Attributes:
        inputs: step -> digest of what the measurement belongs to, as in the provenance of that step's dumps.
        arithmetic: what decides how float32 is rounded and summed.
        determinism: precision -> check.
        noise, gradient_noise: float32 results; ``sensitivity``, ``gradient_sensitivity``: float64 results.
        rows: of the batch whose errors were attributed.
        attribution: None with a ``reason`` where it could not be made.
        cost: part of the measurement -> what it took.
    """

    backend: BackendName
    device: str
    inputs: dict[str, str]
    arithmetic: dict[str, str]
    determinism: dict[str, DeterminismCheck]
    noise: Moves
    gradient_noise: Moves = Field(default_factory=dict)
    sensitivity: Moves
    gradient_sensitivity: Moves = Field(default_factory=dict)
    rows: int
    attribution: Attribution | None = None
    reason: str = ""
    cost: dict[str, Cost] = Field(default_factory=dict)
