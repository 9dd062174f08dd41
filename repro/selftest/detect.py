"""What the ordinary comparison says about a run of the self-test: which steps saw the fault, and by what margin."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from unittest.mock import patch

from repro.alignment.compare import step_result
from repro.config.paths import RunPaths
from repro.config.profile import BACKENDS
from repro.config.profile_file import run_profile
from repro.context import dumps
from repro.dumps import read_dump
from repro.errors import InputError
from repro.numerics.arrays import Arrays
from repro.numerics.verdict import EPS32, ORDERS_WORST
from repro.results import Record, StepResult
from repro.results.selftest import Detection, Detections
from repro.selftest.faults import FAULTS
from repro.selftest.paths import COMPARED, SelftestPaths


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


def detect(run: RunPaths, clean: RunPaths | None = None) -> list[Detection]:
    """Compare the steps of a run.

    Args:
        clean: leave out the steps whose files are, on both sides, those of this run.

    Raises:
        InputError: it is not captured with both frameworks, or a step cannot be compared at all.
    """
    if not run.profile.is_file():
        raise InputError("this run of the self-test was not captured", where=run.root, next_step="repro selftest")
    profile = run_profile(run)
    steps = [step for step in profile.steps if clean is None or not _shared(run, clean, step)]
    with patch.object(dumps, "read_dump", _keeping(clean) if clean else read_dump):
        detections = [detection(step_result(run, profile, step)) for step in steps]
    for item in detections:
        if item.status == "not run":
            reason = f"step {item.step} was not captured: {item.reason}"
            raise InputError(reason, where=run.root, next_step="repro selftest")
    return detections


def _shared(run: RunPaths, clean: RunPaths, step: int) -> bool:
    """Whether both sides of a step are links to the captures of another run."""
    for side in BACKENDS:
        for path in (run.capture(side, step), run.dump(side, step), run.dump(side, step, "float64")):
            target = clean.root / path.relative_to(run.root)
            if target.is_file() and not (path.is_file() and path.samefile(target)):
                return False
    return True


def _keeping(clean: RunPaths) -> Callable[[Path], Arrays]:
    """``read_dump`` that keeps the dumps of the clean run, which are one side of every comparison with a fault."""
    root = clean.root.resolve()

    def read(path: Path) -> Arrays:
        file = path.resolve()
        return _kept(file) if file.is_relative_to(root) else read_dump(file)

    return read


_kept = cache(read_dump)


def runs_to_compare(paths: SelftestPaths, names: Sequence[str], clean: int) -> dict[str, list[RunPaths]]:
    """The runs of each part of ``COMPARED``, from the names of the faults and the number of clean runs."""
    runs: dict[str, list[RunPaths]] = {part: [] for part in COMPARED}
    runs["clean"] += [paths.clean(seed) for seed in range(clean)]
    for backend in BACKENDS:
        for name in names:
            runs[f"{backend}-{FAULTS[name].group}"].append(paths.fault(name, backend))
    return runs


def compare_runs(paths: SelftestPaths, part: str, runs: Sequence[RunPaths]) -> None:
    """Compare runs, each as far as it is not ``clean/0``; write ``detections/{part}.json``.

    Raises:
        InputError: something was not captured.
    """
    clean = paths.clean(0)
    shared = [None if run == clean else clean for run in runs]
    results = {paths.folder(run): tuple(detect(run, base)) for run, base in zip(runs, shared, strict=True)}
    Detections(runs=results).write(paths.detections(part))
