"""Losses of the trainings of a run, as its files hold them."""

from collections import defaultdict
from pathlib import Path

import numpy as np

from repro.config.paths import RunPaths
from repro.config.profile import BackendName
from repro.results.report import Report
from repro.results.training import Init

Curves = dict[tuple[int, Init, BackendName], dict[tuple[int, int], np.ndarray]]  # -> seed, repeat -> (steps,) losses
Pairs = dict[tuple[int, Init], list[tuple[np.ndarray, np.ndarray]]]  # -> (steps,) losses of PyTorch and of Paddle


def loss_curves(run: RunPaths, report: Report) -> Curves:
    """Of every finished training; those that are missing or no list of numbers are left out."""
    curves: Curves = defaultdict(dict)
    for entry in report.training:
        if entry.status == "done":
            losses = _read(run.root / entry.folder / "losses.npy")
            if losses is not None:
                curves[entry.size, entry.init, entry.backend][entry.seed, entry.repeat] = losses
    return dict(curves)


def pairs(curves: Curves) -> Pairs:
    """The same training in both frameworks, by size and start weights."""
    paired: Pairs = {}
    for (size, init, backend), seeds in curves.items():
        others = curves.get((size, init, "paddle"), {}) if backend == "pytorch" else {}
        both = [(losses, others[key]) for key, losses in seeds.items() if key in others]
        if same := [(a, b) for a, b in both if a.shape == b.shape]:
            paired[size, init] = same
    return paired


def _read(path: Path) -> np.ndarray | None:
    """(steps,) float64; None where the file is missing or is no list of numbers."""
    try:
        losses: np.ndarray = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    usable = losses.ndim == 1 and losses.size and losses.dtype.kind == "f" and bool(np.isfinite(losses).all())
    return losses if usable else None
