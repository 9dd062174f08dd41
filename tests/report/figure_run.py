"""What the figures read beside a report: a synthetic run with measurements, losses and a self-test."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from repro.alignment.step03_metric.answer_stability import BY_QUESTION, COULD_CHANGE
from repro.alignment.step08_backward.perturbation_growth import GROWTH
from repro.config.paths import RunPaths
from repro.config.profile import BACKENDS, BackendName
from repro.results import Cell, Grid, Table
from repro.results.precision import Attribution, OperationError, PrecisionMeasurement, Shares
from repro.results.selftest import (
    CleanTotals,
    ClosestCall,
    Clue,
    FaultResult,
    PlantedFault,
    SelftestCounts,
    SelftestResult,
)
from tests.report.synthetic_run import make_record, make_step, write_run, write_step

OPERATIONS = ("embeddings", "encoder.layer.0", "end_logits_unmasked")
MARGINS = {"tf32": 1.5, "gelu-tanh": 2e9, "stale-file": None}  # of planted faults; None: an equality is broken


def write_figure_run(root: Path) -> RunPaths:
    """A complete run with everything that a figure can show."""
    run = write_run(root, selftest={"faults": "all"})
    write_step(run, make_step(1, [make_record(name, noise_floor=2e-7) for name in OPERATIONS]))
    questions = [(0, 0.5, 1e-4), (1, None, 1e-4), (2, 3e-4, 2e-4)]
    pairs = [
        (name, move, 0.1, 0, 0, 50.0, 50.0, None) for name, move in zip("abcd", (2e-4, 1e-4, 1e-4, 4e-4), strict=True)
    ]
    write_step(run, make_step(3, tables=[_table(BY_QUESTION, questions), _table(COULD_CHANGE, pairs)]))
    growth = [(step, 4e-7, 2e-7 * (step > 0), 1e-7, 2.0, 3.2e-6) for step in range(20)]
    write_step(run, make_step(8, tables=[_table(GROWTH, growth)]))
    for backend in BACKENDS:
        _precision(backend).write(run.precision(backend))
        for folder in (run.root / "training" / backend).iterdir():
            np.save(folder / "losses.npy", np.linspace(4.0, 1.0, 202) + (backend == "paddle") * 1e-6)
    _selftest().write(run.selftest / "selftest.json")
    return run


def _table(title: str, rows: Iterable[tuple[Cell, ...]]) -> Table:
    rows = tuple(rows)
    return Table(title=title, columns=tuple("abcdefgh"[: len(rows[0])]), rows=rows)


def _precision(backend: BackendName) -> PrecisionMeasurement:
    errors = {
        name: OperationError(size=1.0, total=(1e-7 * number) ** 2, local=4e-15)
        for number, name in enumerate(OPERATIONS, 1)
    }
    operations = {name: OPERATIONS[:number][-1:] for number, name in enumerate(OPERATIONS)}
    return PrecisionMeasurement(
        **{"backend": backend, "device": "cpu", "rows": 1, "inputs": {}, "arithmetic": {}, "noise": {}},
        **{"sensitivity": {}, "determinism": {}},
        attribution=Attribution(operations=operations, errors=errors, scaled={}, shares=Shares()),
    )


def _selftest() -> SelftestResult:
    faults = []
    for fault, margin in MARGINS.items():
        clue = Clue(step=1, tensor="embeddings", margin=margin, extent="")
        planted = PlantedFault(compared=(1,), seen=(1,), undecided=(), missed=(), clue=clue, steps=())
        faults.append(FaultResult(fault=fault, mimics="", expected=(1,), planted=dict.fromkeys(BACKENDS, planted)))
    clean = CleanTotals(runs=1, steps=10, steps_not_passed=0, records=372, records_not_passed=0)
    closest = ClosestCall(fault="tf32", backend="pytorch", step=1, margin=1.5)
    counts = SelftestCounts(faults=3, planted=6, seen=6, missed=(), closest=closest, clean=clean)
    table = Grid(columns=("fault",), rows=tuple((fault,) for fault in MARGINS))
    return SelftestResult(passed=True, sentence="-", summary=counts, table=table, faults=tuple(faults), clean=())
