"""One framework's dumps for the self-test: of the program as it is, and with a fault planted in it."""

import contextlib
import gc
import importlib
import io
from collections.abc import Iterator

from repro.alignment.capture import capture_step
from repro.analysis.measure import measure
from repro.backends import load
from repro.config.paths import RunPaths, unsynced
from repro.config.profile import Profile
from repro.config.protocol import rules
from repro.selftest.case import make_case
from repro.selftest.faults import FAULTS, planted
from repro.selftest.file_faults import FILE_FAULTS
from repro.selftest.paths import VOCABULARY, SelftestPaths
from repro.selftest.prepare import profile_of, write_features


@contextlib.contextmanager
def reused_models(run: RunPaths, profile: Profile, backend: str) -> Iterator[None]:
    """Captures in this context share few models, each reset before it is used again.

    What earlier ones have left lives as long as the process: collections between models need not search it.
    """
    gc.collect()
    gc.freeze()
    pool = importlib.import_module(f"repro.backends.{backend}.faults").POOL
    with unsynced(), pool.in_use(run.checkpoint(backend), rules(profile.protocol, backend)):
        yield


def _measure(run: RunPaths, profile: Profile, backend: str) -> None:
    """The framework's noise floor; not the shares of both, which would need the dumps of the other one."""
    alone = profile.model_copy(update={"backends": (backend,)})
    with contextlib.redirect_stderr(io.StringIO()):  # a bar for every half second
        measure(run, alone, backend)


def capture_clean(paths: SelftestPaths, backend: str, seed: int) -> None:
    """Capture steps 1 to 10 of the program as it is, after ``prepare_clean`` of the seed."""
    run, profile = paths.clean(seed), profile_of(seed)
    write_features(run, profile, backend, load(backend).load_tokenizer(VOCABULARY))
    with reused_models(run, profile, backend):
        for step in profile.steps:
            capture_step(run, profile, backend, step)
        _measure(run, profile, backend)


def capture_fault(paths: SelftestPaths, backend: str, name: str) -> None:
    """Capture the steps that a fault can reach, after ``capture_clean`` of seed 0; the others are links to its files.

    The noise floor, on which verdicts rest, is that of the faulty program if step 1 has to see the fault, which then is
    in the forward pass; otherwise it is that of ``clean/0``.
    """
    fault, case = FAULTS[name], make_case(paths, name, backend)
    for step in case.profile.steps:
        if step not in fault.reach:
            case.link_step(step)
    if not (measured := bool(fault.reach) and 1 in fault.steps):
        case.link(case.run.precision(backend))
    if spoil := FILE_FAULTS.get(name):
        with unsynced():
            spoil(case)
        return
    with reused_models(case.run, case.profile, backend), planted(fault, case):
        for step in fault.reach:
            capture_step(case.run, case.profile, backend, step)
        if measured:
            _measure(case.run, case.profile, backend)
