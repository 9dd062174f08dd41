"""What the ordinary comparison says about every run of the self-test: which steps saw the fault, and by what margin."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass

from repro.errors import InputError
from repro.numerics.record import Record, StepResult
from repro.numerics.verdict import EPS32, ORDERS_WORST
from repro.paths import RunPaths, read_json
from repro.profile import BACKENDS, run_profile
from repro.selftest.layout import finish, is_finished, result
from repro.steps.compare import step_result


@dataclass(frozen=True)
class Sight:
    """What one step says about one run.

    Attributes:
        status: of the step; ``failed`` is what says that something was seen.
        tensor: that gives the fault away most clearly, with its outcome and the record's own reason.
        margin: how many times its bound is exceeded; None where equality is asked for or nothing could be compared.
    """

    step: int
    status: str
    records: int
    passed: int
    tensor: str = ""
    outcome: str = ""
    margin: float | None = None
    reason: str = ""

    def extent(self) -> str:
        """The margin in a few words."""
        if self.margin is not None:
            return f"{self.margin:.3g} times its bound"
        return self.reason if self.outcome == "compared" else self.outcome


def margin(record: Record) -> float | None:
    """Times that the float64 gap exceeds its tolerance, or one float32 error its bound in terms of the other."""
    if record.outcome != "compared" or record.gap64 is None or not record.tolerance:
        return None
    times = record.gap64 / record.tolerance
    if record.error_a is None or record.error_b is None:
        return times
    floor = max(EPS32, record.noise_floor or 0.0)
    low, high = sorted(max(error, floor) for error in (record.error_a, record.error_b))
    return max(times, high / low / ORDERS_WORST)


def sight(found: StepResult) -> Sight:
    """Of the records that did not pass one that could not be compared, else that of the largest margin."""
    bad = [record for record in found.records if not record.passed]
    counts = found.step, found.status, len(found.records), len(found.records) - len(bad)
    if not bad:
        return Sight(*counts, reason="" if found.status == "passed" else found.summary)
    worst = max(bad, key=lambda r: (r.verdict == "different semantics", r.outcome != "compared", margin(r) or 0.0))
    return Sight(*counts, worst.name, worst.outcome, margin(worst), worst.reason)


def judge(run: RunPaths) -> list[Sight]:
    """Compare every step of a run, once.

    Raises:
        InputError: it is not captured with both frameworks, or a step cannot be compared at all.
    """
    if is_finished(result(run)):
        return [Sight(**item) for item in read_json(result(run))["steps"]]
    if not run.profile.is_file():
        raise InputError("this run of the self-test was not captured", where=run.root, next_step="repro selftest")
    profile = run_profile(run)
    found = [sight(step_result(run, profile, step)) for step in profile.steps]
    if lost := [item for item in found if item.status == "not run"]:
        raise InputError(
            f"step {lost[0].step} was not captured: {lost[0].reason}", where=run.root, next_step="repro selftest"
        )
    finish(result(run), steps=[asdict(item) for item in found])
    return found


def remove_dumps(run: RunPaths) -> None:
    """Remove the dumps of a judged run; links to those of another stay."""
    for folder in ((run.root / "dumps" / backend) for backend in BACKENDS):
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
