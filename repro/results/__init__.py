"""The types that pass between all parts of the program. Each is parsed once, where a file is read.

Types that no capture needs (report, self-test, audit, inputs) are imported from their modules, so that a change of them
leaves every capture finished.
"""

from repro.results.base import Cell, Grid, Result, Sha256, Table
from repro.results.capture import CaptureProvenance, Cost, DType, DumpFile, Provenance
from repro.results.claim import EXPLAINED, ClaimResult, ClaimVerdict, Evidence
from repro.results.record import PASSED, NumberVerdict, Outcome, Record
from repro.results.step import Status, StepComparison, StepResult, status_and_counts, verdict_on_all
from repro.results.training import (
    Attempt,
    TrainingAttempts,
    TrainingDetails,
    TrainingDurations,
    TrainingName,
    TrainingResult,
)

__all__ = [
    "EXPLAINED",
    "PASSED",
    "Attempt",
    "CaptureProvenance",
    "Cell",
    "ClaimResult",
    "ClaimVerdict",
    "Cost",
    "DType",
    "DumpFile",
    "Evidence",
    "Grid",
    "NumberVerdict",
    "Outcome",
    "Provenance",
    "Record",
    "Result",
    "Sha256",
    "Status",
    "StepComparison",
    "StepResult",
    "Table",
    "TrainingAttempts",
    "TrainingDetails",
    "TrainingDurations",
    "TrainingName",
    "TrainingResult",
    "status_and_counts",
    "verdict_on_all",
]
