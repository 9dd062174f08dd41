"""What the ordinary comparison says about a run of the self-test: which steps saw the fault, and by what margin."""

from repro.alignment.compare import step_result
from repro.config.paths import RunPaths
from repro.config.profile import run_profile
from repro.errors import InputError
from repro.numerics.verdict import EPS32, ORDERS_WORST
from repro.results import Record, StepResult
from repro.results.selftest import Detection


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


def detection(result: StepResult) -> Detection:
    """Of the records that did not pass one that could not be compared, else that of the largest margin."""
    bad = [record for record in result.records if not record.passed]
    total = len(result.records)
    seen = Detection(step=result.step, status=result.status, records=total, passed=total - len(bad))
    if not bad:
        return seen.replace(reason="" if result.status == "passed" else result.summary)
    worst = max(bad, key=lambda r: (r.verdict == "different semantics", r.outcome != "compared", margin(r) or 0.0))
    return seen.replace(tensor=worst.name, outcome=worst.outcome, margin=margin(worst), reason=worst.reason)


def detect(run: RunPaths) -> list[Detection]:
    """Compare every step of a run.

    Raises:
        InputError: it is not captured with both frameworks, or a step cannot be compared at all.
    """
    if not run.profile.is_file():
        raise InputError("this run of the self-test was not captured", where=run.root, next_step="repro selftest")
    profile = run_profile(run)
    detections = [detection(step_result(run, profile, step)) for step in profile.steps]
    for item in detections:
        if item.status == "not run":
            reason = f"step {item.step} was not captured: {item.reason}"
            raise InputError(reason, where=run.root, next_step="repro selftest")
    return detections
