"""The table of the self-test: ``selftest.json``, and ``selftest.md`` rendered from it."""

from collections.abc import Sequence

from repro.config.paths import atomic_text
from repro.config.profile import BACKENDS
from repro.markdown import table
from repro.results import Grid
from repro.results.selftest import (
    Alarm,
    CleanCounts,
    CleanResult,
    CleanTotals,
    ClosestCall,
    Clue,
    Detection,
    Detections,
    FaultResult,
    PlantedFault,
    SelftestCounts,
    SelftestResult,
)
from repro.selftest.faults import FAULTS, Fault
from repro.selftest.paths import COMPARED, SelftestPaths

COLUMNS = ("fault", "what it mimics", "PyTorch: seen by steps", "margin", "Paddle: seen by steps", "margin")


def _planted(fault: Fault, detections: Sequence[Detection]) -> PlantedFault:
    """One fault in one framework. The margin is that of the first step that has to see it."""
    seen = [item for item in detections if item.status == "failed"]
    clearest = next((item for item in seen if item.step in fault.steps), seen[0] if seen else None)
    steps = tuple(item.step for item in seen)
    return PlantedFault(
        compared=tuple(item.step for item in detections),
        seen=steps,
        undecided=tuple(item.step for item in detections if item.status == "undecided"),
        missed=tuple(step for step in fault.steps if step not in steps),
        clue=clearest.into(Clue, extent=clearest.extent) if clearest else None,
        steps=tuple(detections),
    )


def _clean(seed: int, detections: Sequence[Detection]) -> CleanResult:
    return CleanResult(
        seed=seed,
        steps=len(detections),
        steps_not_passed=sum(item.status != "passed" for item in detections),
        records=sum(item.records for item in detections),
        records_not_passed=sum(item.records - item.passed for item in detections),
        alarms=tuple(item.into(Alarm, extent=item.extent) for item in detections if item.alarm),
    )


def _cells(row: FaultResult) -> tuple[str, ...]:
    cells = [row.fault, row.mimics]
    for backend in BACKENDS:
        item = row.planted[backend]
        steps = ", ".join(map(str, item.seen)) or "none"
        steps += f"; missed by {', '.join(map(str, item.missed))}" if item.missed else ""
        cells += [steps, f"step {item.clue.step}, `{item.clue.tensor}`: {item.clue.extent}" if item.clue else "—"]
    return tuple(cells)


def _counts(rows: Sequence[FaultResult], clean: Sequence[CleanResult]) -> SelftestCounts:
    planted = [(row.fault, backend, row.planted[backend]) for row in rows for backend in BACKENDS]
    missed = tuple(f"{fault} in {backend}" for fault, backend, item in planted if item.missed)
    margins = [
        ClosestCall(fault=fault, backend=backend, step=item.clue.step, margin=item.clue.margin)
        for fault, backend, item in planted
        if item.clue and item.clue.margin is not None
    ]
    totals = {name: sum(getattr(run, name) for run in clean) for name in CleanCounts.model_fields}
    return SelftestCounts(
        faults=len(rows),
        planted=len(planted),
        seen=len(planted) - len(missed),
        missed=missed,
        closest=min(margins, key=lambda item: item.margin, default=None),
        clean=CleanTotals(runs=len(clean), **totals),
    )


def sentence(counts: SelftestCounts) -> str:
    """The result in two or three sentences."""
    clean, closest = counts.clean, ""
    if counts.closest:
        closest = (
            f" The closest call is {counts.closest.fault} in {counts.closest.backend}, at {counts.closest.margin:.2g}"
            " times its bound."
        )
    missed = f"; not by every step that has to: {', '.join(counts.missed)}" if counts.missed else ""
    return (
        f"{counts.faults} kinds of fault, planted {counts.planted} times in the running code of the two"
        f" frameworks: {counts.seen} seen{missed}.{closest} Without a fault {clean.records_not_passed} of"
        f" {clean.records} records and {clean.steps_not_passed} of {clean.steps} steps over {clean.runs}"
        f" seed{'s' if clean.runs > 1 else ''} raised a false alarm."
    )


def summarise(
    faults: Sequence[Fault], clean: Sequence[Sequence[Detection]], planted: Sequence[Sequence[Detection]]
) -> SelftestResult:
    """The result from what the steps say.

    It passed if every fault was seen by every step that has to see it, and nothing else was seen.

    Args:
        clean: detections of each run without a fault, by seed.
        planted: detections of each fault in each framework, in this order.
    """
    cleans = [_clean(seed, detections) for seed, detections in enumerate(clean)]
    runs = iter(planted)
    rows = [
        FaultResult(
            fault=fault.name,
            mimics=fault.mimics,
            expected=fault.steps,
            planted={backend: _planted(fault, next(runs)) for backend in BACKENDS},
        )
        for fault in faults
    ]
    counts = _counts(rows, cleans)
    return SelftestResult(
        passed=counts.passed,
        sentence=sentence(counts),
        summary=counts,
        table=Grid(columns=COLUMNS, rows=tuple(map(_cells, rows))),
        faults=tuple(rows),
        clean=tuple(cleans),
    )


def conclude(paths: SelftestPaths, names: Sequence[str], clean: int) -> SelftestResult:
    """Write ``selftest.md`` and ``selftest.json`` from what ``compare_runs`` found, and return the result.

    Args:
        names: of the faults.
        clean: number of seeds over which false alarms are counted, at least 1.

    Raises:
        InputError: something was not compared.
    """
    runs: dict[str, tuple[Detection, ...]] = {}
    for part in COMPARED:
        runs |= Detections.read(paths.detections(part), f"detections/{part}.json").runs
    without = [runs[paths.folder(paths.clean(seed))] for seed in range(clean)]
    faults, planted = [FAULTS[name] for name in names], []
    for name in names:
        for backend in BACKENDS:
            changed = {item.step: item for item in runs[paths.folder(paths.fault(name, backend))]}
            planted.append([changed.get(item.step, item) for item in without[0]])  # what it left alone is as in clean/0
    result = summarise(faults, without, planted)
    atomic_text(paths.markdown, render(result))
    result.write(paths.json)
    return result


def render(result: SelftestResult) -> str:
    """``selftest.md``."""
    lines = ["# Self-test: detection power of the checks", "", f"**{result.sentence}**", ""]
    lines += table(result.table.columns, result.table.rows)
    lines += ["## False alarms", ""]
    rows = [[run.seed, run.steps, run.steps_not_passed, run.records, run.records_not_passed] for run in result.clean]
    lines += table(("seed", "steps", "not passed", "records", "not passed"), rows)
    lines += [
        f"- seed {run.seed}, step {alarm.step} {alarm.status}, `{alarm.tensor}`: {alarm.extent}"
        for run in result.clean
        for alarm in run.alarms
    ]
    return "\n".join(lines).rstrip() + "\n"
