"""Both frameworks' dumps of one step, opened only if they are what they claim to be."""

from dataclasses import dataclass, field

from repro.config.paths import RunPaths, sha256_file
from repro.config.profile import BACKENDS, Profile
from repro.dumps import read_dump
from repro.errors import InputError
from repro.numerics.arrays import Arrays
from repro.results import CaptureProvenance, Evidence, Outcome, Record


class NotRunError(Exception):
    """There is nothing to compare; the message says why."""


class NotTrustedError(Exception):
    """The evidence is there but is not two runs of two programs on the same inputs; ``records`` say why."""

    def __init__(self, *records: Record) -> None:
        super().__init__("; ".join(record.reason for record in records))
        self.records = records


def refusal(outcome: Outcome, reason: str) -> NotTrustedError:
    """The error for dumps of which no single array is to blame."""
    return NotTrustedError(Record(name="dumps", outcome=outcome, reason=reason, verdict="different semantics"))


@dataclass
class StepDumps:
    """Both frameworks' dumps of one step and their provenance."""

    run: RunPaths
    profile: Profile
    step: int
    provenance: dict[str, CaptureProvenance] = field(default_factory=dict)
    _dumps: dict[tuple[str, str], Arrays] = field(default_factory=dict)

    def open(self) -> None:
        """Check the provenance of both sides.

        Raises:
            NotRunError: a side was not captured.
            NotTrustedError: a dump is not the file that its capture wrote, both sides are one, or the inputs differ.
        """
        missing = [side for side in BACKENDS if side not in self.profile.backends]
        if missing:
            text = f"The profile runs {self.profile.backends[0]} only: there is no {missing[0]} to compare it with."
            raise NotRunError(text)
        for side in BACKENDS:
            path = self.run.capture(side, self.step)
            if not path.is_file():
                raise NotRunError(
                    f"dumps/{side}/{path.name} is missing: step {self.step} was not captured with {side}."
                )
            try:
                self.provenance[side] = CaptureProvenance.read(path, f"dumps/{side}/{path.name}")
            except InputError as error:
                raise NotRunError(f"{error.what}.") from error
        first, second = (self.provenance[side] for side in BACKENDS)
        if first.backend == second.backend or self._same_files():
            raise refusal("same file", "both sides are dumps of one program")
        for side in BACKENDS:
            self._check_hashes(side)
        if first.inputs != second.inputs:
            raise refusal("stale file", "the two sides were captured from different inputs, profiles or steps")

    def _same_files(self) -> bool:
        pairs = [[self.run.dump(side, self.step, dtype) for side in BACKENDS] for dtype in ("float32", "float64")]
        return any(a.exists() and b.exists() and a.samefile(b) for a, b in pairs)

    def _check_hashes(self, side: str) -> None:
        content = self.provenance[side]
        if content.backend != side:
            raise refusal("stale file", f"dumps/{side} was written by {content.backend}")
        for dtype, expected in content.dumps.items():
            path = self.run.dump(side, self.step, dtype)
            if not path.is_file():
                raise NotRunError(f"dumps/{side}/{path.name} is missing, though its capture was finished.")
            if sha256_file(path) != expected.sha256:
                raise refusal("stale file", f"dumps/{side}/{path.name} is not the file that its capture wrote")

    def has(self, dtype: str) -> bool:
        """Whether both sides have dumps of this precision."""
        return all(dtype in self.provenance[side].dumps for side in BACKENDS)

    def side(self, side: str, dtype: str = "float32") -> Arrays:
        """One side's dump, read once."""
        if (side, dtype) not in self._dumps:
            self._dumps[side, dtype] = read_dump(self.run.dump(side, self.step, dtype))
        return self._dumps[side, dtype]

    def dumps(self, dtype: str = "float32") -> tuple[Arrays, Arrays]:
        """(PyTorch's, Paddle's) dump."""
        return self.side("pytorch", dtype), self.side("paddle", dtype)

    def evidence(self) -> tuple[Evidence, ...]:
        """The float32 dumps behind a number: file (below the run directory) and sha256."""
        files = {side: self.run.dump(side, self.step).relative_to(self.run.root) for side in BACKENDS}
        return tuple(
            Evidence(file=str(file), sha256=self.provenance[side].dumps["float32"].sha256)
            for side, file in files.items()
        )
