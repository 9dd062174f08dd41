"""What a comparison of one of steps 1 to 10 starts from: dumps, claims, data and measured noise."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from repro.claims import Claim, load_claims
from repro.config.profile import BACKENDS
from repro.context.data import RunData
from repro.context.dumps import NotTrustedError, StepDumps, refusal
from repro.dumps.sketch import projection_error
from repro.errors import InputError
from repro.numerics.invariance import zero_by_shift
from repro.numerics.verdict import EPS32, NOT_MEASURED, Noise, judge_exact, judge_floats
from repro.results import Record
from repro.results.precision import Moves, PrecisionMeasurement

STRUCTURE = ("missing key", "extra key", "shape differs", "dtype differs", "not finite")
NO_KEY = frozenset[str]().__contains__


@dataclass
class CompareContext(StepDumps):
    """Profile, claims, dumps and measurements of one step."""

    def open(self) -> None:
        """Check provenance and structure of both sides.

        Raises:
            NotRunError: a side was not captured.
            NotTrustedError: the dumps are not two runs on the same inputs, or their arrays do not fit each other.
        """
        super().open()
        records = self.records()
        if not records:
            raise refusal("missing key", "both dumps are empty")
        if any(record.outcome in STRUCTURE for record in records):
            raise NotTrustedError(*records)

    @property
    def command(self) -> str:
        """The command that repeats the step, ``$RUN`` for the run directory, which may move."""
        stages = [*(f"capture --run $RUN --backend {name}" for name in self.profile.backends), "compare --run $RUN"]
        return " && ".join(f"python -m repro stage {stage} --only {self.step}" for stage in stages)

    @cached_property
    def claims(self) -> dict[str, Claim]:
        """Documented claims of this step, by id."""
        return {name: claim for name, claim in load_claims().items() if claim.step == self.step}

    @cached_property
    def data(self) -> dict[str, RunData]:
        """Data of either backend, by its name."""
        return {side: RunData(self.run, self.profile, side) for side in BACKENDS}

    @cached_property
    def precision(self) -> dict[str, PrecisionMeasurement]:
        """What was measured with each framework, by its name; empty unless both belong to the inputs of the dumps."""
        measurements: dict[str, PrecisionMeasurement] = {}
        for side in BACKENDS:
            try:
                measurement = PrecisionMeasurement.read(self.run.precision(side))
            except InputError:
                return {}
            if measurement.inputs.get(str(self.step)) != self.provenance[side].inputs:
                return {}
            measurements[side] = measurement
        return measurements

    def noise(self, name: str) -> Noise:
        """Measured noise floor of a tensor, over everything that was changed, and its sensitivity in float64.

        The floor is the smaller one of the two frameworks': a coarser arithmetic moves its own results more, which must
        not excuse it. The sensitivity, which no float32 touches, is the larger one. A part of a large tensor
        (``repro.dumps.sketch``), which may stand still by luck, moves as the largest of the parts does. A gradient that
        is zero in exact arithmetic has neither: there is nothing that they could be relative to.
        """
        if zero_by_shift(name):
            return NOT_MEASURED
        whole = name.partition("[")[0].removeprefix("scaled.")
        keys = (name, whole, f"{whole}[sample]")
        measured = self.precision.values()
        floors = [_largest(keys, side.noise, side.gradient_noise) for side in measured]
        sensitivities = [_largest(keys, side.sensitivity, side.gradient_sensitivity) for side in measured]
        return Noise(
            min((floor for floor in floors if floor is not None), default=None),
            max((sensitivity for sensitivity in sensitivities if sensitivity is not None), default=None),
        )

    def records(
        self,
        *,
        exact: Callable[[str], bool] = NO_KEY,
        floors: dict[str, float] | None = None,
        skip: Callable[[str], bool] = NO_KEY,
    ) -> list[Record]:
        """One record for every key that either side has.

        Args:
            exact: keys of floats for which only equality counts; integers and text always do.
            floors: smallest relative float32 error to assume, by key.
            skip: keys that need not be equal; their structure is checked before any comparison.
        """
        a, b = self.dumps()
        a64, b64 = self.dumps("float64") if self.has("float64") else ({}, {})
        records = []
        for name in [*a, *(key for key in b if key not in a)]:
            if skip(name):
                continue
            if (name in a) != (name in b):
                record = missing(name, in_first=name in a)
            elif exact(name) or a[name].dtype.kind != "f":
                record = judge_exact(name, a[name], b[name])
            elif (name in a64) != (name in b64):
                record = missing(name, in_first=name in a64)
            else:
                floor = max(EPS32 * projection_error(name, a), (floors or {}).get(name, 0.0))
                f64 = a64.get(name), b64.get(name)
                record = judge_floats(name, a[name], b[name], *f64, floor=floor, noise=self.noise(name))
            records.append(self.signed(record))
        return records

    def signed(self, record: Record) -> Record:
        """The record with the hashes of the two float32 dumps."""
        hashes = [self.provenance[side].dumps["float32"].sha256 for side in BACKENDS]
        return record.replace(sha256_a=hashes[0], sha256_b=hashes[1])


def _largest(keys: Iterable[str], *measured: Moves) -> float | None:
    """What moves any of these tensors most in one framework's measurements; None where none was measured."""
    return max((move for key in keys for moves in measured for move in moves.get(key, {}).values()), default=None)


def missing(name: str, *, in_first: bool) -> Record:
    """Record of a key that only one side has."""
    outcome, verb = ("missing key", "lacks") if in_first else ("extra key", "alone has")
    return Record(name=name, outcome=outcome, reason=f"Paddle {verb} it", verdict="different semantics")


def find(records: Sequence[Record], name: str) -> Record:
    """The record of one key.

    Raises:
        InputError: no such key was compared.
    """
    for record in records:
        if record.name == name:
            return record
    reason = f"no record {name!r}: the dumps are not those of this step"
    raise InputError(reason, next_step="delete dumps/ and run again")
