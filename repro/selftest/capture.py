"""One framework's share of the self-test, in one process: clean dumps over several seeds, then one run per fault."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from repro.backends import load
from repro.paths import RunPaths
from repro.profile import BACKENDS, Profile, run_profile, save_profile
from repro.progress import track
from repro.selftest.faults import Case, Fault, chosen, planted
from repro.selftest.layout import CLEAN, SelftestPaths, finish, is_captured, receipt, result
from repro.selftest.prepare import prepare, profile_of
from repro.steps.capture import capture_step
from repro.steps.precision import measure


def _capture(run: RunPaths, profile: Profile, backend: str) -> None:
    for step in profile.steps:
        capture_step(run, profile, backend, step)


def _measure(run: RunPaths, profile: Profile, backend: str) -> None:
    """The framework's own noise floor. Not the shares of both, which hang on how far the other process is."""
    alone = profile.model_copy(update={"backends": (backend,)})
    with contextlib.redirect_stderr(io.StringIO()):  # a bar for every half second
        measure(run, alone, backend)


def capture_clean(paths: SelftestPaths, backend: str, seed: int) -> None:
    """Steps 1 to 10 of the program as it is."""
    run = paths.clean(seed)
    if not is_captured(run, backend):
        result(run).unlink(missing_ok=True)
        receipt(run, backend).unlink(missing_ok=True)
        profile = prepare(run, backend, seed)
        _capture(run, profile, backend)
        _measure(run, profile, backend)
        finish(receipt(run, backend))


def _link(target: Path, path: Path) -> None:
    """A link that a moved folder keeps."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(os.path.relpath(target, path.parent))


def make_case(paths: SelftestPaths, fault: Fault, backend: str) -> Case:
    """A run directory of its own: only the features and the dumps of ``backend`` are not links into ``clean/0``."""
    base, run = paths.clean(0), paths.fault(fault.name, backend)
    shutil.rmtree(run.root, ignore_errors=True)
    _link(base.inputs, run.inputs)
    _link(base.root / "checkpoint", run.root / "checkpoint")
    shutil.copytree(base.root / "features" / backend, run.root / "features" / backend)
    for other in set(BACKENDS) - {backend}:
        for folder in ("features", "dumps"):
            _link(base.root / folder / other, run.root / folder / other)
        _link(base.precision(other), run.precision(other))
    profile = profile_of(0)
    save_profile(run, profile)
    return Case(run, profile, backend)


def capture_fault(paths: SelftestPaths, fault: Fault, backend: str) -> None:
    """Steps 1 to 10 of the program with a fault planted in it.

    The noise floor, which verdicts rest on, is that of the faulty program where the fault is in its forward pass, which
    is the business of step 1; elsewhere it is that of ``clean/0``.
    """
    run = paths.fault(fault.name, backend)
    if not is_captured(run, backend):
        case = make_case(paths, fault, backend)
        with planted(fault, case):
            _capture(run, run_profile(run), backend)
            if 1 in fault.steps:
                _measure(run, run_profile(run), backend)
            else:
                _link(paths.clean(0).precision(backend), run.precision(backend))
        finish(receipt(run, backend))


def capture_all(root: Path, backend: str, names: Sequence[str] | None = None, clean: int = CLEAN) -> None:
    """Everything that one framework has to capture and has not captured yet.

    Args:
        names: of the faults; all of the table by default.
        clean: number of seeds over which the program is captured as it is, at least 1.

    Raises:
        InputError: an unknown fault or backend is named.
    """
    paths, faults = SelftestPaths(root), chosen(names)
    load(backend)
    gc.freeze()  # the frameworks' own objects take each of the steps' collections a quarter of a second
    for seed in track(range(clean), total=clean, title=f"clean runs with {backend}"):
        capture_clean(paths, backend, seed)
    for fault in track(faults, total=len(faults), title=f"faults in {backend}"):
        capture_fault(paths, fault, backend)
    finish(paths.captured(backend), clean=clean, faults=[fault.name for fault in faults])
