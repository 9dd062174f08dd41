"""One framework's dumps for the self-test: of the program as it is, and with a fault planted in it."""

import contextlib
import filecmp
import io
import os
import shutil
from pathlib import Path

from repro.alignment.capture import capture_step
from repro.analysis.measure import measure
from repro.backends import load
from repro.config.paths import RunPaths
from repro.config.profile import BACKENDS, Profile, run_profile, save_profile
from repro.selftest.faults import FAULTS, Case, Fault, planted
from repro.selftest.paths import VOCABULARY, SelftestPaths
from repro.selftest.prepare import profile_of, write_features


def _capture(run: RunPaths, profile: Profile, backend: str) -> None:
    for step in profile.steps:
        capture_step(run, profile, backend, step)


def _measure(run: RunPaths, profile: Profile, backend: str) -> None:
    """The framework's noise floor; not the shares of both, which would need the dumps of the other one."""
    alone = profile.model_copy(update={"backends": (backend,)})
    with contextlib.redirect_stderr(io.StringIO()):  # a bar for every half second
        measure(run, alone, backend)


def capture_clean(paths: SelftestPaths, backend: str, seed: int) -> None:
    """Capture steps 1 to 10 of the program as it is, after ``prepare_clean`` of the seed."""
    run, profile = paths.clean(seed), profile_of(seed)
    write_features(run, profile, backend, load(backend).load_tokenizer(VOCABULARY))
    _capture(run, profile, backend)
    _measure(run, profile, backend)


def _link(target: Path, path: Path) -> None:
    """A relative link, which still works when the folder is moved."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(os.path.relpath(target, path.parent))


def make_case(paths: SelftestPaths, fault: Fault, backend: str) -> Case:
    """A separate run directory, with links into ``clean/0`` for all but features and dumps of ``backend``."""
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


def capture_fault(paths: SelftestPaths, backend: str, name: str) -> None:
    """Capture steps 1 to 10 with a fault planted, after ``capture_clean`` of seed 0 with the same framework.

    The noise floor, on which verdicts rest, is that of the faulty program if step 1 has to see the fault, which then is
    in the forward pass; otherwise it is that of ``clean/0``.
    """
    fault, clean = FAULTS[name], paths.clean(0)
    case = make_case(paths, fault, backend)
    with planted(fault, case):
        profile = run_profile(case.run)
        _capture(case.run, profile, backend)
        if 1 in fault.steps:
            _measure(case.run, profile, backend)
        else:
            _link(clean.precision(backend), case.run.precision(backend))
    for path in (case.run.root / "dumps" / backend).glob("*.npy"):
        unchanged = clean.root / path.relative_to(case.run.root)
        if filecmp.cmp(path, unchanged, shallow=False):  # more than half of what all faults would take on disk
            path.unlink()
            _link(unchanged, path)
