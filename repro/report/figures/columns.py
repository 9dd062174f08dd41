"""Columns of a step's table as arrays."""

import numpy as np

from repro.results.report import Report


def columns(report: Report, step: int, title: str) -> list[np.ndarray]:
    """(rows,) float64 each, NaN in cells without a number; no columns where the step has no such table."""
    for table in report.steps[step - 1].tables:
        if table.title == title and table.rows:
            return [np.array([_value(cell) for cell in column]) for column in zip(*table.rows, strict=True)]
    return []


def _value(cell: object) -> float:
    return float(cell) if isinstance(cell, int | float) else np.nan
